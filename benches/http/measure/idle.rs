//! Memory of a server that many clients are connected to and say nothing.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::contender::Contender;
use crate::load;
use crate::options::Options;
use crate::process;
use crate::server::Server;
use crate::servers::Setup;
use crate::table::{Row, Table};

const CONNECTIONS: usize = 20_000;

/// Descriptors that a server and the client need for themselves.
const SPARE: usize = 200;

/// So many may wait to be accepted by any server. The kernel lets the next one wait for a second.
const BACKLOG: usize = 100;

/// What a server holds is what it still holds after this time without a change.
const SETTLED: Duration = Duration::from_secs(3);
const SETTLED_QUICK: Duration = Duration::from_secs(1);
/// Below the time that servers wait for a first request at all.
const PATIENCE: Duration = Duration::from_secs(8);

pub fn run(options: &Options) -> Vec<Row> {
    let wanted = if options.quick { 1_000 } else { CONNECTIONS };
    let connections = wanted.min(process::raise_descriptor_limit() - SPARE);
    let mut after = Row::new("bytes, idle after a request").reach(600.0);
    let mut silent = Row::new("bytes, no request yet");
    for (row, asks) in [(&mut after, true), (&mut silent, false)] {
        for &contender in &options.contenders {
            let what = if asks { "after a request" } else { "no request yet" };
            eprintln!("idle, {what}: {}", contender.name());
            row.add(contender, measure(contender, options, connections, asks));
        }
    }
    let mut table = Table::new(format!(
        "idle: bytes of resident memory by idle keep-alive connection, {connections} of them, {} worker(s)",
        options.workers
    ));
    table.note("What the kernel holds for a socket is not in it, nor what a server takes before the first one connects");
    table.note("(nginx: 424 bytes for each connection that its settings allow).");
    table.print(&[&after, &silent]);
    vec![after, silent]
}

fn measure(
    contender: Contender,
    options: &Options,
    connections: usize,
    asks: bool,
) -> Result<f64, String> {
    let server = Server::start(contender, Setup::workers(options.workers))?;
    let failed = |error: std::io::Error| error.to_string();
    // A few, so that what all connections share is there.
    drop(open(server.address, 100, true).map_err(failed)?);
    let quiet = if options.quick { SETTLED_QUICK } else { SETTLED };
    let before = settled(&server, quiet);
    let mut streams = open(server.address, connections, asks).map_err(failed)?;
    let grown = settled(&server, quiet) as f64 - before as f64;
    let closed = streams.iter_mut().filter_map(|stream| is_open(stream).err()).next();
    match closed {
        Some(error) => Err(failed(error)),
        None => Ok(grown / connections as f64),
    }
}

/// Opens connections, all of which the server has accepted then.
fn open(address: SocketAddr, connections: usize, asks: bool) -> std::io::Result<Vec<TcpStream>> {
    let request = load::request(address);
    let open = |i| {
        let stream = load::connect(address)?;
        if asks {
            load::first_answer(&stream, &request)?;
        } else if i % BACKLOG == BACKLOG - 1 {
            // Whoever comes after the others is served when they have been accepted.
            load::first_answer(&load::connect(address)?, &request)?;
        }
        Ok(stream)
    };
    (0..connections).map(open).collect()
}

/// The resident set when it has not changed for so long.
fn settled(server: &Server, quiet: Duration) -> u64 {
    let started = Instant::now();
    let (mut since, mut resident) = (started, server.resident());
    while since.elapsed() < quiet && started.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(100));
        let now = server.resident();
        if now != resident {
            (since, resident) = (Instant::now(), now);
        }
    }
    resident
}

fn is_open(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.set_nonblocking(true)?;
    match stream.read(&mut [0]) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(std::io::Error::other("the server did not keep a connection open")),
    }
}
