//! The beginning of a TLS connection: by a deadline, and with an answer for who does not speak TLS.

use std::cell::Cell;
use std::io::{self, ErrorKind, IoSlice};
use std::time::Duration;

use greenwood_runtime::readiness::Interest;

use super::wire::Wire;
use super::{Sent, TlsStream, flush, invalid};
use crate::date::{DateCache, Line, SharedDate};

const PLAIN: &str = "This is an HTTPS port, and the request came in plain HTTP.\n";

impl TlsStream {
    /// Agrees with the client on keys, within `limit`, however steadily bytes arrive. Suspends.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when the time is up, `InvalidData` when they cannot agree: the client was told then, and the connection is
    /// to be closed.
    pub(crate) fn handshake(&self, limit: Duration) -> io::Result<()> {
        let deadline = greenwood_runtime::now().checked_add(limit);
        let left = || match deadline.map(|at| at.checked_duration_since(greenwood_runtime::now())) {
            None => Ok(None),
            Some(Some(left)) if !left.is_zero() => Ok(Some(left)),
            Some(_) => Err(io::Error::from(ErrorKind::WouldBlock)),
        };
        let first = Cell::new(None);
        loop {
            self.send_by(&left)?;
            if !self.lock().is_handshaking() {
                break;
            }
            let drained = Cell::new(false);
            let step = || self.receive_handshake(&first, &drained);
            let result = self.perform(Interest::Read, left()?, step, |()| drained.get());
            if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::InvalidData) {
                self.refuse(first.get());
            }
            result?;
        }
        if let Some(name) = self.lock().server_name() {
            let _ = self.server_name.set(name.into());
        }
        Ok(())
    }

    /// Sends what the session has to say, each part in what is left of the time.
    fn send_by(&self, left: &impl Fn() -> io::Result<Option<Duration>>) -> io::Result<()> {
        let step = || self.send(&mut &[][..]);
        while !matches!(
            self.perform(Interest::Write, left()?, step, |sent| matches!(sent, Sent::Full))?,
            Sent::All
        ) {}
        Ok(())
    }

    /// A step of it: takes in what the kernel has.
    fn receive_handshake(&self, first: &Cell<Option<u8>>, drained: &Cell<bool>) -> io::Result<()> {
        let mut session = self.lock();
        let mut wire = Wire::new(&self.socket);
        if session.read_tls(&mut wire)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        first.set(first.get().or(wire.first()));
        drained.set(wire.is_short());
        session.process_new_packets().map(drop).map_err(invalid)
    }

    /// Says why there will be no session. What does not fit the kernel's buffer is lost, but by now there is nothing in that.
    fn refuse(&self, first: Option<u8>) {
        // No record's type is a letter, and every request's method begins with one.
        if first.is_some_and(|byte| byte.is_ascii_alphabetic()) {
            let mut date = DateCache::new();
            let answer = plain_answer(date.line(&SharedDate::default()));
            let _ = self.socket.send_vectored(&[IoSlice::new(&answer)]);
        } else {
            let _ = flush(&mut self.lock(), &self.socket);
        }
        self.socket.linger();
    }
}

/// For a client that speaks HTTP without TLS.
fn plain_answer(date: &Line) -> Vec<u8> {
    let date = String::from_utf8_lossy(date);
    let length = PLAIN.len();
    format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n{date}\
         content-length: {length}\r\nconnection: close\r\n\r\n{PLAIN}"
    )
    .into_bytes()
}
