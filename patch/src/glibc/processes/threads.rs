//! pthread_join(3) and its kin, on other threads.
//!
//! A join has no error that means "not yet", and who borrows from it to a thread relies on its end. So nothing interrupts it; what is around it is heard by the next wait.

use std::ptr;

use greenwood_runtime::interpose::{Call, wait_on_thread};
use libc::{c_int, c_void, clockid_t, pthread_t, timespec};

use crate::glibc::hook::{errno, hooks, set_errno};

hooks! {
    PROCESSES;
    fn pthread_join(thread: pthread_t, value: *mut *mut c_void) -> c_int => join;
    fn pthread_timedjoin_np(thread: pthread_t, value: *mut *mut c_void, until: *const timespec) -> c_int => join_until;
    fn pthread_clockjoin_np(thread: pthread_t, value: *mut *mut c_void, clock: clockid_t, until: *const timespec) -> c_int => join_until_by;
}

unsafe extern "C" {
    fn pthread_tryjoin_np(thread: pthread_t, value: *mut *mut c_void) -> c_int;
}

unsafe fn join(_: &Call, thread: pthread_t, value: *mut *mut c_void) -> c_int {
    // SAFETY: what the caller promised libc, as everywhere here.
    unsafe { wait(thread, value, move |value| pthread_join::next(thread, value)) }
}

unsafe fn join_until(
    _: &Call,
    thread: pthread_t,
    value: *mut *mut c_void,
    until: *const timespec,
) -> c_int {
    // SAFETY: as above.
    unsafe {
        let until = until.as_ref().copied();
        wait(thread, value, move |value| pthread_timedjoin_np::next(thread, value, pointer(&until)))
    }
}

unsafe fn join_until_by(
    _: &Call,
    thread: pthread_t,
    value: *mut *mut c_void,
    clock: clockid_t,
    until: *const timespec,
) -> c_int {
    // SAFETY: as above.
    unsafe {
        let until = until.as_ref().copied();
        wait(thread, value, move |value| {
            pthread_clockjoin_np::next(thread, value, clock, pointer(&until))
        })
    }
}

fn pointer(until: &Option<timespec>) -> *const timespec {
    until.as_ref().map_or(ptr::null(), ptr::from_ref)
}

/// # Safety
/// As for pthread_join(3).
unsafe fn wait(
    thread: pthread_t,
    value: *mut *mut c_void,
    join: impl FnOnce(*mut *mut c_void) -> c_int + Send + 'static,
) -> c_int {
    let saved = errno();
    // SAFETY: the caller's promise.
    let mut code = unsafe { pthread_tryjoin_np(thread, value) };
    // SAFETY: cannot fail. Of oneself the call says so at once.
    if code == libc::EBUSY && thread == unsafe { libc::pthread_self() } {
        code = join(value);
    } else if code == libc::EBUSY {
        let joined = greenwood_runtime::shield(|| {
            wait_on_thread(move || {
                let mut value = ptr::null_mut();
                (join(&raw mut value), value as usize)
            })
        });
        // Shielded, it is not interrupted.
        code = joined.map_or(libc::ECANCELED, |(code, joined)| {
            if code == 0 && !value.is_null() {
                // SAFETY: the caller's promise.
                unsafe { *value = joined as *mut c_void };
            }
            code
        });
    }
    set_errno(saved);
    code
}
