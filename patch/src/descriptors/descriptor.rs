//! A file that somebody has waited for, by one of its descriptors.

use std::io;
use std::time::Duration;

use greenwood_runtime::readiness::{Interest, Mode, Source};
use libc::c_int;

use super::borrow;
use super::kind::{option, stat};

/// Says that a number stands for another file than was registered. No call on a socket or pipe returns it.
const STALE: c_int = libc::ESTALE;

/// What the reactor knows of one file, under one number.
pub(crate) struct Descriptor {
    pub(crate) source: Source,
    /// The file, as fstat(2) tells it.
    identity: (libc::dev_t, libc::ino_t),
}

impl Descriptor {
    pub(super) fn of(fd: c_int) -> io::Result<Descriptor> {
        Ok(Descriptor { source: Source::new(), identity: identity(fd)? })
    }

    /// How a call on `fd` that would block is to go on, as the kernel has it now: nothing here misses what was changed by whatever way.
    ///
    /// # Errors
    /// [`Descriptor::is_stale`] if `fd` stands for another file by now.
    pub(crate) fn mode(&self, fd: c_int, interest: Interest) -> io::Result<Mode> {
        if identity(fd)? != self.identity {
            return Err(io::Error::from_raw_os_error(STALE));
        }
        mode(fd, interest)
    }

    pub(crate) fn is_stale(error: &io::Error) -> bool {
        error.raw_os_error() == Some(STALE)
    }

    /// Sends away who waits.
    pub(super) fn close(&self, fd: c_int) {
        match borrow(fd) {
            Ok(open) if identity(fd).is_ok_and(|now| now == self.identity) => {
                self.source.close(open)
            }
            _ => self.source.close_lost(),
        }
    }
}

/// How `fd` blocks.
pub(crate) fn mode(fd: c_int, interest: Interest) -> io::Result<Mode> {
    if is_nonblocking(fd)? {
        Ok(Mode::NonBlocking)
    } else {
        Ok(Mode::Blocking(timeout(fd, interest)))
    }
}

pub(crate) fn is_nonblocking(fd: c_int) -> io::Result<bool> {
    // SAFETY: takes numbers, returns one.
    match unsafe { libc::fcntl(fd, libc::F_GETFL) } {
        -1 => Err(io::Error::last_os_error()),
        flags => Ok(flags & libc::O_NONBLOCK != 0),
    }
}

/// A socket's time-out for one direction, if it has one.
fn timeout(fd: c_int, interest: Interest) -> Option<Duration> {
    let name = match interest {
        Interest::Read => libc::SO_RCVTIMEO,
        Interest::Write => libc::SO_SNDTIMEO,
    };
    // A `timeval` is two of these here. What is no socket has none.
    let [seconds, micros] = option::<[i64; 2]>(fd, libc::SOL_SOCKET, name).ok()?;
    let timeout = Duration::new(seconds.try_into().ok()?, u32::try_from(micros).ok()? * 1000);
    (!timeout.is_zero()).then_some(timeout)
}

fn identity(fd: c_int) -> io::Result<(libc::dev_t, libc::ino_t)> {
    stat(fd).map(|stat| (stat.st_dev, stat.st_ino))
}
