//! The body of the server's answer, on its way to the client.

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;

use super::Connection;
use super::chunked::{Decoder, Step};
use super::head::{Framing, Head};
use super::pool::Pool;

pub struct Body {
    /// None once the end has been reached.
    connection: Option<Connection>,
    coding: Coding,
    /// Where the connection goes then, if it can be used again.
    pool: Option<Arc<Pool>>,
}

enum Coding {
    /// So many bytes are to come.
    Length(u64),
    Chunked(Decoder),
    Close,
}

impl Body {
    pub fn new(connection: Connection, head: &Head, pool: Arc<Pool>) -> Body {
        let coding = match head.framing {
            Framing::None => Coding::Length(0),
            Framing::Length(n) => Coding::Length(n),
            Framing::Chunked => Coding::Chunked(Decoder::new()),
            Framing::Close => Coding::Close,
        };
        let pool = head.keep_alive.then_some(pool);
        let mut body = Body { connection: Some(connection), coding, pool };
        if let Coding::Length(0) = body.coding {
            body.end();
        }
        body
    }

    /// The server has not taken the whole request: nothing can follow on its connection.
    pub fn close_after(&mut self) {
        self.pool = None;
    }

    fn end(&mut self) {
        if let (Some(connection), Some(pool)) = (self.connection.take(), &self.pool) {
            pool.put(connection);
        }
    }
}

/// Fails when the server breaks off, takes too long or sends nonsense: then the client's answer breaks off as well.
impl Read for Body {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(connection) = &mut self.connection else { return Ok(0) };
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            let room = match &mut self.coding {
                Coding::Close => into.len(),
                Coding::Length(left) => {
                    usize::try_from(*left).map_or(into.len(), |n| n.min(into.len()))
                }
                Coding::Chunked(decoder) => {
                    let invalid = |what| io::Error::new(ErrorKind::InvalidData, what);
                    match decoder.step(connection.buffered()).map_err(invalid)? {
                        Step::Skip(n) => {
                            connection.consume(n);
                            continue;
                        }
                        Step::More if connection.fill()? == 0 => {
                            return Err(ErrorKind::UnexpectedEof.into());
                        }
                        Step::More => continue,
                        Step::End => {
                            self.end();
                            return Ok(0);
                        }
                        Step::Data(left) => {
                            usize::try_from(left).map_or(into.len(), |n| n.min(into.len()))
                        }
                    }
                }
            };
            let n = connection.read(&mut into[..room])?;
            match &mut self.coding {
                Coding::Close if n == 0 => self.end(),
                _ if n == 0 => return Err(ErrorKind::UnexpectedEof.into()),
                Coding::Close => {}
                Coding::Chunked(decoder) => decoder.taken(n as u64),
                Coding::Length(left) => {
                    *left -= n as u64;
                    if *left == 0 {
                        self.end();
                    }
                }
            }
            return Ok(n);
        }
    }
}
