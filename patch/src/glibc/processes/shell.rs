//! system(3) and pclose(3), on other threads: how they wait inside glibc reaches no patched function.
//!
//! Who is interrupted gets −1 and `ECANCELED` or `ETIMEDOUT`; the command goes on, and is waited for all the same.

use std::ffi::CStr;

use greenwood_runtime::interpose::{Call, wait_on_thread};
use libc::{FILE, c_char, c_int};

use crate::glibc::descriptors;
use crate::glibc::hook::{answer, errno, hooks, set_errno};

hooks! {
    PROCESSES;
    fn system(command: *const c_char) -> c_int => run;
    fn pclose(stream: *mut FILE) -> c_int => close;
}

unsafe fn run(_: &Call, command: *const c_char) -> c_int {
    // SAFETY: the caller's promise: null or a string.
    let command = (!command.is_null()).then(|| unsafe { CStr::from_ptr(command) }.to_owned());
    wait(move || {
        let command = command.as_ref().map_or(std::ptr::null(), |c| c.as_ptr());
        // SAFETY: as above.
        unsafe { system::next(command) }
    })
}

unsafe fn close(_: &Call, stream: *mut FILE) -> c_int {
    // SAFETY: the caller's promise: a stream of popen(3)'s, which is nobody else's any more.
    descriptors::forget(unsafe { libc::fileno(stream) });
    let stream = stream as usize;
    // SAFETY: as above.
    wait(move || unsafe { pclose::next(stream as *mut FILE) })
}

fn wait(f: impl FnOnce() -> c_int + Send + 'static) -> c_int {
    let saved = errno();
    match wait_on_thread(move || (f(), errno())) {
        Ok((-1, reason)) => {
            set_errno(reason);
            -1
        }
        Ok((status, _)) => {
            set_errno(saved);
            status
        }
        Err(interruption) => answer(Err(interruption.into())) as c_int,
    }
}
