//! CPU time of a connection that is accepted, asked one thing, and closed.

use std::io::{self, Error, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::contender::Contender;
use crate::epoll::{Epoll, Events};
use crate::load;
use crate::options::Options;
use crate::server::Server;
use crate::servers::Setup;
use crate::table::{Row, Table};

/// How many connections there are at a time.
const AT_ONCE: [usize; 2] = [1, 64];

/// A server is at rest when it has used less than a hundredth of so long a time: may's workers never sleep longer than 10 ms.
const QUIET: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(30);

/// Turns of a round, after one that warms up.
const SLICES: usize = 5;

pub fn run(options: &Options) -> Vec<Row> {
    let mut rows = AT_ONCE.map(|at_once| {
        Row::new(format!("CPU µs a connection, {at_once} at once")).reach(35.0).decimals(1)
    });
    for (row, at_once) in rows.iter_mut().zip(AT_ONCE) {
        for round in 0..options.rounds {
            eprintln!("accept, {at_once} at once, round {} of {}", round + 1, options.rounds);
            measure(row, options, at_once);
        }
    }
    let mut table =
        Table::new(format!("accept: a connection with one request, {} worker(s)", options.workers));
    table.note("User and system time of the server. The request says Connection: close, and the server closes first");
    table.note("(may_minihttp does not: there the client does).");
    table.print(&[&rows[0], &rows[1]]);
    rows.into()
}

/// A round.
fn measure(row: &mut Row, options: &Options, at_once: usize) {
    // The kernel remembers closed connections for a minute, 131,072 of them by default.
    let slice = if options.quick { 200 } else { 600 };
    let start = |&contender: &Contender| (contender, Turn::start(contender, options.workers));
    let mut turns: Vec<_> = options.contenders.iter().map(start).collect();
    for _ in 0..=SLICES {
        for (_, turn) in &mut turns {
            if let Ok(running) = turn
                && let Err(error) = running.take(slice, at_once)
            {
                *turn = Err(error.to_string());
            }
        }
    }
    for (contender, turn) in turns {
        row.add(contender, turn.map(|turn| turn.micros / (slice * SLICES) as f64));
    }
}

/// A server and what its connections have cost.
struct Turn {
    server: Server,
    request: Vec<u8>,
    /// Whether the server closes.
    closes: bool,
    warm: bool,
    micros: f64,
}

impl Turn {
    fn start(contender: Contender, workers: usize) -> Result<Turn, String> {
        let server = Server::start(contender, Setup { workers, close: true, count: false })?;
        let request = load::request(server.address);
        let request = request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").into_bytes();
        let closes = contender != Contender::May;
        Ok(Turn { server, request, closes, warm: false, micros: 0.0 })
    }

    /// Opens so many connections, one after the other has closed. The first turn warms up.
    fn take(&mut self, connections: usize, at_once: usize) -> io::Result<()> {
        let cpu = self.server.cpu();
        let epoll = Epoll::new()?;
        let mut events = Events::new();
        let mut slots: Vec<Option<Open>> = Vec::new();
        slots.resize_with(at_once, || None);
        let mut free: Vec<usize> = (0..at_once).collect();
        let (mut left, mut running) = (connections, 0);
        while left > 0 || running > 0 {
            while left > 0
                && let Some(slot) = free.pop()
            {
                slots[slot] = Some(Open::new(self.server.address, &self.request)?);
                let stream = &slots[slot].as_ref().expect("just opened").stream;
                epoll.add(stream, slot as u64)?;
                left -= 1;
                running += 1;
            }
            epoll.wait(&mut events, Some(PATIENCE))?;
            if events.tokens().next().is_none() {
                return Err(Error::other(format!("no answer within {PATIENCE:?}")));
            }
            for token in events.tokens() {
                let slot = &mut slots[token as usize];
                if slot.as_mut().expect("watched while open").has_ended(self.closes)? {
                    *slot = None;
                    free.push(token as usize);
                    running -= 1;
                }
            }
        }
        let spent = self.settle() - cpu;
        if self.warm {
            self.micros += spent.as_secs_f64() * 1e6;
        }
        self.warm = true;
        Ok(())
    }

    /// The server's CPU time when it has come to rest.
    fn settle(&self) -> Duration {
        loop {
            let before = self.server.cpu();
            std::thread::sleep(QUIET);
            let cpu = self.server.cpu();
            if cpu - before < QUIET / 100 {
                return cpu;
            }
        }
    }
}

/// A connection that has asked.
struct Open {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Open {
    fn new(address: SocketAddr, request: &[u8]) -> io::Result<Open> {
        let mut stream = load::connect(address)?;
        stream.write_all(request)?;
        stream.set_nonblocking(true)?;
        Ok(Open { stream, answer: Vec::with_capacity(256) })
    }

    /// Whether the answer has come whole and, if it is to, the server has closed.
    fn has_ended(&mut self, closes: bool) -> io::Result<bool> {
        let mut buffer = [0; 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) if load::is_complete(&self.answer) => return Ok(true),
                Ok(0) => return Err(load::unexpected(&self.answer)),
                Ok(n) => self.answer.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
            if !closes && load::is_complete(&self.answer) {
                return Ok(true);
            }
        }
    }
}
