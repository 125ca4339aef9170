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
    slices: usize,
}

/// What a round has shown of a contender, in microseconds a request.
struct Figures {
    cpu: f64,
    user: f64,
    p99: f64,
    /// Requests a microsecond.
    rate: f64,
}

pub fn load(options: &Options) -> Vec<Row> {
    let requests = if options.quick { 40_000 } else { 1_000_000 };
    let case = Case { name: "load", workers: options.workers, depth: 1, requests, slices: 10 };
    let mut user = Row::new("user CPU, µs a request").reach(0.45).decimals(2);
    let mut cpu = Row::new("CPU, µs a request").decimals(2);
    let mut p99 = Row::new("p99, µs").decimals(0);
    let mut rate = Row::new("thousand requests a second").decimals(0);
    run(options, &case, |contender, figures| {
        user.add(contender, figures.as_ref().map(|f| f.user).map_err(Clone::clone));
        cpu.add(contender, figures.as_ref().map(|f| f.cpu).map_err(Clone::clone));
        p99.add(contender, figures.as_ref().map(|f| f.p99).map_err(Clone::clone));
        rate.add(contender, figures.as_ref().map(|f| f.rate * 1e3).map_err(Clone::clone));
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
    let requests = if options.quick { 40_000 } else { 500_000 };
    let case = Case { name: "pinned", workers: 1, depth: 1, requests, slices: 20 };
    let _one = OneCpu::hold();
    let title = format!("pinned: {CONNECTIONS} connections, one worker and the client on one CPU");
    let note = "hyper on one worker is tokio's current_thread scheduler.";
    compared(options, &case, title, note, "pinned: CPU ÷ bare's", 1.06)
}

pub fn pipelined(options: &Options) -> Vec<Row> {
    let requests = if options.quick { 160_000 } else { 4_000_000 };
    let case =
        Case { name: "pipelined", workers: options.workers, depth: 16, requests, slices: 10 };
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
    run(options, case, |contender, figures| {
        cpu.add(contender, figures.as_ref().map(|f| f.cpu).map_err(Clone::clone));
        rate.add(contender, figures.as_ref().map(|f| f.rate * 1e3).map_err(Clone::clone));
    });
    let ratio = cpu.divided_by(Contender::Bare, label).reach(reach);
    let mut table = Table::new(title);
    table.note("User and system time of the server. A ratio is of figures of the same round.");
    table.note(note);
    table.print(&[&cpu, &ratio, &rate]);
    vec![ratio]
}

fn run(options: &Options, case: &Case, mut add: impl FnMut(Contender, Result<Figures, String>)) {
    for round in 0..options.rounds {
        eprintln!("{} round {} of {}", case.name, round + 1, options.rounds);
        let mut turns = Vec::new();
        for &contender in &options.contenders {
            match Turn::start(contender, case) {
                Ok(turn) => turns.push(turn),
                Err(why) => add(contender, Err(why)),
            }
        }
        for _ in 0..case.slices {
            turns.iter_mut().for_each(|turn| turn.take(case.requests / case.slices));
        }
        turns.into_iter().for_each(|turn| add(turn.contender, turn.end()));
    }
}

/// A server with its connections.
struct Turn {
    contender: Contender,
    server: Server,
    load: Load,
    done: Result<Done, String>,
}

#[derive(Default)]
struct Done {
    /// Including those that warm up.
    all: usize,
    user_before: Duration,
    requests: usize,
    cpu: Duration,
    wall: Duration,
    latencies: Vec<f64>,
}

impl Turn {
    fn start(contender: Contender, case: &Case) -> Result<Turn, String> {
        let server = Server::start(contender, Setup::workers(case.workers))?;
        let warm = Load::connect(server.address, CONNECTIONS, case.depth)
            .and_then(|mut load| load.run(case.requests / 20).map(|_| load));
        let load = warm.map_err(|error| error.to_string())?;
        let done = Done { user_before: server.user(), ..Done::default() };
        Ok(Turn { contender, server, load, done: Ok(done) })
    }

    fn take(&mut self, requests: usize) {
        let Ok(done) = &mut self.done else { return };
        if let Err(error) = done.add(&self.server, &mut self.load, requests) {
            self.done = Err(error.to_string());
        }
    }

    fn end(self) -> Result<Figures, String> {
        let done = self.done?;
        let micros = |time: Duration, requests| time.as_secs_f64() * 1e6 / requests as f64;
        Ok(Figures {
            cpu: micros(done.cpu, done.requests),
            user: micros(self.server.user() - done.user_before, done.all),
            p99: percentile(&done.latencies, 0.99) / 1e3,
            rate: 1.0 / micros(done.wall, done.requests),
        })
    }
}

impl Done {
    fn add(&mut self, server: &Server, load: &mut Load, requests: usize) -> io::Result<()> {
        // What the others did has cooled the caches, and time has passed.
        self.all += load.run(requests / 20)?.requests;
        let cpu = server.cpu();
        let outcome = load.run(requests)?;
        self.cpu += server.cpu() - cpu;
        self.all += outcome.requests;
        self.requests += outcome.requests;
        self.wall += outcome.wall;
        self.latencies.extend(outcome.latencies);
        Ok(())
    }
}
