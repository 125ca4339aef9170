//! Channels, locks and their kin: Greenwood in both modes beside tokio, may, Go and, where it makes sense, std on OS threads.
//!
//! Every measurement is a process of its own, and the contenders take turns over several rounds, so that a busy spell of
//! the machine falls on all of them.

#[path = "../support/mod.rs"]
mod support;

mod channel;
mod crew;
mod go;
mod group;
mod job;
mod lock;
mod select;
mod semaphore;
mod signal;
mod timeout;

use go::Go;
use job::Job;
use support::children::Samples;
use support::table::{Column, Row, Target};
use support::{Contender, Options, children, table};

/// A workload, one row of a table or, on two workers, two: CPU and wall time by operation.
struct Case {
    name: &'static str,
    label: &'static str,
    workers: usize,
    count: usize,
    target: Target,
    /// Go's name for it.
    go: Option<&'static str>,
    measure: fn(&Job),
}

/// Cases in a table together.
struct Group {
    title: &'static str,
    cases: &'static [Case],
}

const GROUPS: &[Group] = &[
    Group { title: "channels, ns a round trip, one worker", cases: channel::ROUND_TRIPS },
    Group { title: "channels, ns a round trip, two workers", cases: channel::CROSSINGS },
    Group { title: "channels of 128, ns a message", cases: channel::STREAMS },
    Group { title: "locks, ns a lock and unlock", cases: lock::CASES },
    Group { title: "semaphores, ns an acquire and release", cases: semaphore::CASES },
    Group { title: "signals, one worker, ns each", cases: signal::CASES },
    Group { title: "select of four receives, one worker, ns a message", cases: select::CASES },
    Group { title: "time-outs, one worker, ns each", cases: timeout::CASES },
    Group { title: "groups, one worker, ns a member", cases: group::CASES },
];

const NOTES: &str = "\
CPU time of the whole process by operation; on two workers wall time too.
- On two workers Greenwood's members are dealt out to both. So are tokio-ct's: two current_thread runtimes, a thread each.
  tokio-mt, may and Go move theirs as they like, mostly to one worker: round trips across workers are compared to tokio-ct's.
- tokio's mpsc has one receiver: where four receive, it is in tokio's Mutex. may's channels are unbounded.
- Go has no unbounded channel. In place of semaphores and events, which it has not either, stand channels of its own.";

/// Whose turn it is, one after the other.
fn columns() -> impl Iterator<Item = Column> {
    Contender::ALL.into_iter().map(Column::from).chain([Column::Go, Column::Std])
}

fn cases() -> impl Iterator<Item = &'static Case> {
    GROUPS.iter().flat_map(|group| group.cases)
}

fn main() {
    if let Some(args) = children::is_child() {
        let case = cases().find(|case| case.name == args[0]).expect("a case by that name");
        let (column, count) = (Column::parse(&args[1]), args[2].parse().unwrap());
        (case.measure)(&Job { column, workers: case.workers, count });
        children::leave();
    }
    let names: Vec<_> = cases().map(|case| case.name).collect();
    let options = Options::parse("CPU time of channels, locks and their kin.", &names, 5);
    let go = Go::build();
    println!("{NOTES}");
    for group in GROUPS {
        run(group, &go, &options);
    }
}

/// Runs a group's cases, each contender in turn, `rounds` times, and prints its table.
fn run(group: &Group, go: &Result<Go, &'static str>, options: &Options) {
    let mut rows = Vec::new();
    for case in group.cases.iter().filter(|case| options.wants(case.name)) {
        rows.extend(measure(case, go, options));
    }
    if !rows.is_empty() {
        table::print(group.title, &rows);
    }
}

fn measure(case: &Case, go: &Result<Go, &'static str>, options: &Options) -> Vec<Row> {
    let row = |figure| (figure, Row::new(label(case, figure), case.target));
    let mut rows: Vec<_> = match case.workers {
        1 => vec![row("cpu")],
        _ => vec![row("cpu"), row("wall")],
    };
    let count = if options.quick { case.count / 10 } else { case.count };
    for round in 0..options.rounds {
        eprintln!("{} round {} of {}", case.name, round + 1, options.rounds);
        for column in columns() {
            let samples = match (column, case.go, go) {
                (Column::Go, None, _) => continue,
                (Column::Go, _, Err(why)) => {
                    rows.iter_mut().for_each(|(_, row)| row.remark(column, why));
                    continue;
                }
                (Column::Go, Some(name), Ok(go)) => go.run(name, case.workers, count),
                _ => children::run(&[case.name, column.name(), &count.to_string()]),
            };
            for (figure, row) in &mut rows {
                add(row, column, figure, &samples);
            }
        }
    }
    rows.into_iter().map(|(_, row)| row).collect()
}

/// A contender without the case reports nothing.
fn add(row: &mut Row, column: Column, figure: &str, samples: &Result<Samples, String>) {
    match samples {
        Ok(samples) => samples.get(figure).into_iter().for_each(|&s| row.add(column, Ok(s))),
        Err(why) => row.add(column, Err(why.clone())),
    }
}

fn label(case: &Case, figure: &str) -> String {
    match (case.workers, figure) {
        (1, _) => case.label.into(),
        (_, "cpu") => format!("{}, CPU", case.label),
        _ => "  by the clock".into(),
    }
}
