//! User instructions by request, as valgrind counts them: the one figure that no neighbour disturbs.
//!
//! One connection, one request at a time. Two runs of different length are subtracted, so that starting does not count.

use std::path::{Path, PathBuf};

use crate::contender::{Contender, is_installed};
use crate::load::Load;
use crate::options::Options;
use crate::profile::Profile;
use crate::server::Server;
use crate::servers::Setup;
use crate::table::{Row, Table};

/// Both are beyond the first requests, which make buffers and caches.
const FEW: usize = 2_000;
const MORE: usize = 10_000;

/// One alone shows what waiting costs; of many, several are ready each time the server looks.
const CONNECTIONS: [(usize, &str); 2] = [(1, "1 connection"), (64, "64 connections")];

pub fn run(options: &Options) -> Vec<Row> {
    if !is_installed("valgrind", "--version") {
        println!("\ninstructions: skipped, there is no valgrind here");
        return Vec::new();
    }
    let more = if options.quick { FEW } else { MORE };
    let mut rows = CONNECTIONS.map(|(_, label)| {
        let label = format!("user instructions, {label}");
        Row::new(label).reach(1_500.0)
    });
    for (row, (connections, label)) in rows.iter_mut().zip(CONNECTIONS) {
        for &contender in options.contenders.iter().filter(|c| c.is_built_in()) {
            eprintln!("instructions: {}, {label}", contender.name());
            row.add(contender, measure(contender, connections, more));
        }
    }
    let mut table =
        Table::new("instructions: user instructions a request, by valgrind --tool=cachegrind");
    table.note("Warm, plain text, one at a time on each connection: GET /plaintext HTTP/1.1, Host: 127.0.0.1:PORT, no more.");
    table.note("One worker; hyper on tokio's current_thread scheduler.");
    table.print(&[&rows[0], &rows[1]]);
    if options.profile {
        profile(options, more);
    }
    rows.into()
}

fn measure(contender: Contender, connections: usize, more: usize) -> Result<f64, String> {
    let count = |requests| {
        let flags = ["--cache-sim=no"];
        let file = under_valgrind(contender, "cachegrind", &flags, connections, requests)?;
        let text = read(&file)?;
        let summary = text.lines().find_map(|line| line.strip_prefix("summary: "));
        let count = summary.and_then(|count| count.trim().parse::<f64>().ok());
        count.ok_or(format!("no summary in {}", file.display()))
    };
    Ok((count(FEW + more)? - count(FEW)?) / more as f64)
}

/// Where Greenwood's instructions go.
fn profile(options: &Options, more: usize) {
    let ours = |c: &Contender| matches!(c, Contender::Own | Contender::Shared);
    for &contender in options.contenders.iter().filter(|c| ours(c)) {
        for (connections, label) in CONNECTIONS {
            let name = format!("{}, {label}", contender.name());
            eprintln!("profile: {name}");
            let count = |requests| {
                let flags = ["--compress-strings=no", "--compress-pos=no"];
                let file = under_valgrind(contender, "callgrind", &flags, connections, requests)?;
                Ok::<_, String>(Profile::parse(&read(&file)?))
            };
            match count(FEW + more).and_then(|long| Ok(long.each_since(&count(FEW)?, more))) {
                Ok(profile) => profile.print(&name),
                Err(why) => println!("\nprofile of {name}: {why}"),
            }
        }
    }
}

/// Has a server answer so many requests under one of valgrind's tools, and returns the file with its counts.
fn under_valgrind(
    contender: Contender,
    tool: &str,
    flags: &[&str],
    connections: usize,
    requests: usize,
) -> Result<PathBuf, String> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("http-{tool}-{}-{requests}", contender.name()));
    let (tool_flag, out_flag) =
        (format!("--tool={tool}"), format!("--{tool}-out-file={}", file.display()));
    let wrapper = [&["valgrind", "-q", &tool_flag, &out_flag], flags].concat();
    let server = Server::start_under(&wrapper, contender, Setup::workers(1))?;
    let asked =
        Load::connect(server.address, connections, 1).and_then(|mut load| load.run(requests));
    let stopped = server.stop();
    asked.map_err(|error| error.to_string())?;
    stopped?;
    Ok(file)
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}
