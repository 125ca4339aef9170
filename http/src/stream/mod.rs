//! What connects a server to one client.

mod socket;
#[cfg(feature = "tls")]
mod tls;

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use greenwood_runtime::readiness::Source;

use crate::limits::Limits;
pub(crate) use socket::Socket;
#[cfg(feature = "tls")]
pub(crate) use tls::TlsStream;

/// A connection's byte stream. All calls but the `try_` ones and `shutdown` suspend the coroutine (block the OS
/// thread).
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(Socket),
    /// Boxed: it is large, and idle plain connections are to be small.
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream>),
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
            #[cfg(feature = "tls")]
            Stream::Tls(tls) => tls.read(into, timeout),
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
            #[cfg(feature = "tls")]
            Stream::Tls(tls) => tls.try_read(into),
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
            #[cfg(feature = "tls")]
            Stream::Tls(tls) => tls.wait_readable(timeout),
        }
    }

    /// Writes all of `bytes`, waiting at most `timeout` each time that the peer takes nothing, and leaves in it what was not taken.
    ///
    /// # Errors
    ///
    /// As for `read`.
    pub(crate) fn write_all(&self, bytes: &mut &[u8], timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Stream::Plain(socket) => socket.write_all(bytes, timeout),
            #[cfg(feature = "tls")]
            Stream::Tls(tls) => tls.write_all(bytes, timeout),
        }
    }

    /// [`write_all`](Stream::write_all) where more follows at once: a last incomplete packet may be held back for it.
    pub(crate) fn write_more(
        &self,
        bytes: &mut &[u8],
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        match self {
            Stream::Plain(socket) => socket.write_more(bytes, timeout),
            #[cfg(feature = "tls")]
            Stream::Tls(tls) => tls.write_all(bytes, timeout),
        }
    }

    /// Whether `send_file` is worth a try. To be called before it.
    pub(crate) fn begin_file(&self) -> io::Result<bool> {
        match self {
            Stream::Plain(socket) => socket.begin_file(),
            #[cfg(feature = "tls")]
            Stream::Tls(_) => Ok(false),
        }
    }

    /// Sends some of the `len` bytes of `file` from `offset` on without a copy through the process, waiting at most `timeout` until the peer
    /// takes something; how many, 0 if the file has none. `None` where that cannot be done: read and write them then.
    ///
    /// Holds the worker up while the disk is read, if it has to be.
    ///
    /// # Errors
    ///
    /// As for `read`, and those of the file.
    pub(crate) fn send_file(
        &self,
        file: BorrowedFd<'_>,
        offset: u64,
        len: usize,
        timeout: Option<Duration>,
    ) -> io::Result<Option<usize>> {
        match self {
            Stream::Plain(socket) => socket.send_file(file, offset, len, timeout),
            #[cfg(feature = "tls")]
            Stream::Tls(_) => Ok(None),
        }
    }

    /// Whatever comes before the first request. Suspends.
    ///
    /// # Errors
    ///
    /// When there is to be none: the peer was told what it could be told.
    pub(crate) fn establish(&self, limits: &Limits) -> io::Result<()> {
        self.socket().receive_header(limits.head_deadline)?;
        match self {
            Stream::Plain(_) => Ok(()),
            #[cfg(feature = "tls")]
            Stream::Tls(tls) => tls.handshake(limits.handshake_deadline),
        }
    }

    /// Ends what is sent such that the peer can tell it from a connection that broke. Suspends, at most for `timeout` each
    /// time that the peer takes nothing.
    ///
    /// # Errors
    ///
    /// As for `write_all`.
    pub(crate) fn finish(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Stream::Plain(socket) => {
                let _ = timeout;
                socket.shutdown(Shutdown::Write)
            }
            #[cfg(feature = "tls")]
            Stream::Tls(tls) => tls.finish(timeout),
        }
    }

    /// The same without waiting, and without ending anything: for a connection that is about to be closed. Does not suspend.
    pub(crate) fn say_end(&self) {
        #[cfg(feature = "tls")]
        if let Stream::Tls(tls) = self {
            tls.say_end();
        }
    }

    /// Ends one or both directions of the socket, for everybody who holds the stream. Does not suspend.
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
            #[cfg(feature = "tls")]
            Stream::Tls(tls) => tls.socket(),
        }
    }

    pub(crate) fn is_secure(&self) -> bool {
        !matches!(self, Stream::Plain(_))
    }

    pub(crate) fn server_name(&self) -> Option<&str> {
        match self {
            Stream::Plain(_) => None,
            #[cfg(feature = "tls")]
            Stream::Tls(tls) => tls.server_name(),
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
