//! Accepting: what TCP and Unix listeners share.
//!
//! accept(2) has no `MSG_DONTWAIT`, so a listener is put into `O_NONBLOCK` the first time a coroutine accepts on it, or anybody within a time-out
//! (its modes remember that it is "lent"), and back when it is turned into one of std's types.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use greenwood_runtime::park::Reason;
use greenwood_runtime::readiness::{Interest, may_block};

use crate::pause::pause;
use crate::socket::{Modes, Socket, Transport};
use crate::sys;

/// One of std's listeners.
pub(crate) trait Accept: Transport {
    type Stream: Transport;
    type Addr;

    fn accept(&self) -> io::Result<(Self::Stream, Self::Addr)>;
    fn duplicate(&self) -> io::Result<Self>
    where
        Self: Sized;
}

impl Accept for std::net::TcpListener {
    type Stream = std::net::TcpStream;
    type Addr = std::net::SocketAddr;

    fn accept(&self) -> io::Result<(Self::Stream, Self::Addr)> {
        self.accept()
    }

    fn duplicate(&self) -> io::Result<Self> {
        self.try_clone()
    }
}

impl Accept for std::os::unix::net::UnixListener {
    type Stream = std::os::unix::net::UnixStream;
    type Addr = std::os::unix::net::SocketAddr;

    fn accept(&self) -> io::Result<(Self::Stream, Self::Addr)> {
        self.accept()
    }

    fn duplicate(&self) -> io::Result<Self> {
        self.try_clone()
    }
}

pub(crate) struct Listener<L: Accept> {
    socket: Socket<L>,
    closed: AtomicBool,
    backoff: Backoff,
}

// As for `Socket`: what is added are two atomics, each consistent by itself.
impl<L: Accept> UnwindSafe for Listener<L> {}
impl<L: Accept> RefUnwindSafe for Listener<L> {}

impl<L: Accept> Listener<L> {
    pub(crate) fn fresh(io: L) -> Listener<L> {
        Listener::new(Socket::fresh(io))
    }

    pub(crate) fn adopted(io: L) -> Listener<L> {
        Listener::new(Socket::adopted(io))
    }

    fn new(socket: Socket<L>) -> Listener<L> {
        Listener { socket, closed: AtomicBool::new(false), backoff: Backoff(AtomicU32::new(0)) }
    }

    pub(crate) fn io(&self) -> &L {
        self.socket.io()
    }

    pub(crate) fn modes(&self) -> &Modes {
        self.socket.modes()
    }

    pub(crate) fn try_clone(&self) -> io::Result<Listener<L>> {
        self.socket.try_clone(L::duplicate).map(Listener::new)
    }

    pub(crate) fn into_std(self) -> L {
        self.socket.into_std()
    }

    pub(crate) fn close(&self) {
        // First the mark: whoever is woken by the second step must see it.
        self.closed.store(true, Ordering::SeqCst);
        self.socket.close();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    pub(crate) fn accept(&self) -> io::Result<(Socket<L::Stream>, L::Addr)> {
        let nonblocking = self.socket.is_nonblocking();
        if !self.is_closed() && !nonblocking {
            self.backoff.hold()?;
        }
        if self.is_closed() {
            return Err(sys::bad_descriptor());
        }
        let result = if nonblocking { self.io().accept() } else { self.accept_blocking() };
        self.backoff.note(&result);
        if self.is_closed() {
            return Err(sys::bad_descriptor());
        }
        let (stream, addr) = result?;
        if self.modes().is_lent() {
            sys::accepted(stream.as_fd())?;
        }
        Ok((Socket::with_modes(stream, self.modes().inherited()), addr))
    }

    fn accept_blocking(&self) -> io::Result<(L::Stream, L::Addr)> {
        if !may_block() {
            self.modes().lend(self.as_fd())?;
        } else if !self.modes().is_lent() {
            match self.io().accept() {
                // A coroutine borrowed the descriptor between the question and the call: the wait is up to us now.
                Err(error)
                    if error.kind() == io::ErrorKind::WouldBlock && self.modes().is_lent() => {}
                result => return result,
            }
        }
        let timeout = self.modes().read_timeout(self.as_fd());
        self.socket.perform(Interest::Read, timeout, || self.io().accept(), |_| false)
    }
}

impl<L: Accept> AsFd for Listener<L> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Keeps an accept loop from spinning while the process is out of descriptors: the connection stays in the queue, so
/// each accept would fail at once again. Holds the milliseconds that the next accept waits first.
struct Backoff(AtomicU32);

impl Backoff {
    const FIRST: u32 = 10;
    const LONGEST: u32 = 100;

    fn hold(&self) -> io::Result<()> {
        match self.0.load(Ordering::Relaxed) {
            0 => Ok(()),
            millis => {
                pause(Duration::from_millis(millis.into()), &Reason("accept: out of descriptors"))
            }
        }
    }

    fn note<T>(&self, result: &io::Result<T>) {
        match result {
            Err(error) if sys::is_exhausted(error) => {
                let millis = self.0.load(Ordering::Relaxed);
                self.0
                    .store((millis * 2).clamp(Backoff::FIRST, Backoff::LONGEST), Ordering::Relaxed);
            }
            // Nothing came: that says nothing about descriptors.
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock || sys::is_interruption(error) => {}
            _ => {
                if self.0.load(Ordering::Relaxed) != 0 {
                    self.0.store(0, Ordering::Relaxed);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_to_its_bound_and_is_reset_by_success() {
        let backoff = Backoff(AtomicU32::new(0));
        let exhausted = || Err::<(), _>(io::Error::from_raw_os_error(libc::EMFILE));
        let mut seen = Vec::new();
        for _ in 0..6 {
            backoff.note(&exhausted());
            seen.push(backoff.0.load(Ordering::Relaxed));
        }
        assert_eq!(seen, [10, 20, 40, 80, 100, 100]);
        backoff.note(&Err::<(), _>(sys::would_block()));
        assert_eq!(backoff.0.load(Ordering::Relaxed), 100);
        backoff.note(&Ok(()));
        assert_eq!(backoff.0.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn other_errors_do_not_slow_accept_down() {
        let backoff = Backoff(AtomicU32::new(0));
        backoff.note(&Err::<(), _>(io::Error::from_raw_os_error(libc::ECONNABORTED)));
        assert_eq!(backoff.0.load(Ordering::Relaxed), 0);
    }
}
