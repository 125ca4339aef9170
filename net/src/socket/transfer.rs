//! Receiving and sending on a coroutine: what `recv(2)` and `send(2)` do on a blocking descriptor.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use greenwood_runtime::readiness::Interest;
use libc::c_int;
use socket2::SockAddr;

use super::{Kind, Socket, Transport};
use crate::sys;

impl<S: Transport> Socket<S> {
    pub(crate) fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        let len = buf.len();
        self.receive(len, || sys::recv(self.as_fd(), buf, 0), 0, |&n| drained::<S>(n, len))
    }

    /// Leaves the bytes in the queue, so the count says nothing about what is there.
    pub(crate) fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.receive(buf.len(), || sys::recv(self.as_fd(), buf, sys::PEEK), 0, |_| false)
    }

    /// `bufs` has room: readv(2), which std calls, returns at once when there is none, unlike recvmsg(2).
    pub(crate) fn recv_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let len = bufs.iter().map(|buf| buf.len()).sum();
        self.receive(len, || sys::recv_vectored(self.as_fd(), bufs), 0, |&n| drained::<S>(n, len))
    }

    /// The address is `None` for the end that a shutdown makes, which comes from nobody.
    pub(crate) fn recv_from(
        &self,
        buf: &mut [u8],
        flags: c_int,
    ) -> io::Result<(usize, Option<SockAddr>)> {
        let len = buf.len();
        let op = || sys::recv_from(self.as_fd(), buf, flags).map(|(n, from)| (n, Some(from)));
        self.receive(len, op, (0, None), |_| false)
    }

    /// Receives as a blocking call would. `nothing` stands for the 0 that those return where a call with
    /// `MSG_DONTWAIT` says EAGAIN: see [`Kind`].
    fn receive<T: Clone>(
        &self,
        len: usize,
        mut op: impl FnMut() -> io::Result<T>,
        nothing: T,
        drained: impl FnOnce(&T) -> bool,
    ) -> io::Result<T> {
        let op = || match op() {
            Err(error)
                if S::KIND == Kind::Datagram
                    && error.kind() == io::ErrorKind::WouldBlock
                    && sys::is_read_shut(self.as_fd()) =>
            {
                Ok(nothing.clone())
            }
            result => result,
        };
        match self.perform(Interest::Read, self.modes().read_timeout(self.as_fd()), op, drained) {
            Err(error)
                if S::KIND == Kind::Tcp
                    && len == 0
                    && error.kind() == io::ErrorKind::WouldBlock =>
            {
                Ok(nothing)
            }
            result => result,
        }
    }

    /// Sends one datagram.
    pub(crate) fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.transmit(self.write_timeout(), || sys::send(self.as_fd(), buf), |_| false)
    }

    pub(crate) fn send_to(&self, buf: &[u8], to: &SockAddr) -> io::Result<usize> {
        self.transmit(self.write_timeout(), || sys::send_to(self.as_fd(), buf, to), |_| false)
    }

    /// Writes to a stream until all of `buf` is in the kernel, as a blocking send(2) does: see [`Sending`].
    pub(crate) fn write(&self, buf: &[u8]) -> io::Result<usize> {
        let mut sending = Sending::new(buf.len(), self.write_timeout());
        loop {
            let rest = &buf[sending.done..];
            let sent = self.transmit(
                sending.time_left(),
                || sys::send(self.as_fd(), rest),
                |&n| drained::<S>(n, rest.len()),
            );
            if let Some(end) = sending.advance(sent) {
                return end;
            }
        }
    }

    /// As [`Socket::write`]. `bufs` holds bytes: writev(2), which std calls, ignores an empty list, unlike sendmsg(2).
    pub(crate) fn write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let len: usize = bufs.iter().map(|buf| buf.len()).sum();
        let mut sending = Sending::new(len, self.write_timeout());
        let first = self.transmit(
            sending.time_left(),
            || sys::send_vectored(self.as_fd(), bufs),
            |&n| drained::<S>(n, len),
        );
        if let Some(end) = sending.advance(first) {
            return end;
        }
        // Only a full buffer leads here; the copy of the list is nothing beside the wait.
        let mut list = bufs.to_vec();
        let mut rest = &mut list[..];
        IoSlice::advance_slices(&mut rest, sending.done);
        loop {
            let left = len - sending.done;
            let before = sending.done;
            let sent = self.transmit(
                sending.time_left(),
                || sys::send_vectored(self.as_fd(), rest),
                |&n| drained::<S>(n, left),
            );
            if let Some(end) = sending.advance(sent) {
                return end;
            }
            IoSlice::advance_slices(&mut rest, sending.done - before);
        }
    }

    fn write_timeout(&self) -> Option<Duration> {
        self.modes().write_timeout(self.as_fd())
    }

    fn transmit<T>(
        &self,
        timeout: Option<Duration>,
        op: impl FnMut() -> io::Result<T>,
        drained: impl FnOnce(&T) -> bool,
    ) -> io::Result<T> {
        self.perform(Interest::Write, timeout, op, drained)
    }
}

/// Whether a count proves that the next call would wait.
fn drained<S: Transport>(moved: usize, asked: usize) -> bool {
    S::KIND == Kind::Tcp && 0 < moved && moved < asked
}

/// The progress of one blocking write to a stream.
///
/// On a blocking descriptor Linux returns a short count only for a time-out or a signal; programs that call `write` once
/// for a large buffer live on that. The time-out spans the whole call.
struct Sending {
    done: usize,
    len: usize,
    timeout: Option<Duration>,
    deadline: Option<Instant>,
}

impl Sending {
    fn new(len: usize, timeout: Option<Duration>) -> Sending {
        let deadline = timeout.and_then(|timeout| greenwood_runtime::now().checked_add(timeout));
        Sending { done: 0, len, timeout, deadline }
    }

    fn time_left(&self) -> Option<Duration> {
        match self.deadline {
            Some(deadline) if self.done > 0 => {
                Some(deadline.saturating_duration_since(greenwood_runtime::now()))
            }
            _ => self.timeout,
        }
    }

    /// Takes note of one call; what the write returns, if that ends it.
    ///
    /// A time-out or signal after some bytes ends it with their number. Any other error is reported at once, where the
    /// kernel would keep it for the next call: it was already taken out of the socket, and with it, the bytes that
    /// still lay in the buffer are worthless.
    fn advance(&mut self, sent: io::Result<usize>) -> Option<io::Result<usize>> {
        match sent {
            Ok(n) => {
                self.done += n;
                (n == 0 || self.done >= self.len).then_some(Ok(self.done))
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted if self.done > 0 => {
                    Some(Ok(self.done))
                }
                _ => Some(Err(error)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_ends_when_all_is_sent() {
        let mut sending = Sending::new(10, None);
        assert!(sending.advance(Ok(4)).is_none());
        assert_eq!(sending.advance(Ok(6)).unwrap().unwrap(), 10);
        assert_eq!(Sending::new(0, None).advance(Ok(0)).unwrap().unwrap(), 0);
    }

    #[test]
    fn a_timeout_reports_what_was_sent() {
        let mut sending = Sending::new(10, Some(Duration::from_secs(1)));
        assert!(sending.advance(Ok(4)).is_none());
        assert!(sending.time_left().unwrap() <= Duration::from_secs(1));
        assert_eq!(sending.advance(Err(sys::would_block())).unwrap().unwrap(), 4);
        let nothing = Sending::new(10, None).advance(Err(sys::would_block())).unwrap();
        assert_eq!(nothing.unwrap_err().raw_os_error(), Some(libc::EAGAIN));
    }

    #[test]
    fn other_errors_are_not_put_off() {
        let mut sending = Sending::new(10, None);
        assert!(sending.advance(Ok(4)).is_none());
        let reset = io::Error::from_raw_os_error(libc::ECONNRESET);
        assert_eq!(
            sending.advance(Err(reset)).unwrap().unwrap_err().kind(),
            io::ErrorKind::ConnectionReset
        );
    }
}
