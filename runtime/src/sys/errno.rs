//! The calling thread's `errno`, which must survive a switch.

#[cfg(any(target_os = "android", target_os = "netbsd", target_os = "openbsd"))]
use libc::__errno as location;
#[cfg(any(target_os = "linux", target_os = "l4re", target_os = "emscripten"))]
use libc::__errno_location as location;
#[cfg(any(target_os = "macos", target_os = "ios", target_os = "freebsd"))]
use libc::__error as location;

/// Reads it.
pub(crate) fn get() -> i32 {
    // SAFETY: always a valid pointer to the calling thread's own variable.
    unsafe { *location() }
}

/// Sets it.
pub(crate) fn set(value: i32) {
    // SAFETY: as in `get`.
    unsafe { *location() = value }
}
