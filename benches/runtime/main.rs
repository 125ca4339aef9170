//! Switching, spawning and sleeping: Greenwood in both modes beside tokio and may.
//!
//! Every measurement is a process of its own, and the contenders take turns over several rounds, so that a busy spell of
//! the machine falls on all of them.

#[path = "../support/mod.rs"]
mod support;

mod sleeps;
mod spawn;
mod switch;

use support::table::{Row, Target};
use support::{Contender, Options, children, table};

/// A workload and the figures it reports.
struct Case {
    name: &'static str,
    workers: usize,
    contenders: &'static [Contender],
    count: usize,
    figures: &'static [(&'static str, &'static str, Target)],
}

const ALL: &[Contender] = &Contender::ALL;
const MANY_WORKERS: &[Contender] =
    &[Contender::Own, Contender::Shared, Contender::Tokio, Contender::May];
const LATE: Target = Target::AtMost { own: 100.0, shared: 100.0 };

const CASES: &[Case] = &[
    Case {
        name: "switch",
        workers: 1,
        contenders: ALL,
        count: 1_000_000,
        figures: &[("each", "switch, ns", Target::AtMost { own: 40.0, shared: 15.0 })],
    },
    Case {
        name: "spawn-join",
        workers: 1,
        contenders: ALL,
        count: 500_000,
        figures: &[("each", "spawn + join, ns", Target::AtMost { own: 170.0, shared: 100.0 })],
    },
    Case {
        name: "spawn-many",
        workers: 1,
        contenders: ALL,
        count: 100_000,
        figures: &[
            ("first", "spawn 100,000, first, ns each", Target::None),
            ("warm", "  again, ns each", Target::AtMost { own: 200.0, shared: 150.0 }),
        ],
    },
    Case {
        name: "sleeps-2",
        workers: 2,
        contenders: MANY_WORKERS,
        count: 100_000,
        figures: SLEEPS,
    },
    Case { name: "sleeps-1", workers: 1, contenders: ALL, count: 100_000, figures: SLEEPS },
];

const SLEEPS: &[(&str, &str, Target)] = &[
    ("first-cpu", "first wave, CPU ns each", Target::None),
    ("first-late", "  median lateness, µs", LATE),
    ("second-cpu", "second wave, CPU ns each", Target::Tokio),
    ("second-late", "  median lateness, µs", LATE),
    ("second-late-99", "  99 % are less late than, µs", Target::None),
];

fn main() {
    if let Some(args) = children::is_child() {
        let (case, contender) = (&*args[0], Contender::parse(&args[1]));
        let (workers, count) = (args[2].parse().unwrap(), args[3].parse().unwrap());
        match case {
            "switch" => switch::measure(contender, count),
            "spawn-join" => spawn::join_each(contender, count),
            "spawn-many" => spawn::join_all(contender, contender.at_once(count)),
            _ => sleeps::measure(contender, workers, contender.at_once(count)),
        }
        children::leave();
    }
    let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
    let options = Options::parse("CPU time of switches, spawns and sleeps.", &names, 5);
    println!("CPU time of the whole process, by operation. may holds 30,000 at once at most:");
    println!("its stacks reach the default vm.max_map_count there.");
    for case in CASES.iter().filter(|case| options.wants(case.name)) {
        run(case, &options);
    }
}

/// Runs one case's contenders in turn, `rounds` times, and prints its rows.
fn run(case: &Case, options: &Options) {
    let mut rows: Vec<_> = case.figures.iter().map(|f| Row::new(f.1, f.2)).collect();
    let count = (if options.quick { case.count / 10 } else { case.count }).to_string();
    for round in 0..options.rounds {
        eprintln!("{} round {} of {}", case.name, round + 1, options.rounds);
        for &contender in case.contenders {
            let workers = case.workers.to_string();
            let samples = children::run(&[case.name, contender.name(), &workers, &count]);
            for (row, (figure, ..)) in rows.iter_mut().zip(case.figures) {
                row.add(contender, samples.as_ref().map(|s| s[*figure]).map_err(Clone::clone));
            }
        }
    }
    let threads = if case.workers == 1 { "one worker" } else { "two workers" };
    table::print(&format!("{}, {threads}", case.name), &rows);
}
