//! Memory of waiting coroutines and tasks: resident, and the kernel's page tables for it. Linux.

#[path = "../support/mod.rs"]
mod support;

mod wait;

use support::children::{self, Samples};
use support::process::Memory;
use support::table::{Row, Target};
use support::{Contender, Options, table};

const GIB: f64 = (1u64 << 30) as f64;

/// How many wait for the figures by coroutine.
const COUNT: usize = 100_000;

const CASES: &[&str] = &["park", "sleep", "crowd"];

fn main() {
    if let Some(args) = children::is_child() {
        let contender = Contender::parse(&args[1]);
        measure(&args[0], contender, contender.at_once(args[2].parse().unwrap()));
        children::leave();
    }
    let options = Options::parse("Memory of waiting coroutines.", CASES, 1);
    println!("Default stack sizes, two workers; each case in a process of its own.");
    for case in ["park", "sleep"].into_iter().filter(|case| options.wants(case)) {
        each(case, &options);
    }
    if options.wants("crowd") {
        println!("\ncrowd: all asleep at once, resident + page tables");
        crowd(Contender::Own, 500_000, &options);
        crowd(Contender::Shared, 1_000_000, &options);
    }
}

/// Bytes by coroutine that waits in the way of `case`.
fn each(case: &str, options: &Options) {
    let count = (if options.quick { COUNT / 10 } else { COUNT }).to_string();
    let mut rows = [
        Row::new("resident, bytes each", Target::AtMost { own: 9000.0, shared: 4500.0 }),
        Row::new("page tables, bytes each", Target::AtMost { own: 1200.0, shared: 1200.0 }),
    ];
    for contender in Contender::ALL {
        // Tokio's two schedulers have the same tasks.
        if contender == Contender::TokioCurrent {
            continue;
        }
        let samples = children::run(&[case, contender.name(), &count]);
        for (row, figure) in rows.iter_mut().zip(["resident", "page-tables"]) {
            row.add(contender, samples.as_ref().map(|s: &Samples| s[figure]).map_err(Clone::clone));
        }
    }
    table::print(case, &rows);
}

/// Whether so many fit into 6 GiB.
fn crowd(contender: Contender, count: usize, options: &Options) {
    let count = if options.quick { count / 10 } else { count };
    let limit = if options.quick { 0.6 } else { 6.0 };
    let name = contender.name();
    match children::run(&["sleep", name, &count.to_string()]) {
        Ok(samples) => {
            let used = samples["total"] / GIB;
            let verdict = if used <= limit { "met" } else { "MISSED" };
            println!("{name:<8}{count:>10}: {used:.2} GiB (≤ {limit} {verdict})");
        }
        Err(why) => println!("{name:<8}{count:>10}: failed, {why}"),
    }
}

/// Reports the memory of `count` that wait, beyond what the runtime has with one.
fn measure(case: &str, contender: Contender, count: usize) {
    let wait = match case {
        "park" => wait::Kind::Park,
        _ => wait::Kind::Sleep,
    };
    let (before, after): (Memory, Memory) = wait::all(contender, wait, count);
    let each = after.each_since(before, count);
    children::report("resident", each.resident);
    children::report("page-tables", each.page_tables);
    children::report("total", after.total());
}
