//! A connection with nothing to do: no coroutine, no buffers, only its registration, until bytes come.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use greenwood_runtime::readiness::{AsSource, Readiness, Source, spawn_when_readable};

use crate::connections::Registration;
use crate::log;
use crate::observe::CloseReason;

/// What a connection without a request knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Idle {
    /// When it is to be closed.
    pub(super) deadline: Instant,
    /// Empty lines that were skipped.
    pub(super) skipped_lines: u8,
}

/// Has the connection go on when there is something to read, and closed at its deadline. Does not suspend.
pub(super) fn rest(registration: Registration, idle: Idle) {
    let deadline = Some(idle.deadline);
    let rested =
        spawn_when_readable(registration, deadline, move |mut registration, why| match why {
            Readiness::Ready => super::run(registration, Some(idle)),
            Readiness::TimedOut => {
                registration.closes(CloseReason::Idle);
                registration.link().stream.say_end();
            }
        });
    if let Err(error) = rested {
        log::error("a connection cannot rest and is closed", error);
    }
}

impl AsFd for Registration {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.link().stream.as_fd()
    }
}

impl AsSource for Registration {
    fn as_source(&self) -> &Source {
        self.link().stream.source()
    }
}
