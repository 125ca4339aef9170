//! The client: one thread, one epoll loop, so many connections that each send a batch of requests when the last has been answered.

use std::io::{self, Error, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::epoll::{Epoll, Events};

/// Far above what an answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connections from one address: well below the number of ephemeral ports.
const PER_SOURCE: u32 = 10_000;

/// What a client at least sends. The port is one of five digits, so the length is always the same.
pub fn request(address: SocketAddr) -> String {
    format!("GET /plaintext HTTP/1.1\r\nHost: {address}\r\n\r\n")
}

/// A connection, from an address of its own for every ten thousand that this process opens: closed ones keep their ports for
/// a minute.
pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    static OPENED: AtomicU32 = AtomicU32::new(0);
    let number = OPENED.fetch_add(1, Ordering::Relaxed) / PER_SOURCE;
    let source = Ipv4Addr::from(u32::from(Ipv4Addr::LOCALHOST) + 1 + number % 1000);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    choose_port_late(&socket)?;
    socket.bind(&SockAddr::from(SocketAddr::from((source, 0))))?;
    socket.connect(&SockAddr::from(address))?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}

/// Has connect(2) choose the port, as ip(7) says: bind(2) would look for one that is free for every destination, which takes
/// long where thousands are in use.
fn choose_port_late(socket: &Socket) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the pointer and size are those of an integer, which is what the option takes.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Connections to a server, at rest between two runs.
pub struct Load {
    epoll: Epoll,
    connections: Vec<Connection>,
    depth: usize,
    batch: Vec<u8>,
    answer_len: usize,
}

struct Connection {
    stream: TcpStream,
    /// The answers to a batch, and room for one byte too many.
    answers: Box<[u8]>,
    received: usize,
    sent_at: Instant,
}

/// What a run has shown.
pub struct Outcome {
    pub requests: usize,
    pub wall: Duration,
    /// Of each batch, from its sending to the last byte of its answers, in nanoseconds.
    pub latencies: Vec<f64>,
}

impl Load {
    /// Opens the connections and learns from a first request what an answer looks like.
    pub fn connect(address: SocketAddr, connections: usize, depth: usize) -> io::Result<Load> {
        let request = request(address);
        let epoll = Epoll::new()?;
        let first = connect(address)?;
        let answer_len = first_answer(&first, &request)?;
        let mut streams = vec![first];
        for _ in 1..connections {
            streams.push(connect(address)?);
        }
        let mut opened = Vec::with_capacity(connections);
        for (i, stream) in streams.into_iter().enumerate() {
            stream.set_nonblocking(true)?;
            epoll.add(&stream, i as u64)?;
            let answers = vec![0; depth * answer_len + 1].into();
            opened.push(Connection { stream, answers, received: 0, sent_at: Instant::now() });
        }
        let batch = request.repeat(depth).into_bytes();
        Ok(Load { epoll, connections: opened, depth, batch, answer_len })
    }

    /// Sends at least so many requests, and returns when all of them are answered.
    ///
    /// # Errors
    /// When an answer is not the expected one, does not come, or the server closes.
    pub fn run(&mut self, requests: usize) -> io::Result<Outcome> {
        let batches = requests.div_ceil(self.depth).max(self.connections.len());
        let mut latencies = Vec::with_capacity(batches);
        let mut events = Events::new();
        let started = Instant::now();
        for connection in &mut self.connections {
            connection.send(&self.batch, Instant::now())?;
        }
        let mut unsent = batches - self.connections.len();
        while latencies.len() < batches {
            self.epoll.wait(&mut events, Some(PATIENCE))?;
            if events.tokens().next().is_none() {
                return Err(Error::other(format!("no answer within {PATIENCE:?}")));
            }
            for token in events.tokens() {
                let connection = &mut self.connections[token as usize];
                if !connection.receive(self.answer_len)? {
                    continue;
                }
                let now = Instant::now();
                latencies.push((now - connection.sent_at).as_nanos() as f64);
                if unsent > 0 {
                    unsent -= 1;
                    connection.send(&self.batch, now)?;
                }
            }
        }
        let wall = started.elapsed();
        Ok(Outcome { requests: batches * self.depth, wall, latencies })
    }
}

impl Connection {
    fn send(&mut self, batch: &[u8], now: Instant) -> io::Result<()> {
        self.sent_at = now;
        self.received = 0;
        // The last batch was read and answered: there is room.
        match self.stream.write(batch)? {
            n if n == batch.len() => Ok(()),
            n => Err(Error::other(format!("sent {n} of {} bytes", batch.len()))),
        }
    }

    /// Whether the batch is answered.
    fn receive(&mut self, answer_len: usize) -> io::Result<bool> {
        match self.stream.read(&mut self.answers[self.received..])? {
            0 => return Err(Error::other("the server closed a connection")),
            n => self.received += n,
        }
        let expected = self.answers.len() - 1;
        if self.received < expected {
            return Ok(false);
        }
        let mut answers = self.answers[..self.received].chunks(answer_len);
        match answers.all(is_complete) {
            true => Ok(true),
            false => Err(unexpected(&self.answers[..self.received])),
        }
    }
}

/// Whether these bytes begin and end as the first answer did.
pub fn is_complete(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/1.1 200 ") && answer.ends_with(b"\r\n\r\nHello, World!")
}

pub fn unexpected(answer: &[u8]) -> Error {
    Error::other(format!("an unexpected answer: {:?}", String::from_utf8_lossy(answer)))
}

/// The length of a first answer, which is looked at more closely than later ones.
pub fn first_answer(mut stream: &TcpStream, request: &str) -> io::Result<usize> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while !is_complete(&answer) {
        match stream.read(&mut buffer)? {
            0 => return Err(unexpected(&answer)),
            n => answer.extend_from_slice(&buffer[..n]),
        }
    }
    let text = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    let fields = ["\r\ncontent-length: 13\r\n", "\r\ncontent-type: text/plain", "\r\ndate: "];
    match fields.iter().all(|field| text.contains(field)) {
        true => Ok(answer.len()),
        false => Err(unexpected(&answer)),
    }
}
