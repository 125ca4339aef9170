//! A TCP echo server over loopback: CPU time by message. Linux.
//!
//! The load comes from a process of its own, whose CPU time does not count; one thread of it keeps all connections busy.

#[path = "../support/mod.rs"]
mod support;

mod load;
mod server;

use std::io::{BufRead, BufReader};

use support::children::{self, Samples};
use support::table::{Row, Target};
use support::{Contender, Options, table};

const CONNECTIONS: usize = 64;

fn main() {
    if let Some(args) = children::is_child() {
        match &*args[0] {
            "load" => load::run(&args[1], CONNECTIONS, args[2].parse().unwrap()),
            workers => {
                let (contender, messages) = (Contender::parse(&args[1]), args[2].parse().unwrap());
                server::measure(contender, workers.parse().unwrap(), CONNECTIONS, messages);
            }
        }
        children::leave();
    }
    let options = Options::parse("TCP echo over loopback.", &["1-worker", "2-workers"], 5);
    let messages = if options.quick { 20_000 } else { 400_000 };
    for (case, workers) in [("1-worker", 1), ("2-workers", 2)] {
        if options.wants(case) {
            run(workers, messages, &options);
        }
    }
}

fn run(workers: usize, messages: usize, options: &Options) {
    let mut rows = [
        Row::new("CPU, ns a message", Target::Tokio),
        Row::new("messages a second, thousands", Target::None),
    ];
    for round in 0..options.rounds {
        eprintln!("{workers} workers, round {} of {}", round + 1, options.rounds);
        for contender in Contender::ALL {
            if contender == Contender::TokioCurrent && workers > 1 {
                continue;
            }
            let samples = serve(contender, workers, messages);
            for (row, figure) in rows.iter_mut().zip(["cpu", "rate"]) {
                row.add(contender, samples.as_ref().map(|s| s[figure]).map_err(Clone::clone));
            }
        }
    }
    let title = format!("{CONNECTIONS} connections, 64 bytes back and forth, {workers} worker(s)");
    table::print(&title, &rows);
}

/// Starts a server, which tells its address, and the load for it.
fn serve(contender: Contender, workers: usize, messages: usize) -> Result<Samples, String> {
    let messages = messages.to_string();
    let mut server = children::start(&[&workers.to_string(), contender.name(), &messages]);
    let mut address = String::new();
    BufReader::new(server.stdout.as_mut().expect("a pipe")).read_line(&mut address).unwrap();
    if address.is_empty() {
        return children::collect(server);
    }
    let load = children::run(&["load", address.trim_end(), &messages]);
    if load.is_err() {
        server.kill().unwrap();
    }
    children::collect(server).and_then(|samples| load.map(|_| samples))
}
