//! pthread_mutex_lock(3) and its kin.

use greenwood_runtime::interpose::Call;
use greenwood_runtime::park::Reason;
use libc::{c_int, clockid_t, pthread_mutex_t, timespec};

use super::acquire::{Timeout, Wanted, acquire};
use super::layout::MutexKind;
use super::queue;
use crate::glibc::hook::{hooks, keeping_errno};

hooks! {
    LOCKS;
    fn pthread_mutex_lock(mutex: *mut pthread_mutex_t) -> c_int => lock;
    fn pthread_mutex_timedlock(mutex: *mut pthread_mutex_t, until: *const timespec) -> c_int => lock_until;
    fn pthread_mutex_clocklock(mutex: *mut pthread_mutex_t, clock: clockid_t, until: *const timespec) -> c_int => lock_until_by;
}

pub(super) mod release {
    //! What ends such waits, from wherever it is called.

    use super::*;
    use crate::glibc::hook::instead;

    instead! {
        LOCKS;
        fn pthread_mutex_unlock(mutex: *mut pthread_mutex_t) -> c_int => unlock;
    }
}

/// Locks for a coroutine.
///
/// # Safety
/// As for pthread_mutex_lock(3).
#[inline]
pub(super) unsafe fn lock(call: &Call, mutex: *mut pthread_mutex_t) -> c_int {
    // SAFETY: the caller's promise, here and below.
    match unsafe { libc::pthread_mutex_trylock(mutex) } {
        // SAFETY: as the caller promised libc.
        libc::EBUSY => unsafe {
            contended(call, mutex, Timeout::Never, || pthread_mutex_lock::next(mutex))
        },
        result => result,
    }
}

/// # Safety
/// As for pthread_mutex_timedlock(3).
pub(super) unsafe fn lock_until(
    call: &Call,
    mutex: *mut pthread_mutex_t,
    until: *const timespec,
) -> c_int {
    // SAFETY: the caller's promise, here and below.
    match unsafe { libc::pthread_mutex_trylock(mutex) } {
        // SAFETY: as the caller promised libc.
        libc::EBUSY => unsafe {
            let timeout = Timeout::at(libc::CLOCK_REALTIME, until);
            contended(call, mutex, timeout, || pthread_mutex_timedlock::next(mutex, until))
        },
        result => result,
    }
}

unsafe fn lock_until_by(
    call: &Call,
    mutex: *mut pthread_mutex_t,
    clock: clockid_t,
    until: *const timespec,
) -> c_int {
    let known = clock == libc::CLOCK_REALTIME || clock == libc::CLOCK_MONOTONIC;
    // SAFETY: the caller's promise, here and below.
    let plain = || unsafe { pthread_mutex_clocklock::next(mutex, clock, until) };
    if !known {
        return plain();
    }
    // SAFETY: as above.
    match unsafe { libc::pthread_mutex_trylock(mutex) } {
        // SAFETY: as above.
        libc::EBUSY => unsafe { contended(call, mutex, Timeout::at(clock, until), plain) },
        result => result,
    }
}

/// Waits for a mutex that was taken.
#[cold]
unsafe fn contended(
    call: &Call,
    mutex: *mut pthread_mutex_t,
    timeout: Timeout,
    plain: impl Fn() -> c_int,
) -> c_int {
    // SAFETY: the caller's promise, here and below.
    let kind = unsafe { MutexKind::of(mutex) };
    if kind.is_the_kernels() || !call.has_own_thread_locals() {
        return plain();
    }
    if kind.checks_errors() {
        // Says whether the caller has it already, which a try does not, and does not wait.
        let past = timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: as above.
        match unsafe { pthread_mutex_timedlock::next(mutex, &raw const past) } {
            libc::ETIMEDOUT => {}
            result => return result,
        }
    }
    let wanted = Wanted {
        address: mutex as usize,
        bits: queue::ANY,
        reason: &Reason("pthread_mutex_lock"),
        shared: kind.is_shared(),
    };
    // SAFETY: as above.
    acquire(call, &wanted, timeout, || unsafe { libc::pthread_mutex_trylock(mutex) })
}

/// Unlocks, from anywhere, and wakes one coroutine. Threads are libc's to wake: whoever comes first then gets the mutex.
///
/// # Safety
/// As for pthread_mutex_unlock(3).
#[inline]
pub(super) unsafe fn unlock(mutex: *mut pthread_mutex_t) -> c_int {
    // SAFETY: the caller's promise.
    let result = unsafe { release::pthread_mutex_unlock::next(mutex) };
    // By now the mutex may be gone: only its address counts.
    if result == 0 && queue::is_awaited_after_exchange(mutex as usize) {
        keeping_errno(|| queue::wake(mutex as usize, queue::ANY, 1));
    }
    result
}
