//! System calls by request, as perf counts them without stopping anybody, or else strace, which does.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use crate::contender::{Contender, is_installed};
use crate::load::Load;
use crate::options::Options;
use crate::process;
use crate::server::Server;
use crate::servers::Setup;
use crate::table::{Row, Table};

const CONNECTIONS: usize = 512;

const ALL: &str = "raw_syscalls:sys_enter";

/// What has a line of its own, under the names that the kernel has for its variants.
const KINDS: &[(&str, &[&str])] = &[
    ("  receive", &["read", "readv", "recvfrom", "recvmsg"]),
    ("  send", &["write", "writev", "sendto", "sendmsg"]),
    ("  wait", &["epoll_wait", "epoll_pwait", "epoll_pwait2"]),
    ("  epoll_ctl", &["epoll_ctl"]),
    ("  futex", &["futex"]),
];

#[derive(Clone, Copy)]
enum Tool {
    Perf,
    Strace,
}

pub fn run(options: &Options) -> Vec<Row> {
    let Some(tool) = Tool::find() else {
        println!(
            "\nsyscalls: skipped, neither perf (with its tracepoints) nor strace can be used here"
        );
        return Vec::new();
    };
    let requests = if options.quick { 20_000 } else { 400_000 };
    let mut all = Row::new("system calls").reach(2.1).decimals(3);
    let mut kinds: Vec<_> = KINDS.iter().map(|&(kind, _)| Row::new(kind).decimals(3)).collect();
    for round in 0..options.rounds {
        eprintln!("syscalls round {} of {}", round + 1, options.rounds);
        for &contender in &options.contenders {
            let counts = measure(tool, contender, options.workers, requests);
            let each = |count: u64| count as f64 / requests as f64;
            all.add(contender, counts.as_ref().map(|c| each(c.of(&[ALL]))).map_err(Clone::clone));
            for (row, (_, names)) in kinds.iter_mut().zip(KINDS) {
                if let Ok(counts) = &counts {
                    row.add(contender, Ok(each(counts.of(names))));
                }
            }
        }
    }
    let mut table = Table::new(format!(
        "syscalls: system calls a request, {CONNECTIONS} connections, {} worker(s)",
        options.workers
    ));
    table.note(tool.note());
    let rows: Vec<_> = std::iter::once(&all).chain(&kinds).collect();
    table.print(&rows);
    vec![all]
}

impl Tool {
    fn find() -> Option<Tool> {
        let tracepoints = Command::new("perf")
            .args(["stat", "-e", ALL, "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match tracepoints {
            Ok(status) if status.success() => Some(Tool::Perf),
            _ => is_installed("strace", "-V").then_some(Tool::Strace),
        }
    }

    fn note(self) -> &'static str {
        match self {
            Tool::Perf => {
                "Counted in the kernel, by perf: what it costs makes batches a little larger than they would be."
            }
            Tool::Strace => {
                "By strace, which makes each call many times slower: batches are larger, and waits fewer, than they would be."
            }
        }
    }
}

/// Numbers of calls by name; [`ALL`] is one of the names.
struct Counts(Vec<(String, u64)>);

impl Counts {
    fn of(&self, names: &[&str]) -> u64 {
        let named = self.0.iter().filter(|(name, _)| names.contains(&name.as_str()));
        named.map(|&(_, count)| count).sum()
    }
}

fn measure(
    tool: Tool,
    contender: Contender,
    workers: usize,
    requests: usize,
) -> Result<Counts, String> {
    let server = Server::start(contender, Setup::workers(workers))?;
    let failed = |error: std::io::Error| error.to_string();
    let mut load = Load::connect(server.address, CONNECTIONS, 1).map_err(failed)?;
    load.run(requests / 10).map_err(failed)?;
    let pids: Vec<_> = server.pids.iter().map(i32::to_string).collect();
    let counts = match tool {
        Tool::Perf => by_perf(&pids.join(","), || load.run(requests).map(drop)),
        Tool::Strace => by_strace(&pids, || load.run(requests).map(drop)),
    };
    counts.map_err(failed)
}

fn by_perf(pids: &str, work: impl FnOnce() -> std::io::Result<()>) -> std::io::Result<Counts> {
    let named =
        KINDS.iter().flat_map(|(_, names)| *names).map(|name| format!("syscalls:sys_enter_{name}"));
    let events: Vec<_> = std::iter::once(ALL.to_string()).chain(named).collect();
    let mut perf = Command::new("perf")
        // Counts nothing until it is told to, on its standard input, and says on its standard output that it does.
        .args(["stat", "-x", ",", "--delay", "-1", "--control", "fd:0,1", "-p", pids, "-e"])
        .arg(events.join(","))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut acknowledged = BufReader::new(perf.stdout.take().expect("a pipe"));
    let mut control = perf.stdin.take().expect("a pipe");
    let mut tell = |what: &str| {
        writeln!(control, "{what}")?;
        acknowledged.read_line(&mut String::new()).map(drop)
    };
    let worked = tell("enable").and_then(|()| work()).and_then(|()| tell("disable"));
    let text = end(perf)?;
    worked?;
    let count = |line: &str| {
        let fields: Vec<_> = line.split(',').collect();
        let name = fields.get(2)?;
        let name = name.strip_prefix("syscalls:sys_enter_").unwrap_or(name);
        Some((name.to_string(), fields[0].parse().ok()?))
    };
    Ok(Counts(text.lines().filter_map(count).collect()))
}

fn by_strace(
    pids: &[String],
    work: impl FnOnce() -> std::io::Result<()>,
) -> std::io::Result<Counts> {
    let mut strace = Command::new("strace")
        .args(["-f", "-c"])
        .args(pids.iter().flat_map(|pid| ["-p", pid]))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut words = BufReader::new(strace.stderr.take().expect("a pipe"));
    // A line for each process: it is attached.
    let mut attached = pids.iter().map(|_| words.read_line(&mut String::new()).map(drop));
    let worked = attached.try_for_each(|line| line).and_then(|()| work());
    process::interrupt(&strace);
    let mut text = String::new();
    words.read_to_string(&mut text)?;
    strace.wait()?;
    worked?;
    // % time, seconds, µs a call, calls, and the name; errors before it where there were any.
    let count = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let name = match *fields.last()? {
            "total" => ALL,
            name => name,
        };
        Some((name.to_string(), fields.get(3)?.parse().ok()?))
    };
    Ok(Counts(text.lines().filter_map(count).collect()))
}

/// Has a tool print what it counted.
fn end(tool: Child) -> std::io::Result<String> {
    process::interrupt(&tool);
    let output = tool.wait_with_output()?;
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}
