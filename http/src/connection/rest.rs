//! A connection with nothing to do: no coroutine, no buffers, only its registration, until bytes come.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use greenwood_runtime::readiness::{AsSource, Readiness, Source, spawn_when_readable};

use crate::connections::Registration;
use crate::log;
use crate::observe::CloseReason;

/// Has the connection go on when there is something to read, and closed at `deadline`. Does not suspend.
pub(crate) fn rest(registration: Registration, deadline: Instant) {
    let rested =
        spawn_when_readable(registration, Some(deadline), |mut registration, why| match why {
            Readiness::Ready => super::run(registration),
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
