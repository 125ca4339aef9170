//! pthread_rwlock_rdlock(3) and its kin.

use greenwood_runtime::interpose::Call;
use greenwood_runtime::park::Reason;
use libc::{c_int, clockid_t, pthread_rwlock_t, timespec};

use super::acquire::{Timeout, Wanted, acquire};
use super::{layout, queue};
use crate::glibc::hook::{hooks, keeping_errno};

hooks! {
    LOCKS;
    fn pthread_rwlock_rdlock(lock: *mut pthread_rwlock_t) -> c_int => read;
    fn pthread_rwlock_timedrdlock(lock: *mut pthread_rwlock_t, until: *const timespec) -> c_int => read_until;
    fn pthread_rwlock_clockrdlock(lock: *mut pthread_rwlock_t, clock: clockid_t, until: *const timespec) -> c_int => read_until_by;
    fn pthread_rwlock_wrlock(lock: *mut pthread_rwlock_t) -> c_int => write;
    fn pthread_rwlock_timedwrlock(lock: *mut pthread_rwlock_t, until: *const timespec) -> c_int => write_until;
    fn pthread_rwlock_clockwrlock(lock: *mut pthread_rwlock_t, clock: clockid_t, until: *const timespec) -> c_int => write_until_by;
}

pub(super) mod release {
    //! What ends such waits, from wherever it is called.

    use super::*;
    use crate::glibc::hook::instead;

    instead! {
        LOCKS;
        fn pthread_rwlock_unlock(lock: *mut pthread_rwlock_t) -> c_int => unlock;
    }
}

const READER: u32 = 1;
const WRITER: u32 = 2;

/// The functions for one kind of access.
struct Access {
    bits: u32,
    reason: &'static Reason,
    attempt: unsafe extern "C" fn(*mut pthread_rwlock_t) -> c_int,
    until: unsafe fn(*mut pthread_rwlock_t, *const timespec) -> c_int,
}

const READ: Access = Access {
    bits: READER,
    reason: &Reason("pthread_rwlock_rdlock"),
    attempt: libc::pthread_rwlock_tryrdlock,
    until: pthread_rwlock_timedrdlock::next,
};

const WRITE: Access = Access {
    bits: WRITER,
    reason: &Reason("pthread_rwlock_wrlock"),
    attempt: libc::pthread_rwlock_trywrlock,
    until: pthread_rwlock_timedwrlock::next,
};

unsafe fn read(call: &Call, lock: *mut pthread_rwlock_t) -> c_int {
    // SAFETY: what the caller promised libc, as everywhere below.
    unsafe { take(call, lock, &READ, || Timeout::Never, || pthread_rwlock_rdlock::next(lock)) }
}

unsafe fn read_until(call: &Call, lock: *mut pthread_rwlock_t, until: *const timespec) -> c_int {
    // SAFETY: as the caller promised libc.
    let plain = || unsafe { pthread_rwlock_timedrdlock::next(lock, until) };
    // SAFETY: as the caller promised libc.
    unsafe { take(call, lock, &READ, || Timeout::at(libc::CLOCK_REALTIME, until), plain) }
}

unsafe fn read_until_by(
    call: &Call,
    lock: *mut pthread_rwlock_t,
    clock: clockid_t,
    until: *const timespec,
) -> c_int {
    // SAFETY: as the caller promised libc.
    let plain = || unsafe { pthread_rwlock_clockrdlock::next(lock, clock, until) };
    // SAFETY: as the caller promised libc.
    unsafe { take(call, lock, &READ, || Timeout::at(clock, until), plain) }
}

unsafe fn write(call: &Call, lock: *mut pthread_rwlock_t) -> c_int {
    // SAFETY: as the caller promised libc.
    unsafe { take(call, lock, &WRITE, || Timeout::Never, || pthread_rwlock_wrlock::next(lock)) }
}

unsafe fn write_until(call: &Call, lock: *mut pthread_rwlock_t, until: *const timespec) -> c_int {
    // SAFETY: as the caller promised libc.
    let plain = || unsafe { pthread_rwlock_timedwrlock::next(lock, until) };
    // SAFETY: as the caller promised libc.
    unsafe { take(call, lock, &WRITE, || Timeout::at(libc::CLOCK_REALTIME, until), plain) }
}

unsafe fn write_until_by(
    call: &Call,
    lock: *mut pthread_rwlock_t,
    clock: clockid_t,
    until: *const timespec,
) -> c_int {
    // SAFETY: as the caller promised libc.
    let plain = || unsafe { pthread_rwlock_clockwrlock::next(lock, clock, until) };
    // SAFETY: as the caller promised libc.
    unsafe { take(call, lock, &WRITE, || Timeout::at(clock, until), plain) }
}

/// Locks for a coroutine. A time that is none, libc refuses before it looks at the lock.
#[inline]
unsafe fn take(
    call: &Call,
    lock: *mut pthread_rwlock_t,
    access: &Access,
    timeout: impl FnOnce() -> Timeout,
    plain: impl Fn() -> c_int,
) -> c_int {
    let timeout = timeout();
    if matches!(timeout, Timeout::Invalid) || !call.has_own_thread_locals() {
        return plain();
    }
    // SAFETY: as the caller promised libc.
    let attempt = || unsafe { (access.attempt)(lock) };
    match attempt() {
        libc::EBUSY => {}
        result => return result,
    }
    // Says whether the caller has it already, which a try does not, and does not wait.
    let past = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: as the caller promised libc.
    match unsafe { (access.until)(lock, &raw const past) } {
        libc::ETIMEDOUT => {}
        result => return result,
    }
    let wanted = Wanted {
        address: lock as usize,
        bits: access.bits,
        reason: access.reason,
        // SAFETY: as the caller promised libc.
        shared: unsafe { layout::is_shared_rwlock(lock) },
    };
    acquire(call, &wanted, timeout, attempt)
}

/// Unlocks, from anywhere. All readers may go on, and one writer; who then finds it taken will be woken by the one who has it.
unsafe fn unlock(lock: *mut pthread_rwlock_t) -> c_int {
    // SAFETY: as the caller promised libc.
    let result = unsafe { release::pthread_rwlock_unlock::next(lock) };
    // By now the lock may be gone: only its address counts.
    if result == 0 && queue::is_awaited_after_exchange(lock as usize) {
        keeping_errno(|| {
            queue::wake(lock as usize, WRITER, 1);
            queue::wake(lock as usize, READER, usize::MAX);
        });
    }
    result
}
