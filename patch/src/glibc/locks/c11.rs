//! C11's mutexes and condition variables, which glibc makes of pthread's.

use greenwood_runtime::interpose::Call;
use libc::{c_int, pthread_cond_t, pthread_mutex_t, timespec};

use super::{condvar, mutex};
use crate::glibc::hook::{hooks, instead};

hooks! {
    LOCKS;
    fn mtx_lock(mutex: *mut pthread_mutex_t) -> c_int => lock;
    fn mtx_timedlock(mutex: *mut pthread_mutex_t, until: *const timespec) -> c_int => lock_until;
}

pub(super) mod all {
    //! What OS threads are concerned by, too.

    use super::*;

    instead! {
        LOCKS;
        fn mtx_unlock(mutex: *mut pthread_mutex_t) -> c_int => unlock;
        fn cnd_wait(condvar: *mut pthread_cond_t, mutex: *mut pthread_mutex_t) -> c_int => wait;
        fn cnd_timedwait(condvar: *mut pthread_cond_t, mutex: *mut pthread_mutex_t, until: *const timespec) -> c_int => wait_until;
        fn cnd_signal(condvar: *mut pthread_cond_t) -> c_int => signal;
        fn cnd_broadcast(condvar: *mut pthread_cond_t) -> c_int => broadcast;
    }
}

/// C11's word for what a pthread function returned.
fn word_for(result: c_int) -> c_int {
    match result {
        0 => 0,
        libc::EBUSY => 1,
        libc::ENOMEM => 3,
        libc::ETIMEDOUT => 4,
        _ => 2,
    }
}

unsafe fn lock(call: &Call, mutex: *mut pthread_mutex_t) -> c_int {
    // SAFETY: what the caller promised libc, as everywhere below.
    word_for(unsafe { mutex::lock(call, mutex) })
}

unsafe fn lock_until(call: &Call, mutex: *mut pthread_mutex_t, until: *const timespec) -> c_int {
    // SAFETY: as the caller promised libc.
    word_for(unsafe { mutex::lock_until(call, mutex, until) })
}

unsafe fn unlock(mutex: *mut pthread_mutex_t) -> c_int {
    // SAFETY: as the caller promised libc.
    word_for(unsafe { mutex::unlock(mutex) })
}

unsafe fn wait(condvar: *mut pthread_cond_t, mutex: *mut pthread_mutex_t) -> c_int {
    // SAFETY: as the caller promised libc.
    word_for(unsafe { condvar::wait(condvar, mutex) })
}

unsafe fn wait_until(
    condvar: *mut pthread_cond_t,
    mutex: *mut pthread_mutex_t,
    until: *const timespec,
) -> c_int {
    // SAFETY: as the caller promised libc.
    word_for(unsafe { condvar::wait_until(condvar, mutex, until) })
}

unsafe fn signal(condvar: *mut pthread_cond_t) -> c_int {
    // SAFETY: as the caller promised libc.
    word_for(unsafe { condvar::signal(condvar) })
}

unsafe fn broadcast(condvar: *mut pthread_cond_t) -> c_int {
    // SAFETY: as the caller promised libc.
    word_for(unsafe { condvar::broadcast(condvar) })
}
