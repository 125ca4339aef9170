//! CPU time and latency of requests on open connections.
//!
//! In each round every contender's server is started; then they take turns in slices, so that even a short busy spell of the
//! machine falls on all of them. Who has not its turn sleeps.

use std::io;
use std::time::Duration;

use crate::contender::Contender;
use crate::load::Load;
use crate::options::Options;
use crate::process::OneCpu;
use crate::server::Server;
use crate::servers::Setup;
use crate::support::table::percentile;
use crate::table::{Row, Table};

const CONNECTIONS: usize = 64;

/// A workload.
struct Case {
    name: &'static str,
    workers: usize,
    /// Requests sent at a time on a connection.
    depth: usize,
    /// Of a round and contender.
    requests: usize,
    /// How many turns that is.
    slices: usize,
}

/// What a slice has shown of a contender.
struct Slice {
    /// Microseconds a request.
    cpu: f64,
    /// Microseconds.
    p99: f64,
    /// Thousands of requests a second.
    rate: f64,
}

pub fn load(options: &Options) -> Vec<Row> {
    let requests = if options.quick { 40_000 } else { 800_000 };
    let case = Case { name: "load", workers: options.workers, depth: 1, requests, slices: 25 };
    let mut user = Row::new("user CPU, µs a request").reach(0.45).decimals(2);
    let mut cpu = Row::new("CPU, µs a request").decimals(2);
    let mut p99 = Row::new("p99, µs");
    let mut rate = Row::new("thousand requests a second");
    run(options, &case, |turn| {
        user.add(turn.contender, turn.user());
        turn.add(&mut cpu, |slice| slice.cpu);
        turn.add(&mut p99, |slice| slice.p99);
        turn.add(&mut rate, |slice| slice.rate);
    });
    let ratio = p99.divided_by(Contender::Hyper, "p99 ÷ hyper's").reach(1.0);
    let mut table = Table::new(format!(
        "load: {CONNECTIONS} connections, one request at a time on each, {} worker(s)",
        case.workers
    ));
    table.note(
        "The client is one thread; hyper on several workers is tokio's multi_thread scheduler.",
    );
    table.note("The kernel shares CPU time out to user and system by its ticks: some per cent of chance in a round.");
    table.print(&[&user, &cpu, &p99, &ratio, &rate]);
    vec![user, ratio]
}

pub fn pinned(options: &Options) -> Vec<Row> {
    let requests = if options.quick { 40_000 } else { 400_000 };
    let case = Case { name: "pinned", workers: 1, depth: 1, requests, slices: 20 };
    let _one = OneCpu::hold();
    let title = format!("pinned: {CONNECTIONS} connections, one worker and the client on one CPU");
    let note = "hyper on one worker is tokio's current_thread scheduler.";
    compared(options, &case, title, note, "pinned: CPU ÷ bare's", 1.06)
}

pub fn pipelined(options: &Options) -> Vec<Row> {
    let requests = if options.quick { 160_000 } else { 2_000_000 };
    let case =
        Case { name: "pipelined", workers: options.workers, depth: 16, requests, slices: 20 };
    let title = format!(
        "pipelined: {CONNECTIONS} connections, 16 requests at a time on each, {} worker(s)",
        case.workers
    );
    let note = "hyper on several workers is tokio's multi_thread scheduler.";
    compared(options, &case, title, note, "16 deep: CPU ÷ bare's", 1.15)
}

/// CPU time and its ratio to the bare loop's.
fn compared(
    options: &Options,
    case: &Case,
    title: String,
    note: &str,
    label: &str,
    reach: f64,
) -> Vec<Row> {
    let mut cpu = Row::new("CPU, µs a request").decimals(3);
    let mut rate = Row::new("thousand requests a second");
    run(options, case, |turn| {
        turn.add(&mut cpu, |slice| slice.cpu);
        turn.add(&mut rate, |slice| slice.rate);
    });
    let ratio = cpu.divided_by(Contender::Bare, label).reach(reach);
    let mut table = Table::new(title);
    table.note("User and system time of the server. A ratio is of runs that follow on each other.");
    table.note(note);
    table.print(&[&cpu, &ratio, &rate]);
    vec![ratio]
}

fn run(options: &Options, case: &Case, mut add: impl FnMut(&Turn)) {
    for round in 0..options.rounds {
        eprintln!("{} round {} of {}", case.name, round + 1, options.rounds);
        let start = |&contender: &Contender| Turn::start(contender, case);
        let mut turns: Vec<_> = options.contenders.iter().map(start).collect();
        for _ in 0..case.slices {
            turns.iter_mut().for_each(|turn| turn.take(case.requests / case.slices));
        }
        turns.iter().for_each(&mut add);
    }
}

/// A contender in a round.
struct Turn {
    contender: Contender,
    /// Its server, and what came of it so far; or why it failed.
    run: Result<(Running, Vec<Slice>), String>,
}

struct Running {
    server: Server,
    load: Load,
    /// All requests since the server was warm, and its user time then.
    requests: usize,
    user_before: Duration,
}

impl Turn {
    fn start(contender: Contender, case: &Case) -> Turn {
        Turn { contender, run: Running::start(contender, case).map(|run| (run, Vec::new())) }
    }

    fn take(&mut self, requests: usize) {
        let Ok((running, slices)) = &mut self.run else { return };
        match running.slice(requests) {
            Ok(slice) => slices.push(slice),
            Err(error) => self.run = Err(error.to_string()),
        }
    }

    /// Adds a figure of each slice.
    fn add(&self, row: &mut Row, figure: impl Fn(&Slice) -> f64) {
        match &self.run {
            Ok((_, slices)) => slices.iter().for_each(|s| row.add(self.contender, Ok(figure(s)))),
            Err(why) => row.add(self.contender, Err(why.clone())),
        }
    }

    /// User CPU time in the whole round, in microseconds a request.
    fn user(&self) -> Result<f64, String> {
        let (running, _) = self.run.as_ref().map_err(Clone::clone)?;
        Ok(micros(running.server.user() - running.user_before, running.requests))
    }
}

impl Running {
    fn start(contender: Contender, case: &Case) -> Result<Running, String> {
        let server = Server::start(contender, Setup::workers(case.workers))?;
        let warm = Load::connect(server.address, CONNECTIONS, case.depth)
            .and_then(|mut load| load.run(case.requests / 20).map(|_| load));
        let load = warm.map_err(|error| error.to_string())?;
        let user_before = server.user();
        Ok(Running { server, load, requests: 0, user_before })
    }

    fn slice(&mut self, requests: usize) -> io::Result<Slice> {
        // What the others did has cooled the caches, and time has passed.
        self.requests += self.load.run(requests / 20)?.requests;
        let cpu = self.server.cpu();
        let outcome = self.load.run(requests)?;
        let cpu = self.server.cpu() - cpu;
        self.requests += outcome.requests;
        Ok(Slice {
            cpu: micros(cpu, outcome.requests),
            p99: percentile(&outcome.latencies, 0.99) / 1e3,
            rate: outcome.requests as f64 / outcome.wall.as_secs_f64() / 1e3,
        })
    }
}

/// The time of one request.
fn micros(time: Duration, requests: usize) -> f64 {
    time.as_secs_f64() * 1e6 / requests as f64
}
