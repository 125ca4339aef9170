//! epoll_wait(2) and its kin: the wait of foreign event loops, for an instance that can be polled itself.

use std::cell::Cell;
use std::os::fd::AsRawFd;
use std::time::Duration;

use greenwood_runtime::interpose::Call;
use greenwood_runtime::readiness::Interest;
use libc::{c_int, epoll_event, sigset_t, timespec};

use super::time::{self, NO_TIME};
use super::{ask_until, hang_up, in_slices, single};
use crate::glibc::hook::hooks;

hooks! {
    IO;
    fn epoll_wait(epoll: c_int, events: *mut epoll_event, room: c_int, timeout: c_int) -> c_int => with_millis;
    fn epoll_pwait(epoll: c_int, events: *mut epoll_event, room: c_int, timeout: c_int, mask: *const sigset_t) -> c_int => with_mask;
    fn epoll_pwait2(epoll: c_int, events: *mut epoll_event, room: c_int, timeout: *const timespec, mask: *const sigset_t) -> c_int => with_nanos;
}

unsafe fn with_millis(
    call: &Call,
    epoll: c_int,
    events: *mut epoll_event,
    room: c_int,
    timeout: c_int,
) -> c_int {
    // SAFETY: what the caller promised libc.
    let ask = |epoll| unsafe { epoll_wait::next(epoll, events, room, 0) };
    // SAFETY: as above.
    let hang_up = || unsafe { hang_up::epoll(epoll, events, room) };
    wait(call, epoll, time::millis(timeout), ask, hang_up)
}

unsafe fn with_mask(
    call: &Call,
    epoll: c_int,
    events: *mut epoll_event,
    room: c_int,
    timeout: c_int,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: what the caller promised libc.
    let ask = |epoll| unsafe { epoll_pwait::next(epoll, events, room, 0, mask) };
    // SAFETY: as above.
    let hang_up = || unsafe { hang_up::epoll(epoll, events, room) };
    wait(call, epoll, time::millis(timeout), ask, hang_up)
}

unsafe fn with_nanos(
    call: &Call,
    epoll: c_int,
    events: *mut epoll_event,
    room: c_int,
    timeout: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: what the caller promised libc, here and below.
    let Ok(limit) = (unsafe { time::spec(timeout) }) else {
        // SAFETY: as above; refused at once.
        return unsafe { epoll_pwait2::next(epoll, events, room, timeout, mask) };
    };
    // SAFETY: as above.
    let ask = |epoll| unsafe { epoll_pwait2::next(epoll, events, room, &raw const NO_TIME, mask) };
    // SAFETY: as above.
    let hang_up = || unsafe { hang_up::epoll(epoll, events, room) };
    wait(call, epoll, limit, ask, hang_up)
}

fn wait(
    call: &Call,
    epoll: c_int,
    timeout: Option<Duration>,
    ask: impl Fn(c_int) -> c_int,
    hang_up: impl FnOnce() -> c_int,
) -> c_int {
    // While it waits, the file that it began with, whatever becomes of the number.
    let instance = Cell::new(epoll);
    ask_until(
        call,
        timeout,
        || ask(instance.get()),
        |deadline, ask| {
            let Ok(duplicate) = single::duplicate(epoll) else { return in_slices(deadline, ask) };
            instance.set(duplicate.as_raw_fd());
            let result = single::by(duplicate, Interest::Read, deadline, ask);
            instance.set(epoll);
            result
        },
        hang_up,
    )
}
