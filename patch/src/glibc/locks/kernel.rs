//! futex(2) itself, for OS threads that wait in this crate's queue.

use std::ptr;
use std::sync::atomic::AtomicU32;

use libc::{c_int, c_long};

use super::deadline::Deadline;
use super::futex::syscall;
use crate::glibc::hook::keeping_errno;

/// Blocks while the word is `value`, until the deadline at most, or returns without cause.
pub(super) fn wait(word: &AtomicU32, value: u32, deadline: Option<&Deadline>) {
    let by_day = deadline.is_some_and(|d| d.clock() == libc::CLOCK_REALTIME);
    let clock = if by_day { libc::FUTEX_CLOCK_REALTIME } else { 0 };
    let operation = libc::FUTEX_WAIT_BITSET | libc::FUTEX_PRIVATE_FLAG | clock;
    let until = deadline.map_or(ptr::null(), |d| ptr::from_ref(d.at()));
    call(word.as_ptr(), operation, value, until as c_long);
}

/// Wakes a thread that waits at the word, if it does. Reads nothing there.
pub(super) fn wake(word: *const AtomicU32) {
    call(word.cast(), libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1, 0);
}

fn call(word: *const u32, operation: c_int, value: u32, until: c_long) {
    let (word, operation, value) = (word as c_long, c_long::from(operation), c_long::from(value));
    // SAFETY: a word that lives over the wait; a wake-up needs none.
    keeping_errno(|| unsafe {
        syscall::next(libc::SYS_futex, word, operation, value, until, 0, c_long::from(-1_i32))
    });
}
