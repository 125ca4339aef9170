//! sem_wait(3) and its kin.
//!
//! sem_post(3) may be called in a signal handler, which may have interrupted whoever holds a lock of the queue's, or the scheduler. There is no
//! telling from inside, so it never wakes a coroutine itself: it tells a thread that does nothing else, by a system call.

use greenwood_runtime::interpose::Call;
use greenwood_runtime::park::Reason;
use libc::{c_int, clockid_t, sem_t, timespec};

use super::acquire::{Timeout, Wanted, acquire};
use super::{herald, layout, queue};
use crate::glibc::hook::{errno, hooks, keeping_errno, set_errno};

hooks! {
    LOCKS;
    fn sem_wait(semaphore: *mut sem_t) -> c_int => take;
    fn sem_timedwait(semaphore: *mut sem_t, until: *const timespec) -> c_int => take_until;
    fn sem_clockwait(semaphore: *mut sem_t, clock: clockid_t, until: *const timespec) -> c_int => take_until_by;
}

pub(super) mod release {
    //! What ends such waits, from wherever it is called.

    use super::*;
    use crate::glibc::hook::instead;

    instead! {
        LOCKS;
        fn sem_post(semaphore: *mut sem_t) -> c_int => post;
    }
}

unsafe fn take(call: &Call, semaphore: *mut sem_t) -> c_int {
    // SAFETY: what the caller promised libc, as everywhere below.
    unsafe { take_within(call, semaphore, || Timeout::Never, || sem_wait::next(semaphore)) }
}

unsafe fn take_until(call: &Call, semaphore: *mut sem_t, until: *const timespec) -> c_int {
    // SAFETY: as the caller promised libc.
    let plain = || unsafe { sem_timedwait::next(semaphore, until) };
    // SAFETY: as the caller promised libc.
    unsafe { take_within(call, semaphore, || Timeout::at(libc::CLOCK_REALTIME, until), plain) }
}

unsafe fn take_until_by(
    call: &Call,
    semaphore: *mut sem_t,
    clock: clockid_t,
    until: *const timespec,
) -> c_int {
    // SAFETY: as the caller promised libc.
    let plain = || unsafe { sem_clockwait::next(semaphore, clock, until) };
    // SAFETY: as the caller promised libc.
    unsafe { take_within(call, semaphore, || Timeout::at(clock, until), plain) }
}

#[inline]
unsafe fn take_within(
    call: &Call,
    semaphore: *mut sem_t,
    timeout: impl FnOnce() -> Timeout,
    plain: impl Fn() -> c_int,
) -> c_int {
    let timeout = timeout();
    if matches!(timeout, Timeout::Invalid) || !call.has_own_thread_locals() {
        return plain();
    }
    // A zero or an error number, as pthread's functions have it.
    // SAFETY: as the caller promised libc.
    let attempt = || match unsafe { libc::sem_trywait(semaphore) } {
        0 => 0,
        _ => match errno() {
            libc::EAGAIN => libc::EBUSY,
            code => code,
        },
    };
    let result = match keeping_errno(attempt) {
        libc::EBUSY => keeping_errno(|| {
            // Without somebody who wakes it, the coroutine looks for itself.
            // SAFETY: as the caller promised libc.
            let unheard = unsafe { layout::is_shared_semaphore(semaphore) } || !herald::is_there();
            let reason = &Reason("sem_wait");
            let wanted =
                Wanted { address: semaphore as usize, bits: herald::BITS, reason, shared: unheard };
            acquire(call, &wanted, timeout, attempt)
        }),
        result => result,
    };
    match result {
        0 => 0,
        code => {
            set_errno(code);
            -1
        }
    }
}

unsafe fn post(semaphore: *mut sem_t) -> c_int {
    // SAFETY: as the caller promised libc.
    let result = unsafe { release::sem_post::next(semaphore) };
    // By now the semaphore may be gone: only its address counts.
    if result == 0 && queue::is_awaited_after_exchange(semaphore as usize) {
        keeping_errno(|| herald::announce(semaphore as usize));
    }
    result
}
