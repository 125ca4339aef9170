//! What connects a server to one client.

mod socket;

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use greenwood_runtime::readiness::Source;

pub(crate) use socket::Socket;

/// A connection's byte stream. All calls but the `try_` ones and `shutdown` suspend the coroutine (block the OS
/// thread).
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(Socket),
}

impl Stream {
    /// Reads once, waiting at most `timeout` for the first byte.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when the time has passed, `ECANCELED` or `ETIMEDOUT` when something around the caller ends the wait.
    pub(crate) fn read(&self, into: &mut [u8], timeout: Option<Duration>) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => socket.read(into, timeout),
        }
    }

    /// Reads what is there.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when that is nothing.
    pub(crate) fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(socket) => socket.try_read(into),
        }
    }

    /// Waits until a read may find something. May return without cause.
    ///
    /// # Errors
    ///
    /// As for `read`.
    pub(crate) fn wait_readable(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Stream::Plain(socket) => socket.wait_readable(timeout),
        }
    }

    /// Writes all of `bytes`, waiting at most `timeout` each time that the peer takes nothing.
    ///
    /// # Errors
    ///
    /// As for `read`. How much was written is then unknown.
    pub(crate) fn write_all(&self, bytes: &[u8], timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Stream::Plain(socket) => socket.write_all(bytes, timeout),
        }
    }

    /// Ends one or both directions, for everybody who holds the stream. Does not suspend.
    ///
    /// # Errors
    ///
    /// Those of shutdown(2).
    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket().shutdown(how)
    }

    /// The socket at the bottom.
    pub(crate) fn socket(&self) -> &Socket {
        match self {
            Stream::Plain(socket) => socket,
        }
    }

    pub(crate) fn source(&self) -> &Source {
        self.socket().source()
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket().as_fd()
    }
}
