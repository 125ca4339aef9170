//! What all socket types share: one of std's sockets, its readiness, and the modes that the user set.
//!
//! std's own type does everything that cannot wait (options, addresses, `Debug`), and everything on an OS thread, so
//! these behave as std's by being std's. Only what waits on a coroutine or within a time-out is ours, in `transfer`, `accept` and `connect`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use greenwood_runtime::readiness::{Interest, Source, may_block};

use crate::sys;

mod macros;
mod modes;
mod transfer;

pub(crate) use macros::{debug_as_std, fd_traits, mode_methods, nonblocking_methods, read_write};
pub(crate) use modes::Modes;

/// One of std's socket types, and where the kernel's calls on it differ.
pub(crate) trait Transport: AsFd {
    const KIND: Kind;
}

/// What decides between waiting and returning.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A transfer of fewer bytes than asked for proves that the kernel's buffer is empty (or full, for a send): the
    /// next call may wait without trying first. And a blocking receive into an empty buffer waits once and returns 0,
    /// even after a time-out, where a non-blocking one says EAGAIN.
    Tcp,
    /// Receives stop at every change of ancillary data: a short count proves nothing.
    UnixStream,
    /// After a shutdown a blocking receive returns 0, where a non-blocking one says EAGAIN for ever.
    Datagram,
    Listener,
}

impl Transport for std::net::TcpStream {
    const KIND: Kind = Kind::Tcp;
}
impl Transport for std::net::TcpListener {
    const KIND: Kind = Kind::Listener;
}
impl Transport for std::net::UdpSocket {
    const KIND: Kind = Kind::Datagram;
}
impl Transport for std::os::unix::net::UnixStream {
    const KIND: Kind = Kind::UnixStream;
}
impl Transport for std::os::unix::net::UnixListener {
    const KIND: Kind = Kind::Listener;
}
impl Transport for std::os::unix::net::UnixDatagram {
    const KIND: Kind = Kind::Datagram;
}

pub(crate) struct Socket<S: Transport> {
    /// `None` only once the socket has been taken out by [`Socket::into_std`].
    io: Option<S>,
    source: Source,
    modes: Arc<Modes>,
}

// A caught panic can leave none of this half changed: the modes change under their lock, after the kernel's did, and
// the readiness is a hint. std's types have these traits too.
impl<S: Transport> UnwindSafe for Socket<S> {}
impl<S: Transport> RefUnwindSafe for Socket<S> {}

impl<S: Transport> Socket<S> {
    /// Of a socket that was just made and blocks.
    pub(crate) fn fresh(io: S) -> Socket<S> {
        Socket::with_modes(io, Modes::fresh())
    }

    /// Of a descriptor from elsewhere.
    pub(crate) fn adopted(io: S) -> Socket<S> {
        Socket::with_modes(io, Modes::unknown())
    }

    pub(crate) fn with_modes(io: S, modes: Modes) -> Socket<S> {
        Socket { io: Some(io), source: Source::new(), modes: Arc::new(modes) }
    }

    /// Of a socket that was waited on while it connected.
    pub(crate) fn connected(io: S, source: Source) -> Socket<S> {
        Socket { io: Some(io), source, modes: Arc::new(Modes::fresh()) }
    }

    /// std's socket, for everything that cannot wait.
    pub(crate) fn io(&self) -> &S {
        self.io.as_ref().expect("a socket that was taken out is gone")
    }

    pub(crate) fn modes(&self) -> &Modes {
        &self.modes
    }

    /// Whether the plain system call is right: on an OS thread with no time-out around it, where the kernel waits, and in the
    /// user's non-blocking mode, where nobody does.
    pub(crate) fn is_plain(&self) -> bool {
        may_block() || self.is_nonblocking()
    }

    pub(crate) fn is_nonblocking(&self) -> bool {
        self.modes.nonblocking(self.as_fd())
    }

    /// [`Source::perform`], with std's EAGAIN for a time-out.
    pub(crate) fn perform<T>(
        &self,
        interest: Interest,
        timeout: Option<Duration>,
        op: impl FnMut() -> io::Result<T>,
        drained: impl FnOnce(&T) -> bool,
    ) -> io::Result<T> {
        self.source.perform(self.as_fd(), interest, timeout, op, drained).map_err(|error| {
            match error.kind() {
                io::ErrorKind::WouldBlock => sys::would_block(),
                _ => error,
            }
        })
    }

    /// Makes whoever waits here return EBADF. The descriptor stays open, so its number cannot be reused under them.
    pub(crate) fn close(&self) {
        self.source.close(self.as_fd());
    }

    /// A duplicate that shares the modes, as the kernel's descriptors share theirs.
    pub(crate) fn try_clone(
        &self,
        duplicate: impl FnOnce(&S) -> io::Result<S>,
    ) -> io::Result<Socket<S>> {
        Ok(Socket {
            io: Some(duplicate(self.io())?),
            source: Source::new(),
            modes: Arc::clone(&self.modes),
        })
    }

    /// std's socket, with the flags that the user set, unless clones still need the one that was lent.
    pub(crate) fn into_std(mut self) -> S {
        let io = self.io.take().expect("a socket is taken out once");
        self.source.close(io.as_fd());
        if let Some(modes) = Arc::get_mut(&mut self.modes) {
            // There is nothing a caller of `into()` could be told. fcntl(F_SETFL) of an open socket does not fail.
            let _ = modes.reclaim(io.as_fd());
        }
        io
    }
}

impl<S: Transport> AsFd for Socket<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.io().as_fd()
    }
}

impl<S: Transport> Drop for Socket<S> {
    /// Ends the registration while the descriptor's number is still ours.
    fn drop(&mut self) {
        if let Some(io) = &self.io {
            self.source.close(io.as_fd());
        }
    }
}
