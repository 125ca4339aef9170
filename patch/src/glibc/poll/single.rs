//! Waiting for one descriptor.

use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::time::Instant;

use greenwood_runtime::readiness::{Interest, Mode, Source};
use libc::c_int;

use super::{Ask, REASON, for_nothing, in_slices, left};
use crate::glibc::descriptors::{self, Descriptor, Kind, Slot};

/// Waits until `fd` may be ready and `ask` says so.
///
/// # Errors
/// `EBADF` if it is closed meanwhile.
pub(super) fn wait(
    fd: c_int,
    interest: Interest,
    deadline: Option<Instant>,
    ask: &mut Ask<'_>,
) -> io::Result<c_int> {
    match (descriptors::kind(fd), descriptors::slot(fd)) {
        (Ok(kind), Some(slot)) if kind.is_socket() || kind == Kind::Pipe => {
            registered(slot, fd, interest, deadline, ask)
        }
        // Epoll instances, eventfds and their like all have the same identity, so that nothing tells whether a registration is still theirs.
        // A duplicate keeps the file while the wait lasts, as poll(2) itself does.
        _ => match duplicate(fd) {
            Ok(duplicate) => by(duplicate, interest, deadline, ask),
            Err(_) => in_slices(deadline, ask),
        },
    }
}

/// By the registration that reads and writes wait with: it is there already, or will be of use again.
fn registered(
    slot: &Slot,
    fd: c_int,
    interest: Interest,
    deadline: Option<Instant>,
    ask: &mut Ask<'_>,
) -> io::Result<c_int> {
    loop {
        let descriptor = slot.descriptor(fd)?;
        let open = descriptors::borrow(fd)?;
        // Whether its calls block is nothing to who polls it.
        let mode = || descriptor.verify(fd).map(|()| Mode::Blocking(left(deadline)));
        match descriptor.source.perform_as(open, interest, mode, &mut *ask, |_| false) {
            Err(error) if Descriptor::is_stale(&error) => slot.replace(fd, &descriptor),
            result => return otherwise(result, deadline, ask),
        }
    }
}

/// By a registration for this wait.
pub(super) fn by(
    fd: OwnedFd,
    interest: Interest,
    deadline: Option<Instant>,
    ask: &mut Ask<'_>,
) -> io::Result<c_int> {
    let source = Source::with_reason(&REASON);
    let mode = || Ok(Mode::Blocking(left(deadline)));
    let result = source.perform_as(fd.as_fd(), interest, mode, &mut *ask, |_| false);
    source.close(fd.as_fd());
    otherwise(result, deadline, ask)
}

/// Goes on where the kernel has refused the registration.
fn otherwise(
    result: io::Result<c_int>,
    deadline: Option<Instant>,
    ask: &mut Ask<'_>,
) -> io::Result<c_int> {
    match result {
        Err(error) => match error.raw_os_error() {
            // What epoll does not take never changes.
            Some(libc::EPERM) => for_nothing(deadline),
            Some(
                libc::ENOMEM
                | libc::ENOSPC
                | libc::EMFILE
                | libc::ENFILE
                | libc::ELOOP
                | libc::EINVAL
                | libc::EEXIST,
            ) => in_slices(deadline, ask),
            _ => Err(error),
        },
        result => result,
    }
}

pub(super) fn duplicate(fd: c_int) -> io::Result<OwnedFd> {
    // SAFETY: takes numbers, returns one.
    match unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) } {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: just made, and nobody else's.
        new => Ok(unsafe { OwnedFd::from_raw_fd(new) }),
    }
}
