//! A file that somebody has waited for, by one of its descriptors.

use std::io;

use greenwood_runtime::readiness::{Interest, Mode, Source};
use libc::c_int;

use super::kind::stat;
use super::mode::{Remembered, ask};
use super::{Kind, borrow};

/// Says that a number stands for another file than was registered. No call on a socket or pipe returns it.
const STALE: c_int = libc::ESTALE;

/// What the reactor knows of one file, under one number.
pub(crate) struct Descriptor {
    pub(crate) source: Source,
    /// The file, as fstat(2) tells it.
    identity: (libc::dev_t, libc::ino_t),
    /// None for what other processes share as a rule, pipes and terminals: they may change how it blocks.
    remembered: Option<Remembered>,
}

impl Descriptor {
    pub(super) fn of(fd: c_int) -> io::Result<Descriptor> {
        let remembered = Kind::of(fd)?.is_socket().then(Remembered::default);
        Ok(Descriptor { source: Source::new(), identity: identity(fd)?, remembered })
    }

    /// How a call on `fd` that would block is to go on.
    ///
    /// # Errors
    /// [`Descriptor::is_stale`] if it does not stand for the file any more and that costs little beside the wait: for what is no socket.
    pub(crate) fn mode(&self, fd: c_int, interest: Interest) -> io::Result<Mode> {
        match &self.remembered {
            Some(remembered) => remembered.mode(fd, self.identity.1, interest),
            None => self.verify(fd).and_then(|()| ask(fd, interest)),
        }
    }

    /// Whether `fd` still stands for the file.
    pub(crate) fn is_of(&self, fd: c_int) -> bool {
        let lost = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
        identity(fd).is_ok_and(|now| now == self.identity)
            // Only a socket has an inode of its own: all eventfds and their like have the same, and so have two openings of a FIFO or a terminal.
            && (self.is_unique()
                || borrow(fd).is_ok_and(|open| !self.source.confirm(open).is_err_and(lost)))
    }

    fn is_unique(&self) -> bool {
        self.remembered.is_some()
    }

    /// Makes sure that `fd` still stands for this file.
    ///
    /// # Errors
    /// [`Descriptor::is_stale`] if it does not.
    pub(crate) fn verify(&self, fd: c_int) -> io::Result<()> {
        if self.is_of(fd) { Ok(()) } else { Err(io::Error::from_raw_os_error(STALE)) }
    }

    pub(crate) fn is_stale(error: &io::Error) -> bool {
        error.raw_os_error() == Some(STALE)
    }

    /// Sends away who waits.
    pub(super) fn close(&self, fd: c_int) {
        match borrow(fd) {
            Ok(open) if self.is_of(fd) => self.source.close(open),
            _ => self.source.close_lost(),
        }
    }
}

fn identity(fd: c_int) -> io::Result<(libc::dev_t, libc::ino_t)> {
    stat(fd).map(|stat| (stat.st_dev, stat.st_ino))
}
