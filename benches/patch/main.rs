//! What the patch costs: a call that does not have to wait, a call that is none of its business, and an echo server. Linux.

#[path = "../support/mod.rs"]
mod support;

#[path = "../echo/load.rs"]
mod load;

mod calls;
mod echo;

use std::collections::BTreeMap;

use support::table::median;
use support::{Options, children};

const CONNECTIONS: usize = 64;

fn main() {
    if let Some(args) = children::is_child() {
        match &*args[0] {
            "calls" => calls::measure(args[1].parse().unwrap()),
            "load" => load::run(&args[1], CONNECTIONS, args[2].parse().unwrap()),
            whose => echo::measure(whose, CONNECTIONS, args[1].parse().unwrap()),
        }
        children::leave();
    }
    let options = Options::parse("What the patch costs.", &["calls", "echo"], 7);
    if options.wants("calls") {
        compare_calls(&options);
    }
    if options.wants("echo") {
        compare_echo(&options);
    }
}

fn compare_calls(options: &Options) {
    let calls = if options.quick { "20" } else { "200" };
    let mut all = BTreeMap::<String, Vec<f64>>::new();
    for round in 0..options.rounds {
        eprintln!("calls, round {} of {}", round + 1, options.rounds);
        for (name, sample) in children::run(&["calls", calls]).expect("measure calls") {
            all.entry(name).or_default().push(sample);
        }
    }
    let of = |name: &str| median(&all[name]);
    println!("\nread(2) of a byte that is there, ns: median");
    println!("  the bare system call              {:>7.1}", of("bare"));
    let more = |label: &str, name: &str, than: &str, limit: f64| {
        let more = of(name) - of(than);
        let verdict = if more <= limit { "met" } else { "MISSED" };
        println!("  {label:<34}{:>7.1}  {more:+.1} to {than}, ≤ {limit} {verdict}", of(name));
    };
    println!("  libc's, before the patch          {:>7.1}", of("libc"));
    more("on an OS thread (passed through)", "thread", "libc", 5.0);
    more("on a coroutine", "coroutine", "bare", 60.0);
    more("– that has waited for this socket", "registered", "bare", 60.0);
}

fn compare_echo(options: &Options) {
    let messages = if options.quick { "20000" } else { "400000" };
    let mut cpu = [vec![], vec![]];
    for round in 0..options.rounds {
        eprintln!("echo, round {} of {}", round + 1, options.rounds);
        for (samples, whose) in cpu.iter_mut().zip(["greenwood", "std"]) {
            samples.push(echo::run(whose, messages).expect("measure echo"));
        }
    }
    let ratio = median(&cpu[1]) / median(&cpu[0]);
    println!("\necho, {CONNECTIONS} connections, 64 bytes, one worker, CPU ns a message: median");
    println!("  greenwood::net                    {:>7.0}", median(&cpu[0]));
    println!("  std::net, patched                 {:>7.0}", median(&cpu[1]));
    let verdict = if ratio <= 1.10 { "met" } else { "MISSED" };
    println!("  ratio                             {ratio:>7.2}  ≤ 1.10 {verdict}");
}
