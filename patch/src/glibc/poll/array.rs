//! poll(2) and ppoll(2), which take an array of descriptors.

use std::io;
use std::time::{Duration, Instant};

use greenwood_runtime::interpose::Call;
use greenwood_runtime::readiness::Interest;
use libc::{c_int, c_short, nfds_t, pollfd, sigset_t, size_t, timespec};

use super::time::{self, NO_TIME};
use super::{Ask, ask_until, for_nothing, hang_up, set, single};
use crate::glibc::hook::hooks;

hooks! {
    IO;
    fn poll(fds: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int => with_millis;
    fn __poll_chk(fds: *mut pollfd, count: nfds_t, timeout: c_int, room: size_t) -> c_int => with_millis_checked;
    fn ppoll(fds: *mut pollfd, count: nfds_t, timeout: *const timespec, mask: *const sigset_t) -> c_int => with_mask;
    fn __ppoll_chk(fds: *mut pollfd, count: nfds_t, timeout: *const timespec, mask: *const sigset_t, room: size_t) -> c_int => with_mask_checked;
}

unsafe fn with_millis(call: &Call, fds: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int {
    // SAFETY: what the caller promised libc.
    let ask = || unsafe { poll::next(fds, count, 0) };
    // SAFETY: as above.
    unsafe { wait(call, fds, count, time::millis(timeout), ask) }
}

/// What glibc's headers make of `poll` where they know the array's size.
unsafe fn with_millis_checked(
    call: &Call,
    fds: *mut pollfd,
    count: nfds_t,
    timeout: c_int,
    room: size_t,
) -> c_int {
    if ((room / size_of::<pollfd>()) as nfds_t) < count {
        // SAFETY: the caller's arguments; this ends the process.
        return unsafe { __poll_chk::next(fds, count, timeout, room) };
    }
    // SAFETY: the caller's promise.
    unsafe { with_millis(call, fds, count, timeout) }
}

unsafe fn with_mask(
    call: &Call,
    fds: *mut pollfd,
    count: nfds_t,
    timeout: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: what the caller promised libc, here and below.
    let Ok(limit) = (unsafe { time::spec(timeout) }) else {
        // SAFETY: as above; refused at once.
        return unsafe { ppoll::next(fds, count, timeout, mask) };
    };
    // SAFETY: as above.
    let ask = || unsafe { ppoll::next(fds, count, &raw const NO_TIME, mask) };
    // SAFETY: as above.
    unsafe { wait(call, fds, count, limit, ask) }
}

/// As [`with_millis_checked`].
unsafe fn with_mask_checked(
    call: &Call,
    fds: *mut pollfd,
    count: nfds_t,
    timeout: *const timespec,
    mask: *const sigset_t,
    room: size_t,
) -> c_int {
    if ((room / size_of::<pollfd>()) as nfds_t) < count {
        // SAFETY: the caller's arguments; this ends the process.
        return unsafe { __ppoll_chk::next(fds, count, timeout, mask, room) };
    }
    // SAFETY: the caller's promise.
    unsafe { with_mask(call, fds, count, timeout, mask) }
}

/// # Safety
/// If `ask` finds nothing to be ready, `fds` is an array of `count`.
unsafe fn wait(
    call: &Call,
    fds: *mut pollfd,
    count: nfds_t,
    timeout: Option<Duration>,
    ask: impl FnMut() -> c_int,
) -> c_int {
    // SAFETY: as the caller promised; nobody else uses the array by then.
    let hang_up = || unsafe { hang_up::poll(fds, count as usize) };
    let until = |deadline, ask: &mut Ask<'_>| {
        // By value and by pointer: while `ask` runs the array is the kernel's.
        // SAFETY: the caller's promise.
        let members = (0..count as usize).map(|i| (i, unsafe { *fds.add(i) }));
        let mut members = members.filter(|(_, member)| member.fd >= 0);
        let all = members.clone();
        match (members.next(), members.next()) {
            (None, _) => for_nothing(deadline),
            (Some((index, member)), None) if let Some(interest) = interest(member.events) => {
                match single::wait(member.fd, interest, deadline, ask) {
                    Err(error) if error.raw_os_error() == Some(libc::EBADF) => {
                        // SAFETY: as above.
                        unsafe { (*fds.add(index)).revents = libc::POLLNVAL };
                        Ok(1)
                    }
                    result => result,
                }
            }
            _ => for_all(all.map(|(_, member)| member), deadline, ask),
        }
    };
    ask_until(call, timeout, ask, until, hang_up)
}

fn for_all(
    members: impl Iterator<Item = pollfd> + Clone,
    deadline: Option<Instant>,
    ask: &mut Ask<'_>,
) -> io::Result<c_int> {
    // The bits that both have mean the same; others poll(2) ignores.
    const KNOWN: c_short = libc::POLLIN
        | libc::POLLPRI
        | libc::POLLOUT
        | libc::POLLRDNORM
        | libc::POLLRDBAND
        | libc::POLLWRNORM
        | libc::POLLWRBAND
        | libc::POLLRDHUP;
    set::wait(members.map(|m| (m.fd, (m.events & KNOWN) as u32)), deadline, ask)
}

/// The one direction that covers all of `events`, if one does: errors and hang-ups are reported with either, a peer's end with reading.
fn interest(events: c_short) -> Option<Interest> {
    const READ: c_short = libc::POLLIN | libc::POLLRDNORM;
    const WRITE: c_short = libc::POLLOUT | libc::POLLWRNORM;
    const EITHER: c_short = libc::POLLERR | libc::POLLHUP | libc::POLLNVAL;
    let only = |mask: c_short| events & !(mask | EITHER) == 0;
    if only(READ | libc::POLLRDHUP) && events & READ != 0 {
        Some(Interest::Read)
    } else if only(WRITE) && events & WRITE != 0 {
        Some(Interest::Write)
    } else {
        None
    }
}
