//! close(2), and what else gives a descriptor's number a new meaning.

use libc::{FILE, c_int, c_long, c_uint};

use crate::Patches;
use crate::descriptors::{closing, closing_range, forget};
use crate::hook::{Answer, Hook, Next, is_active};

/// Like `hooks!`, for functions that do the same wherever they are called.
macro_rules! everywhere {
    ($(fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty => $body:expr;)*) => {
        $(
            mod $name {
                use super::*;

                pub(super) static NEXT: Next = Next::new(
                    match std::ffi::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                        Ok(name) => name,
                        Err(_) => unreachable!(),
                    },
                );

                #[unsafe(no_mangle)]
                unsafe extern "C" fn $name($($arg: $ty),*) -> $ret {
                    let next = || {
                        let Some(next) = NEXT.get() else { return <$ret as Answer>::missing() };
                        // SAFETY: the dynamic linker found it under the name of a function with this signature.
                        let next: unsafe extern "C" fn($($ty),*) -> $ret = unsafe { std::mem::transmute(next) };
                        // SAFETY: the caller's arguments are passed on as they are.
                        unsafe { next($($arg),*) }
                    };
                    if !is_active(Patches::IO) {
                        return next();
                    }
                    let body: fn(&dyn Fn() -> $ret, $($ty),*) -> $ret = $body;
                    body(&next, $($arg),*)
                }

                pub(super) const OURS: *const () = $name as *const ();
            }
        )*

        pub(crate) static HOOKS: &[Hook] = &[$(Hook { next: &$name::NEXT, ours: $name::OURS },)*];
    };
}

everywhere! {
    fn close(fd: c_int) -> c_int => |next, fd| closing(fd, next);
    fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int => |next, first, last, flags| {
        if flags & libc::CLOSE_RANGE_CLOEXEC as c_int != 0 { next() } else { closing_range(first, last, next) }
    };
    fn dup(fd: c_int) -> c_int => |next, _| fresh(next());
    fn dup2(fd: c_int, new: c_int) -> c_int => |next, fd, new| {
        if fd == new { next() } else { closing(new, next) }
    };
    fn dup3(fd: c_int, new: c_int, flags: c_int) -> c_int => |next, fd, new, _| {
        if fd == new { next() } else { closing(new, next) }
    };
    fn fcntl(fd: c_int, command: c_int, argument: c_long) -> c_int => duplicating;
    fn fcntl64(fd: c_int, command: c_int, argument: c_long) -> c_int => duplicating;
    fn fclose(file: *mut FILE) -> c_int => |next, file| {
        // SAFETY: the caller's promise: an open file.
        closing(unsafe { libc::fileno(file) }, next)
    };
    fn closedir(dir: *mut libc::DIR) -> c_int => |next, dir| {
        // SAFETY: as above.
        closing(unsafe { libc::dirfd(dir) }, next)
    };
}

fn duplicating(next: &dyn Fn() -> c_int, _: c_int, command: c_int, _: c_long) -> c_int {
    match command {
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => fresh(next()),
        _ => next(),
    }
}

/// A number that stands for something new.
fn fresh(fd: c_int) -> c_int {
    if fd >= 0 {
        forget(fd);
    }
    fd
}
