//! What a runtime does when it has nothing to do, and what a sleeper gets when the others have too much. Linux.

#[path = "../support/mod.rs"]
mod support;

mod flood;
mod quiet;

use support::table::{Row, Target};
use support::{Contender, Options, children, table};

const CASES: &[&str] = &["quiet", "flood"];

fn main() {
    if let Some(args) = children::is_child() {
        match &*args[0] {
            "quiet" => quiet::measure(Contender::parse(&args[1])),
            "flood" => flood::measure(Contender::parse(&args[1]), args[2].parse().unwrap()),
            "flooder" => flood::write_for_ever(&args[1], args[2].parse().unwrap()),
            other => panic!("no child is called {other}"),
        }
        children::leave();
    }
    let options = Options::parse("Idle wake-ups, and lateness under load.", CASES, 3);
    if options.wants("quiet") {
        let mut rows = [
            Row::new("wake-ups of all threads, 3 s", Target::AtMost { own: 0.0, shared: 0.0 }),
            Row::new("CPU µs, 3 s", Target::None),
        ];
        run("quiet", &["wakes", "cpu"], &[], &Contender::ALL, &options, &mut rows);
        table::print("quiet: two workers, after a burst of sleeps and sockets", &rows);
    }
    if options.wants("flood") {
        let bound = Target::AtMost { own: 10.0, shared: 10.0 };
        let mut rows = [
            Row::new("latest, ms", bound),
            Row::new("  in the worker's CPU time, ms", bound),
            Row::new("99 % are less late than, ms", Target::None),
            Row::new("median, ms", Target::None),
            Row::new("sleeps", Target::None),
            Row::new("read in the meantime, MB/s", Target::None),
        ];
        let sockets = if options.quick { "100" } else { "1000" };
        let contenders =
            [Contender::Own, Contender::Shared, Contender::TokioCurrent, Contender::Tokio];
        let figures = ["latest", "latest-cpu", "late-99", "late", "sleeps", "rate"];
        run("flood", &figures, &[sockets], &contenders, &options, &mut rows);
        let title = format!("flood: one worker reads {sockets} flooded sockets, one sleeps 1 ms");
        table::print(&title, &rows);
    }
}

fn run(
    case: &str,
    figures: &[&str],
    more: &[&str],
    contenders: &[Contender],
    options: &Options,
    rows: &mut [Row],
) {
    for round in 0..options.rounds {
        eprintln!("{case} round {} of {}", round + 1, options.rounds);
        for &contender in contenders {
            let samples = children::run(&[&[case, contender.name()], more].concat());
            for (row, figure) in rows.iter_mut().zip(figures) {
                row.add(contender, samples.as_ref().map(|s| s[*figure]).map_err(Clone::clone));
            }
        }
    }
}
