//! Waiting until descriptors are ready: poll(2), select(2), epoll_wait(2) and their kin.
//!
//! Each asks the kernel by the very call that the program made, only without the time-out, so that what it returns is the kernel's word. If nothing is
//! ready, the coroutine waits for a sign that something may have changed, and asks again.
//!
//! The signal mask of ppoll(2), pselect(2) and epoll_pwait(2) holds while the kernel is asked. While the coroutine is suspended its thread has its own
//! mask: a signal that is blocked in all threads, and let in by that mask only, is delivered when the call next asks.

mod array;
mod epoll;
mod hang_up;
mod select;
mod set;
mod single;
mod time;

use std::io;
use std::time::{Duration, Instant};

use greenwood_runtime::interpose::Call;
use greenwood_runtime::park::{Reason, Wake};
use libc::c_int;

use crate::glibc::hook::{Hook, answer, errno, set_errno};

/// All functions of this part of the group.
pub(crate) fn hooks() -> impl Iterator<Item = &'static Hook> {
    [array::HOOKS, select::HOOKS, epoll::HOOKS].into_iter().flatten()
}

/// What reports show.
static REASON: Reason = Reason("poll");

/// Asks the kernel: how many descriptors are ready, `WouldBlock` if none is.
type Ask<'a> = dyn FnMut() -> io::Result<c_int> + 'a;

/// Between two questions where nothing else tells when to ask.
const SLICE: Duration = Duration::from_millis(5);

/// Calls `ask` and, if nothing is ready, has `wait` call it until the time is over. `wait` returns `WouldBlock` then. `hang_up` reports, if it is
/// interrupted, that sockets have hung up, and returns how many: see there.
fn ask_until(
    call: &Call,
    timeout: Option<Duration>,
    mut ask: impl FnMut() -> c_int,
    wait: impl FnOnce(Option<Instant>, &mut Ask<'_>) -> io::Result<c_int>,
    hang_up: impl FnOnce() -> c_int,
) -> c_int {
    let saved = errno();
    let mut ask = || match ask() {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        -1 => Err(io::Error::last_os_error()),
        count => Ok(count),
    };
    let passed_on = call.has_passed_on();
    let check = call.check();
    // Hanging up was no use: the caller waits anew without a try of a socket. A look at one is on the way to a try.
    let unheeded = passed_on && check.is_err() && timeout != Some(Duration::ZERO);
    let result = match check.and_then(|()| ask()) {
        Err(error) if would_block(&error) && timeout != Some(Duration::ZERO) => {
            let deadline = timeout.and_then(|t| greenwood_runtime::now().checked_add(t));
            match wait(deadline, &mut ask) {
                // As the kernel does when the time is over.
                Err(error) if would_block(&error) => ask(),
                result => result,
            }
        }
        result => {
            greenwood_runtime::checkpoint();
            result
        }
    };
    let result = match result {
        Err(error) if would_block(&error) => Ok(0),
        Err(error) if !unheeded && hang_up::is_interruption(&error) => match hang_up() {
            0 => Err(error),
            count => {
                call.pass_on();
                Ok(count)
            }
        },
        result => result,
    };
    match result {
        Ok(count) => {
            set_errno(saved);
            count
        }
        error => answer(error.map(|n| n as usize)) as c_int,
    }
}

fn would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// Waits for the time to be over.
fn for_nothing(deadline: Option<Instant>) -> io::Result<c_int> {
    loop {
        match greenwood_runtime::park::park(&REASON, deadline) {
            Wake::Unparked => {}
            Wake::TimedOut => return Err(io::ErrorKind::WouldBlock.into()),
            Wake::Interrupted(interruption) => return Err(interruption.into()),
        }
    }
}

/// Waits where there is neither a descriptor nor memory left to wait with.
fn in_slices(deadline: Option<Instant>, ask: &mut Ask<'_>) -> io::Result<c_int> {
    loop {
        let next = greenwood_runtime::now() + SLICE;
        let is_last = deadline.is_some_and(|deadline| deadline <= next);
        match for_nothing(if is_last { deadline } else { Some(next) }) {
            Err(error) if would_block(&error) && !is_last => {}
            result => return result,
        }
        match ask() {
            Err(error) if would_block(&error) => {}
            result => return result,
        }
    }
}

/// What is left of the time.
fn left(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(greenwood_runtime::now()))
}
