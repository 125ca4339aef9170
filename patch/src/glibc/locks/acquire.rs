//! Waiting for a lock of libc's, which has a function that tries: try, join the queue at its address, try again, wait.

use std::pin::pin;
use std::time::Duration;

use greenwood_runtime::interpose::Call;
use greenwood_runtime::park::Reason;
use libc::{c_int, clockid_t, timespec};

use super::deadline::Deadline;
use super::queue::{self, Ended, Waiter};

/// How often a coroutine looks at what others can release without this program's hearing of it.
const POLL: Duration = Duration::from_millis(1);

/// What a coroutine waits for.
pub(super) struct Wanted {
    pub(super) address: usize,
    pub(super) bits: u32,
    pub(super) reason: &'static Reason,
    /// Another process may release it.
    pub(super) shared: bool,
}

/// A time-out as C gives it: none, or a point in time that may be none.
#[derive(Clone, Copy)]
pub(super) enum Timeout {
    Never,
    At(Deadline),
    Invalid,
}

impl Timeout {
    /// # Safety
    /// `at` points to a time.
    pub(super) unsafe fn at(clock: clockid_t, at: *const timespec) -> Timeout {
        // SAFETY: the caller's promise.
        Deadline::new(clock, unsafe { at.read() }).map_or(Timeout::Invalid, Timeout::At)
    }

    pub(super) fn deadline(&self) -> Option<Deadline> {
        match self {
            Timeout::At(deadline) => Some(*deadline),
            _ => None,
        }
    }
}

/// Calls `attempt`, which returns an error number, until that is something else than `EBUSY`. `EINVAL` and `ETIMEDOUT` as
/// pthread_mutex_timedlock(3) has them.
#[cold]
pub(super) fn acquire(
    call: &Call,
    wanted: &Wanted,
    timeout: Timeout,
    attempt: impl Fn() -> c_int,
) -> c_int {
    if matches!(timeout, Timeout::Invalid) {
        return libc::EINVAL;
    }
    let deadline = timeout.deadline();
    loop {
        let waiter = pin!(Waiter::new(Some(call), wanted.address, wanted.bits));
        let Some(enlisted) = waiter.enlist(|_| true) else { continue };
        match attempt() {
            libc::EBUSY => {}
            result => {
                // A wake-up that came meanwhile is for another.
                if !enlisted.leave() {
                    queue::wake(wanted.address, wanted.bits, 1);
                }
                return result;
            }
        }
        let until = if wanted.shared { Some(Deadline::soon(POLL, deadline)) } else { deadline };
        if enlisted.wait(wanted.reason, until.as_ref()) == Ended::TimedOut
            && deadline.is_some_and(|d| d.is_over())
        {
            return match attempt() {
                libc::EBUSY => libc::ETIMEDOUT,
                result => result,
            };
        }
    }
}
