//! What changes the meaning of a descriptor's number, like close(2), or how its file blocks; with it fcntl(2), which waits for locks as well.

use libc::{FILE, c_int, c_long, c_uint, c_ulong, c_void, socklen_t};

use crate::Patches;
use crate::descriptors::{closing, closing_range, forget, has_changed};
use crate::files;
use crate::hook::{Answer, Hook, Next, enter, errno, is_active, set_errno};

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
                    if !is_active(Patches::IO.or(Patches::FILES)) {
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
    fn fcntl(fd: c_int, command: c_int, argument: c_long) -> c_int => control;
    fn fcntl64(fd: c_int, command: c_int, argument: c_long) -> c_int => control;
    fn ioctl(fd: c_int, request: c_ulong, argument: c_long) -> c_int => control_device;
    fn setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, len: socklen_t) -> c_int => set_option;
    fn fclose(file: *mut FILE) -> c_int => |next, file| {
        // SAFETY: the caller's promise: an open file.
        closing(unsafe { libc::fileno(file) }, next)
    };
    fn closedir(dir: *mut libc::DIR) -> c_int => |next, dir| {
        // SAFETY: as above.
        closing(unsafe { libc::dirfd(dir) }, next)
    };
}

fn control(next: &dyn Fn() -> c_int, fd: c_int, command: c_int, argument: c_long) -> c_int {
    match command {
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => fresh(next()),
        libc::F_SETFL => changing(fd, next),
        libc::F_SETLKW | libc::F_OFD_SETLKW => match enter(Patches::FILES) {
            Some(call) => files::lock_record(&call, fd, command, argument, next),
            None => next(),
        },
        _ => next(),
    }
}

fn control_device(next: &dyn Fn() -> c_int, fd: c_int, request: c_ulong, _: c_long) -> c_int {
    if request == libc::FIONBIO { changing(fd, next) } else { next() }
}

fn set_option(
    next: &dyn Fn() -> c_int,
    fd: c_int,
    level: c_int,
    name: c_int,
    _: *const c_void,
    _: socklen_t,
) -> c_int {
    // The second pair of names is for 64-bit times on 32-bit machines.
    const TIMEOUTS: [c_int; 4] = [libc::SO_RCVTIMEO, libc::SO_SNDTIMEO, 66, 67];
    if level == libc::SOL_SOCKET && TIMEOUTS.contains(&name) { changing(fd, next) } else { next() }
}

/// Changes how a file blocks.
fn changing(fd: c_int, change: &dyn Fn() -> c_int) -> c_int {
    let result = change();
    let errno = errno();
    has_changed(fd);
    set_errno(errno);
    result
}

/// A number that stands for something new.
fn fresh(fd: c_int) -> c_int {
    if fd >= 0 {
        forget(fd);
    }
    fd
}
