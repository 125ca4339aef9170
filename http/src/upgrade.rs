//! Connections that leave HTTP: `101 Switching Protocols`.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

#[cfg(feature = "ws")]
use greenwood_runtime::CancelToken;
use http::{HeaderValue, StatusCode, header};

use crate::connections::Registration;
use crate::response::{Content, Response, ResponseBody};
use crate::stream::Stream;

impl Response {
    /// A `101 Switching Protocols` to `protocol` (RFC 9110 section 7.8). After it was sent, `f` has the connection, on
    /// its coroutine (OS thread); it is closed when `f` returns or panics, or the server's grace period has ended.
    ///
    /// For a request that asked for it by `Upgrade: protocol`: see
    /// [`Request::upgrades_to`](crate::Request::upgrades_to). To a client of HTTP/1.0, or one that did not ask, the answer is a 500.
    pub fn upgrade<F>(protocol: HeaderValue, f: F) -> Response
    where
        F: FnOnce(Upgraded) + Send + 'static,
    {
        Response::new(StatusCode::SWITCHING_PROTOCOLS)
            .with_header(header::UPGRADE, protocol)
            .with_body(ResponseBody(Content::Upgrade(Box::new(f))))
    }
}

/// A connection after its upgrade: bytes in both directions.
///
/// Reads and writes through `&Upgraded` too, so that one coroutine can read while another writes. Bytes that the client has
/// sent right behind its request come first.
pub struct Upgraded {
    registration: Registration,
    early: Mutex<Early>,
    /// The longest wait for the peer to take something.
    write_timeout: Duration,
}

#[derive(Default)]
struct Early {
    bytes: Vec<u8>,
    used: usize,
}

impl Upgraded {
    pub(crate) fn new(
        registration: Registration,
        early: Vec<u8>,
        write_timeout: Duration,
    ) -> Upgraded {
        let early = Mutex::new(Early { bytes: early, used: 0 });
        Upgraded { registration, early, write_timeout }
    }

    fn stream(&self) -> &Stream {
        &self.registration.link().stream
    }

    /// What came with the request, if any is left.
    fn read_early(&self, into: &mut [u8]) -> usize {
        let mut early = self.early.lock().unwrap_or_else(PoisonError::into_inner);
        let n = (&early.bytes[early.used..]).read(into).unwrap_or(0);
        early.used += n;
        if early.used == early.bytes.len() {
            *early = Early::default();
        }
        n
    }

    fn has_early(&self) -> bool {
        !self.early.lock().unwrap_or_else(PoisonError::into_inner).bytes.is_empty()
    }

    /// Reads what is there. Does not suspend.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is nothing; those of the socket.
    pub fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        match self.read_early(into) {
            0 if !into.is_empty() => self.stream().try_read(into),
            n => Ok(n),
        }
    }

    /// Waits until a read may find something (bytes, the end, an error), at most for `timeout`. Suspends (blocks the OS thread). May return
    /// without cause: try again after it.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when the time has passed, `ECANCELED` if the coroutine was cancelled, `ETIMEDOUT` within a
    /// [`timeout`](greenwood_runtime::timeout) that is over.
    pub fn wait_readable(&self, timeout: Option<Duration>) -> io::Result<()> {
        if self.has_early() { Ok(()) } else { self.stream().wait_readable(timeout) }
    }

    /// Ends one or both directions; calls that wait return. Does not suspend.
    ///
    /// # Errors
    ///
    /// Those of shutdown(2).
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if how != Shutdown::Read {
            self.stream().say_end();
        }
        self.stream().shutdown(how)
    }

    /// A token that is cancelled when the server begins to shut down.
    #[cfg(feature = "ws")]
    pub(crate) fn shutdown_token(&self) -> CancelToken {
        self.registration.link().shutdown_token()
    }

    /// Whether the server is shutting down. The connection is cut when its grace period has ended.
    pub fn is_shutting_down(&self) -> bool {
        self.registration.stopping()
    }
}

/// Suspends (blocks the OS thread) until there is something to read.
impl Read for &Upgraded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.read_early(into) {
            0 if !into.is_empty() => self.stream().read(into, None),
            n => Ok(n),
        }
    }
}

/// Suspends (blocks the OS thread) until all bytes are on their way. Fails with `WouldBlock` if the peer takes nothing for
/// [`Limits::write_progress`](crate::Limits::write_progress).
impl Write for &Upgraded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        self.stream().write_all(&mut rest, Some(self.write_timeout)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Upgraded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        (&*self).read(into)
    }
}

impl Write for Upgraded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection that a panic ends looks broken off to a peer that can tell, as one with TLS can.
impl Drop for Upgraded {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stream().say_end();
        }
    }
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded").field("stream", self.stream()).finish_non_exhaustive()
    }
}
