//! Waiting for several descriptors, or for events that the reactor does not report: by an epoll instance of their own, which the reactor watches.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Instant;

use greenwood_runtime::readiness::Interest;
use libc::{c_int, epoll_event};

use super::{Ask, in_slices, single};

/// Waits until one of `members`, descriptors and the events awaited of each, may be ready and `ask` says so. A member that is closed meanwhile
/// by somebody else wakes nobody.
pub(super) fn wait(
    members: impl Iterator<Item = (c_int, u32)> + Clone,
    deadline: Option<Instant>,
    ask: &mut Ask<'_>,
) -> io::Result<c_int> {
    let Ok(epoll) = gather(members) else { return in_slices(deadline, ask) };
    let fd = epoll.as_raw_fd();
    // Everything that was reported is taken before the question, so whatever changes after it is reported anew. Edge-triggered: what epoll reports and
    // the call does not count as ready, a hang-up in `select`'s third set, wakes it once and not for ever.
    let mut ask = || {
        drain(fd);
        ask()
    };
    single::by(epoll, Interest::Read, deadline, &mut ask)
}

fn gather(members: impl Iterator<Item = (c_int, u32)> + Clone) -> io::Result<OwnedFd> {
    // SAFETY: takes a number, returns one.
    let epoll = match unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) } {
        -1 => return Err(io::Error::last_os_error()),
        // SAFETY: just made, and nobody else's.
        new => unsafe { OwnedFd::from_raw_fd(new) },
    };
    for (fd, events) in members.clone() {
        match control(&epoll, libc::EPOLL_CTL_ADD, fd, events) {
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {
                let all = members.clone().filter(|&(other, _)| other == fd);
                let events = all.fold(0, |sum, (_, events)| sum | events);
                control(&epoll, libc::EPOLL_CTL_MOD, fd, events)?;
            }
            // Regular files never change; of what was closed just now, the next question tells.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EPERM | libc::EBADF)) => {}
            result => result?,
        }
    }
    Ok(epoll)
}

fn control(epoll: &OwnedFd, operation: c_int, fd: c_int, events: u32) -> io::Result<()> {
    let mut event = epoll_event { events: events | libc::EPOLLET as u32, u64: 0 };
    // SAFETY: one structure, which the kernel reads.
    match unsafe { libc::epoll_ctl(epoll.as_raw_fd(), operation, fd, &raw mut event) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn drain(epoll: RawFd) {
    const AT_ONCE: usize = 32;
    let mut events = [epoll_event { events: 0, u64: 0 }; AT_ONCE];
    loop {
        // SAFETY: room for as many as it is told of.
        let count = unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), AT_ONCE as c_int, 0) };
        if count < AT_ONCE as c_int {
            return;
        }
    }
}
