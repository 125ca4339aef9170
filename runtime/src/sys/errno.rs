//! A thread's `errno`, which must survive a switch.

use std::ptr::NonNull;

#[cfg(any(target_os = "android", target_os = "netbsd", target_os = "openbsd"))]
use libc::__errno as location;
#[cfg(any(target_os = "linux", target_os = "l4re", target_os = "emscripten"))]
use libc::__errno_location as location;
#[cfg(any(target_os = "macos", target_os = "ios", target_os = "freebsd"))]
use libc::__error as location;

/// The `errno` of the thread that asked. Not `Send`, so it is used on that thread only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Errno(NonNull<i32>);

impl Errno {
    /// The calling thread's.
    pub(crate) fn of_thread() -> Errno {
        // SAFETY: a call without preconditions, which never returns null.
        Errno(unsafe { NonNull::new_unchecked(location()) })
    }

    #[inline(always)]
    pub(crate) fn get(self) -> i32 {
        // SAFETY: valid while its thread lives, on which we are.
        unsafe { self.0.read() }
    }

    #[inline(always)]
    pub(crate) fn set(self, value: i32) {
        // SAFETY: as in `get`.
        unsafe { self.0.write(value) }
    }
}
