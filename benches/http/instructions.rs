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

pub fn run(options: &Options) {
    let mut row = Row::new("user instructions a request").reach(1_500.0);
    if !is_installed("valgrind", "--version") {
        println!("\ninstructions: skipped, there is no valgrind here");
        return;
    }
    let more = if options.quick { FEW } else { MORE };
    for &contender in options.contenders.iter().filter(|c| c.is_built_in()) {
        eprintln!("instructions: {}", contender.name());
        row.add(contender, measure(contender, more));
    }
    let mut table =
        Table::new("user instructions of a warm plain-text request (valgrind --tool=cachegrind)");
    table.note("one connection, one request at a time: GET /plaintext HTTP/1.1, Host: 127.0.0.1:PORT, nothing else");
    table.row(row);
    table.print();
}

fn measure(contender: Contender, more: usize) -> Result<f64, String> {
    let count = |requests| {
        let file = under_valgrind(contender, "cachegrind", &["--cache-sim=no"], requests)?;
        let text = read(&file)?;
        let summary = text.lines().find_map(|line| line.strip_prefix("summary: "));
        let count = summary.and_then(|count| count.trim().parse::<f64>().ok());
        count.ok_or(format!("no summary in {}", file.display()))
    };
    Ok((count(FEW + more)? - count(FEW)?) / more as f64)
}

/// Where Greenwood's instructions go.
pub fn profile(options: &Options) {
    let more = if options.quick { FEW } else { MORE };
    let ours = |c: &Contender| matches!(c, Contender::Own | Contender::Shared);
    for &contender in options.contenders.iter().filter(|c| ours(c)) {
        eprintln!("profile: {}", contender.name());
        let count = |requests| {
            let flags = ["--compress-strings=no", "--compress-pos=no"];
            let file = under_valgrind(contender, "callgrind", &flags, requests)?;
            Ok::<_, String>(Profile::parse(&read(&file)?))
        };
        match count(FEW + more).and_then(|long| Ok(long.each_since(&count(FEW)?, more))) {
            Ok(profile) => profile.print(contender),
            Err(why) => println!("\nprofile of {}: {why}", contender.name()),
        }
    }
}

/// Has a server answer so many requests under one of valgrind's tools, and returns the file with its counts.
fn under_valgrind(
    contender: Contender,
    tool: &str,
    flags: &[&str],
    requests: usize,
) -> Result<PathBuf, String> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("http-{tool}-{}-{requests}", contender.name()));
    let (tool_flag, out_flag) =
        (format!("--tool={tool}"), format!("--{tool}-out-file={}", file.display()));
    let wrapper = [&["valgrind", "-q", &tool_flag, &out_flag], flags].concat();
    let server = Server::start_under(&wrapper, contender, Setup::workers(1))?;
    let asked = Load::connect(server.address, 1, 1).and_then(|mut load| load.run(requests));
    let stopped = server.stop();
    asked.map_err(|error| error.to_string())?;
    stopped?;
    Ok(file)
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}
