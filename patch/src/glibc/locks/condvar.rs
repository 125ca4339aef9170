//! pthread_cond_wait(3) and its kin, for OS threads as well: libc's own would unlock the mutex without a word to the coroutines that wait
//! for it.
//!
//! Condition variables that other processes may use are libc's own, and block the worker.

use std::pin::pin;

use greenwood_runtime::interpose::{self, Call};
use greenwood_runtime::park::Reason;
use libc::{c_int, clockid_t, pthread_cond_t, pthread_mutex_t, timespec};

use super::acquire::Timeout;
use super::queue::{self, Ended, Waiter};
use super::{layout, mutex};
use crate::glibc::hook::{instead, keeping_errno};

instead! {
    LOCKS;
    fn pthread_cond_wait(condvar: *mut pthread_cond_t, lock: *mut pthread_mutex_t) -> c_int, c"GLIBC_2.3.2" => wait;
    fn pthread_cond_timedwait(condvar: *mut pthread_cond_t, lock: *mut pthread_mutex_t, until: *const timespec) -> c_int, c"GLIBC_2.3.2" => wait_until;
    fn pthread_cond_clockwait(condvar: *mut pthread_cond_t, lock: *mut pthread_mutex_t, clock: clockid_t, until: *const timespec) -> c_int => wait_until_by;
    fn pthread_cond_signal(condvar: *mut pthread_cond_t) -> c_int, c"GLIBC_2.3.2" => signal;
    fn pthread_cond_broadcast(condvar: *mut pthread_cond_t) -> c_int, c"GLIBC_2.3.2" => broadcast;
}

/// # Safety
/// As for pthread_cond_wait(3), here and below.
pub(super) unsafe fn wait(condvar: *mut pthread_cond_t, lock: *mut pthread_mutex_t) -> c_int {
    // SAFETY: as the caller promised libc.
    let plain = || unsafe { pthread_cond_wait::next(condvar, lock) };
    // SAFETY: as the caller promised libc.
    unsafe { wait_within(condvar, lock, Timeout::Never, plain) }
}

/// # Safety
/// As above.
pub(super) unsafe fn wait_until(
    condvar: *mut pthread_cond_t,
    lock: *mut pthread_mutex_t,
    until: *const timespec,
) -> c_int {
    // SAFETY: as the caller promised libc.
    let plain = || unsafe { pthread_cond_timedwait::next(condvar, lock, until) };
    // SAFETY: as the caller promised libc.
    unsafe { wait_within(condvar, lock, Timeout::at(layout::clock_of(condvar), until), plain) }
}

unsafe fn wait_until_by(
    condvar: *mut pthread_cond_t,
    lock: *mut pthread_mutex_t,
    clock: clockid_t,
    until: *const timespec,
) -> c_int {
    // SAFETY: as the caller promised libc.
    let plain = || unsafe { pthread_cond_clockwait::next(condvar, lock, clock, until) };
    // SAFETY: as the caller promised libc.
    unsafe { wait_within(condvar, lock, Timeout::at(clock, until), plain) }
}

unsafe fn wait_within(
    condvar: *mut pthread_cond_t,
    lock: *mut pthread_mutex_t,
    timeout: Timeout,
    plain: impl Fn() -> c_int,
) -> c_int {
    // SAFETY: dropped at the end of this function.
    let call = unsafe { interpose::enter() };
    if call.as_ref().is_some_and(|c| !c.has_own_thread_locals())
        // SAFETY: as the caller promised libc.
        || unsafe { layout::is_shared_condvar(condvar) }
        || matches!(timeout, Timeout::Invalid)
    {
        return plain();
    }
    // SAFETY: as the caller promised libc.
    keeping_errno(|| unsafe { wait_here(call.as_ref(), condvar, lock, timeout) })
}

/// Who signals with the mutex locked comes after the wait has begun. From when the mutex is unlocked, only the address of the condition variable
/// counts: who was woken and has yet to lock the mutex does not keep it from being destroyed.
unsafe fn wait_here(
    call: Option<&Call>,
    condvar: *mut pthread_cond_t,
    lock: *mut pthread_mutex_t,
    timeout: Timeout,
) -> c_int {
    let ended = {
        let waiter = pin!(Waiter::new(call, condvar as usize, queue::ANY));
        let Some(enlisted) = waiter.enlist(|_| true) else { return libc::EINVAL };
        // SAFETY: as the caller promised libc.
        match unsafe { mutex::unlock(lock) } {
            0 => {}
            refused => {
                // A wake-up that came meanwhile is for another.
                if !enlisted.leave() {
                    queue::wake(condvar as usize, queue::ANY, 1);
                }
                return refused;
            }
        }
        enlisted.wait(&Reason("pthread_cond_wait"), timeout.deadline().as_ref())
    };
    let locked = match call {
        // SAFETY: as the caller promised libc.
        Some(call) => unsafe { mutex::lock(call, lock) },
        // SAFETY: as the caller promised libc.
        None => unsafe { mutex::pthread_mutex_lock::next(lock) },
    };
    match ended {
        Ended::TimedOut if locked == 0 => libc::ETIMEDOUT,
        _ => locked,
    }
}

/// Wakes one: of this crate's queue, or one whom libc has from before the patch was installed.
pub(super) unsafe fn signal(condvar: *mut pthread_cond_t) -> c_int {
    // SAFETY: as the caller promised libc.
    let shared = unsafe { layout::is_shared_condvar(condvar) };
    if !shared
        && queue::is_awaited(condvar as usize)
        && keeping_errno(|| queue::wake(condvar as usize, queue::ANY, 1)) > 0
    {
        return 0;
    }
    // SAFETY: as the caller promised libc.
    unsafe { pthread_cond_signal::next(condvar) }
}

/// Wakes all. Libc first: who is woken may destroy the condition variable.
pub(super) unsafe fn broadcast(condvar: *mut pthread_cond_t) -> c_int {
    // SAFETY: as the caller promised libc.
    let shared = unsafe { layout::is_shared_condvar(condvar) };
    // SAFETY: as the caller promised libc.
    let result = unsafe { pthread_cond_broadcast::next(condvar) };
    if !shared && queue::is_awaited(condvar as usize) {
        keeping_errno(|| queue::wake(condvar as usize, queue::ANY, usize::MAX));
    }
    result
}
