//! How a socket is meant to block: what the user set, remembered beside the kernel's own copy.
//!
//! The kernel holds the truth (`O_NONBLOCK`, `SO_RCVTIMEO`, `SO_SNDTIMEO`), so the descriptor may be handed to anyone.
//! A coroutine's call needs the same facts before every wait, and must not pay three system calls for them; hence the
//! copy. Duplicates of a descriptor share the kernel's, so clones of a socket share this.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use socket2::SockRef;

/// The other fields hold what the kernel holds; otherwise they are to be read from it first.
const KNOWN: u8 = 1;
/// The user wants calls that never wait.
const NONBLOCKING: u8 = 2;
/// The descriptor has `O_NONBLOCK` for our sake, while the user thinks that it blocks.
const LENT: u8 = 4;

#[derive(Debug)]
pub(crate) struct Modes {
    flags: AtomicU8,
    /// Microseconds as in the kernel's timeval; 0 means none.
    read_timeout: AtomicU64,
    write_timeout: AtomicU64,
    /// Held while the kernel's copy and ours are changed, so that they change together.
    change: Mutex<()>,
}

impl Modes {
    fn new(flags: u8) -> Modes {
        Modes {
            flags: AtomicU8::new(flags),
            read_timeout: AtomicU64::new(0),
            write_timeout: AtomicU64::new(0),
            change: Mutex::new(()),
        }
    }

    /// Of a socket that was just made: it blocks, without time-outs.
    pub(crate) fn fresh() -> Modes {
        Modes::new(KNOWN)
    }

    /// Of a descriptor from elsewhere: read from the kernel when first needed.
    pub(crate) fn unknown() -> Modes {
        Modes::new(0)
    }

    /// Of a socket that a listener with these modes accepted. Linux copies the time-outs of a listener to what it
    /// accepts, so the new socket's are known only if the listener's are known to be none.
    pub(crate) fn inherited(&self) -> Modes {
        let plain = self.flags.load(Ordering::Acquire) & KNOWN != 0
            && self.read_timeout.load(Ordering::Relaxed) == 0
            && self.write_timeout.load(Ordering::Relaxed) == 0;
        if plain { Modes::fresh() } else { Modes::unknown() }
    }

    /// Whether the user asked for calls that never wait.
    pub(crate) fn nonblocking(&self, fd: BorrowedFd<'_>) -> bool {
        self.flags(fd) & NONBLOCKING != 0
    }

    pub(crate) fn read_timeout(&self, fd: BorrowedFd<'_>) -> Option<Duration> {
        self.flags(fd);
        duration(self.read_timeout.load(Ordering::Relaxed))
    }

    pub(crate) fn write_timeout(&self, fd: BorrowedFd<'_>) -> Option<Duration> {
        self.flags(fd);
        duration(self.write_timeout.load(Ordering::Relaxed))
    }

    pub(crate) fn set_read_timeout(
        &self,
        timeout: Option<Duration>,
        in_kernel: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        self.set_timeout(&self.read_timeout, timeout, in_kernel)
    }

    pub(crate) fn set_write_timeout(
        &self,
        timeout: Option<Duration>,
        in_kernel: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        self.set_timeout(&self.write_timeout, timeout, in_kernel)
    }

    /// Remembers what the kernel has accepted, both as one change.
    fn set_timeout(
        &self,
        remembered: &AtomicU64,
        timeout: Option<Duration>,
        in_kernel: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let _change = self.change.lock();
        in_kernel()?;
        remembered.store(micros(timeout), Ordering::Relaxed);
        Ok(())
    }

    /// Sets the user's mode. A descriptor that is lent keeps `O_NONBLOCK` either way.
    pub(crate) fn set_nonblocking(
        &self,
        fd: BorrowedFd<'_>,
        nonblocking: bool,
        in_kernel: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let _change = self.change.lock();
        let flags = self.load(fd);
        if flags & LENT == 0 {
            in_kernel()?;
        }
        let mode = if nonblocking { flags | NONBLOCKING } else { flags & !NONBLOCKING };
        self.flags.store(mode, Ordering::Release);
        Ok(())
    }

    /// Puts the descriptor into `O_NONBLOCK` behind the user's back, for calls that have no `MSG_DONTWAIT`.
    pub(crate) fn lend(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        if self.is_lent() {
            return Ok(());
        }
        let _change = self.change.lock();
        let flags = self.load(fd);
        if flags & (LENT | NONBLOCKING) == 0 {
            SockRef::from(&fd).set_nonblocking(true)?;
        }
        self.flags.store(flags | LENT, Ordering::Release);
        Ok(())
    }

    pub(crate) fn is_lent(&self) -> bool {
        self.flags.load(Ordering::Acquire) & LENT != 0
    }

    /// Makes the kernel's flag what the user thinks it is. For the last owner, who can have no call under way.
    pub(crate) fn reclaim(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let flags = self.flags.get_mut();
        if *flags & LENT != 0 {
            SockRef::from(&fd).set_nonblocking(*flags & NONBLOCKING != 0)?;
            *flags &= !LENT;
        }
        Ok(())
    }

    fn flags(&self, fd: BorrowedFd<'_>) -> u8 {
        let flags = self.flags.load(Ordering::Acquire);
        if flags & KNOWN != 0 {
            return flags;
        }
        let _change = self.change.lock();
        self.load(fd)
    }

    /// The flags, read from the kernel if they are not known. `change` is held.
    ///
    /// A descriptor that cannot be asked is no socket; the call that follows will say so, so it counts as blocking.
    fn load(&self, fd: BorrowedFd<'_>) -> u8 {
        let flags = self.flags.load(Ordering::Acquire);
        if flags & KNOWN != 0 {
            return flags;
        }
        let socket = SockRef::from(&fd);
        self.read_timeout.store(micros(socket.read_timeout().unwrap_or(None)), Ordering::Relaxed);
        self.write_timeout.store(micros(socket.write_timeout().unwrap_or(None)), Ordering::Relaxed);
        let mode = if socket.nonblocking().unwrap_or(false) { NONBLOCKING } else { 0 };
        self.flags.store(flags | mode | KNOWN, Ordering::Release);
        flags | mode | KNOWN
    }
}

/// The kernel's unit. Less than one microsecond is one, as in std; more than 2⁶⁴ are none, as the kernel has it for
/// what exceeds its own range.
fn micros(timeout: Option<Duration>) -> u64 {
    timeout
        .map_or(0, |t| u64::try_from(t.as_micros()).unwrap_or(0).max(u64::from(t.as_micros() == 0)))
}

fn duration(micros: u64) -> Option<Duration> {
    (micros != 0).then(|| Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, UdpSocket};
    use std::os::fd::AsFd;

    #[test]
    fn units_follow_the_kernel() {
        assert_eq!(micros(None), 0);
        assert_eq!(micros(Some(Duration::from_nanos(1))), 1);
        assert_eq!(micros(Some(Duration::from_nanos(2_999))), 2);
        assert_eq!(micros(Some(Duration::MAX)), 0);
        assert_eq!(duration(0), None);
        assert_eq!(duration(1_500_000), Some(Duration::from_millis(1_500)));
    }

    #[test]
    fn unknown_modes_come_from_the_kernel() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(7))).unwrap();
        let modes = Modes::unknown();
        assert!(modes.nonblocking(socket.as_fd()));
        assert_eq!(modes.read_timeout(socket.as_fd()), Some(Duration::from_secs(7)));
        assert_eq!(modes.write_timeout(socket.as_fd()), None);
    }

    #[test]
    fn a_lent_listener_keeps_the_users_view() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let fd = listener.as_fd();
        let in_kernel = || SockRef::from(&fd).nonblocking().unwrap();
        let mut modes = Modes::fresh();
        modes.lend(fd).unwrap();
        assert!(in_kernel() && !modes.nonblocking(fd));
        modes.set_nonblocking(fd, true, || unreachable!("the flag is set already")).unwrap();
        assert!(modes.nonblocking(fd));
        modes.set_nonblocking(fd, false, || unreachable!("the flag is ours")).unwrap();
        assert!(in_kernel() && !modes.nonblocking(fd));
        modes.reclaim(fd).unwrap();
        assert!(!in_kernel() && !modes.is_lent());
    }

    #[test]
    fn accepted_sockets_inherit_only_what_is_certain() {
        let modes = Modes::fresh();
        assert_eq!(modes.inherited().flags.into_inner(), KNOWN);
        modes.set_read_timeout(Some(Duration::from_secs(1)), || Ok(())).unwrap();
        assert_eq!(modes.inherited().flags.into_inner(), 0);
        assert_eq!(Modes::unknown().inherited().flags.into_inner(), 0);
    }
}
