//! What changes the meaning of a descriptor's number, like close(2), or how its file blocks; with it fcntl(2), which waits for locks as well.

use libc::{FILE, c_char, c_int, c_long, c_uint, c_ulong, c_void, mode_t, socklen_t};

use crate::Patches;
use crate::glibc::descriptors::{closing, closing_range, forget, has_changed};
use crate::glibc::files;
use crate::glibc::hook::{enter, everywhere, keeping_errno};

everywhere! {
    Patches::IO.or(Patches::FILES);
    fn close(fd: c_int) -> c_int => |next, fd| closing(fd, next);
    fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int => |next, first, last, flags| {
        if flags & libc::CLOSE_RANGE_CLOEXEC as c_int != 0 { next() } else { closing_range(first, last, next) }
    };
    fn dup(fd: c_int) -> c_int => |next, _| fresh(next());
    fn dup2(fd: c_int, new: c_int) -> c_int => |next, fd, new| {
        if fd == new || !is_open(fd) { next() } else { closing(new, next) }
    };
    fn dup3(fd: c_int, new: c_int, flags: c_int) -> c_int => |next, fd, new, flags| {
        if fd == new || flags & !libc::O_CLOEXEC != 0 || !is_open(fd) { next() } else { closing(new, next) }
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

/// New descriptors. What their numbers stood for before may have been closed by ways that nobody sees.
pub(super) mod open {
    use super::*;

    everywhere! {
        Patches::IO;
        fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int => |next, _, _, _| fresh(next());
        fn socketpair(domain: c_int, kind: c_int, protocol: c_int, pair: *mut c_int) -> c_int => |next, _, _, _, pair| both(next(), pair);
        fn pipe(pair: *mut c_int) -> c_int => |next, pair| both(next(), pair);
        fn pipe2(pair: *mut c_int, flags: c_int) -> c_int => |next, pair, _| both(next(), pair);
        fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int => |next, _, _, _| fresh(next());
        fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int => |next, _, _, _| fresh(next());
        fn openat(at: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int => |next, _, _, _, _| fresh(next());
        fn openat64(at: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int => |next, _, _, _, _| fresh(next());
        fn eventfd(count: c_uint, flags: c_int) -> c_int => |next, _, _| fresh(next());
        fn timerfd_create(clock: c_int, flags: c_int) -> c_int => |next, _, _| fresh(next());
    }
}

/// The same for two of them, if the call has made any.
fn both(result: c_int, pair: *mut c_int) -> c_int {
    if result == 0 {
        for i in 0..2 {
            // SAFETY: the call has succeeded, and so has written both.
            fresh(unsafe { *pair.add(i) });
        }
    }
    result
}

fn control(next: &dyn Fn() -> c_int, fd: c_int, command: c_int, argument: c_long) -> c_int {
    match command {
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => fresh(next()),
        libc::F_SETFL => changing(fd, next),
        // SAFETY: dropped at the end of this.
        libc::F_SETLKW | libc::F_OFD_SETLKW => match unsafe { enter(Patches::FILES) } {
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
    keeping_errno(|| has_changed(fd));
    result
}

/// What is no descriptor replaces none.
fn is_open(fd: c_int) -> bool {
    // SAFETY: takes numbers, returns one.
    keeping_errno(|| unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 })
}

/// A number that stands for something new.
fn fresh(fd: c_int) -> c_int {
    if fd >= 0 {
        forget(fd);
    }
    fd
}
