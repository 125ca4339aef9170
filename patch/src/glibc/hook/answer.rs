//! What a C function returns: a value, or −1 and `errno`.

use std::io;
use std::ptr;

use libc::c_int;

/// A type that functions of libc's return.
pub(crate) trait Answer {
    /// What a function returns that this libc does not have.
    fn missing() -> Self;
}

macro_rules! numbers {
    ($($ty:ty),*) => {
        $(impl Answer for $ty {
            fn missing() -> $ty {
                set_errno(libc::ENOSYS);
                -1
            }
        })*
    };
}
numbers!(c_int, isize, i64);

impl Answer for () {
    fn missing() {}
}

impl Answer for libc::c_uint {
    fn missing() -> libc::c_uint {
        set_errno(libc::ENOSYS);
        0
    }
}

/// A signal's handler.
impl Answer for libc::sighandler_t {
    fn missing() -> libc::sighandler_t {
        set_errno(libc::ENOSYS);
        libc::SIG_ERR
    }
}

impl<T> Answer for *mut T {
    fn missing() -> *mut T {
        set_errno(libc::ENOSYS);
        ptr::null_mut()
    }
}

pub(crate) fn set_errno(code: c_int) {
    // SAFETY: the calling thread's (coroutine's) own.
    unsafe { *libc::__errno_location() = code };
}

pub(crate) fn errno() -> c_int {
    // SAFETY: as above.
    unsafe { *libc::__errno_location() }
}

/// Runs `f` so that nobody sees what its calls made of `errno`.
#[inline]
pub(crate) fn keeping_errno<T>(f: impl FnOnce() -> T) -> T {
    let before = errno();
    let value = f();
    set_errno(before);
    value
}

/// Tells C of a result.
#[inline]
pub(crate) fn answer(result: io::Result<usize>) -> isize {
    match result {
        Ok(n) => n as isize,
        Err(error) => {
            set_errno(code_of(&error));
            -1
        }
    }
}

/// The number for an error, which as a rule has been one.
fn code_of(error: &io::Error) -> c_int {
    error.raw_os_error().unwrap_or(match error.kind() {
        io::ErrorKind::WouldBlock => libc::EAGAIN,
        io::ErrorKind::TimedOut => libc::ETIMEDOUT,
        io::ErrorKind::OutOfMemory => libc::ENOMEM,
        _ => libc::EIO,
    })
}
