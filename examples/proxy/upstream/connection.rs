//! One connection to the server: a request goes out, an answer's head comes in.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use greenwood::net::{Interest, TcpStream, wait_any};

use super::Failure;
use super::head::{self, Head};

/// How much is read at a time.
const PIECE: usize = 16 * 1024;

/// Interim answers before the final one. More is nonsense.
const MAX_INTERIM: u32 = 16;

pub struct Connection {
    stream: TcpStream,
    /// What has come and was not used yet is `buffer[start..]`.
    buffer: Vec<u8>,
    start: usize,
    timeout: Duration,
    /// Whether an exchange has been completed on it.
    used: bool,
}

/// How sending a body came out.
#[derive(Debug, PartialEq)]
pub enum Sent {
    All,
    /// The server has refused the request before it had all of it: there is no use in sending more.
    Refused,
}

impl Connection {
    pub fn new(stream: TcpStream, timeout: Duration) -> io::Result<Connection> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        Ok(Connection { stream, buffer: Vec::new(), start: 0, timeout, used: false })
    }

    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.stream.write_all(bytes).map_err(|error| self.failure(error))
    }

    /// Sends a part of a body, with an eye on whether the server has refused it by now.
    pub fn send_body(&mut self, mut bytes: &[u8]) -> Result<Sent, Failure> {
        while !bytes.is_empty() {
            // Another answer than a refusal has to wait for its turn, and then reading tells nothing new.
            let ready = match self.early_answer()? {
                None => self.wait()?,
                Some(head) if head.status.as_u16() >= 400 => return Ok(Sent::Refused),
                Some(_) => Interest::Write,
            };
            if ready == Interest::Read {
                match self.fill() {
                    // It takes no more, or is gone. What it has said before is what counts.
                    Ok(0) => return Ok(Sent::Refused),
                    Ok(_) => continue,
                    Err(error) => return Err(error.into()),
                }
            }
            match self.stream.write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_gone(&error) => return Ok(Sent::Refused),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Sent::All)
    }

    /// Waits until there is something to read, or room to write.
    fn wait(&self) -> io::Result<Interest> {
        let directions = [Interest::Read, Interest::Write];
        let awaited = directions.map(|interest| (self.stream.as_fd(), interest));
        wait_any(&awaited, Some(self.timeout)).map(|index| directions[index])
    }

    /// The head of the final answer, if that has come.
    fn early_answer(&mut self) -> Result<Option<Head>, Failure> {
        loop {
            match head::parse(self.buffered(), false).map_err(Failure::Invalid)? {
                Some((head, len)) if head.status.is_informational() => self.consume(len),
                found => return Ok(found.map(|(head, _)| head)),
            }
        }
    }

    /// The final answer's head, or a 101. `to_head`: whether the request was a HEAD.
    pub fn receive_head(&mut self, to_head: bool) -> Result<Head, Failure> {
        let mut interim = 0;
        loop {
            match head::parse(self.buffered(), to_head).map_err(Failure::Invalid)? {
                Some((head, len)) => {
                    self.consume(len);
                    if !head.status.is_informational() || head.status == 101 {
                        self.used = true;
                        return Ok(head);
                    }
                    interim += 1;
                    if interim > MAX_INTERIM {
                        return Err(Failure::Invalid("too many interim answers"));
                    }
                }
                None => match self.fill() {
                    Ok(0) => return Err(self.failure(ErrorKind::UnexpectedEof.into())),
                    Ok(_) => {}
                    Err(error) => return Err(self.failure(error)),
                },
            }
        }
    }

    /// What has come and was not used yet.
    pub fn buffered(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    pub fn consume(&mut self, n: usize) {
        self.start += n;
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        }
    }

    /// Reads more behind what is there; 0 at the end.
    pub fn fill(&mut self) -> io::Result<usize> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let len = self.buffer.len();
        self.buffer.resize(len + PIECE, 0);
        let result = read(&self.stream, &mut self.buffer[len..]);
        self.buffer.truncate(len + *result.as_ref().unwrap_or(&0));
        result
    }

    /// Reads what is there already, or past it.
    pub fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.buffered() {
            [] => read(&self.stream, into),
            mut bytes => {
                let n = bytes.read(into)?;
                self.consume(n);
                Ok(n)
            }
        }
    }

    /// Whether nothing has come that nobody asked for, not even the end.
    pub fn is_silent(&self) -> bool {
        let readable = wait_any(&[(self.stream.as_fd(), Interest::Read)], Some(Duration::ZERO));
        self.buffered().is_empty() && readable.is_err_and(|e| e.kind() == ErrorKind::WouldBlock)
    }

    /// Gives memory back that idle connections need not hold.
    pub fn shrink(&mut self) {
        if self.buffered().is_empty() {
            self.buffer = Vec::new();
        }
    }

    /// The socket, and what has come already. Whatever goes over it now may be silent for long.
    pub fn into_tunnel(self) -> io::Result<(TcpStream, Vec<u8>)> {
        self.stream.set_read_timeout(None)?;
        Ok((self.stream, self.buffer[self.start..].to_vec()))
    }

    /// Whether the error means that the server closed before it saw the request, as it may at any time between two of them.
    fn failure(&self, error: io::Error) -> Failure {
        let silent = self.used && self.buffered().is_empty();
        if silent && is_gone(&error) { Failure::Stale } else { error.into() }
    }
}

fn read(mut stream: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(into) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof
            | ErrorKind::BrokenPipe
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected
    )
}
