//! read(2), readv(2) and their kin.

use greenwood_runtime::interpose::Call;
use libc::{c_int, c_void, iovec, size_t, ssize_t};

use super::receive::{receive_list, recv};
use super::transfer::{is_drained, receive};
use super::{pipe, with_kind};
use crate::glibc::descriptors::Kind;
use crate::glibc::files;
use crate::glibc::hook::{answer, hooks};
use crate::glibc::vectors;

hooks! {
    IO | FILES;
    fn read(fd: c_int, buf: *mut c_void, len: size_t) -> ssize_t => read_into;
    fn __read_chk(fd: c_int, buf: *mut c_void, len: size_t, room: size_t) -> ssize_t => read_checked;
    fn readv(fd: c_int, iov: *const iovec, count: c_int) -> ssize_t => read_vectored;
}

/// What glibc's headers make of `read` where they know the buffer's size.
unsafe fn read_checked(
    call: &Call,
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    room: size_t,
) -> ssize_t {
    if len > room {
        // SAFETY: the caller's arguments; this ends the process.
        return unsafe { __read_chk::next(fd, buf, len, room) };
    }
    // SAFETY: the caller's promise.
    unsafe { read_into(call, fd, buf, len) }
}

unsafe fn read_into(call: &Call, fd: c_int, buf: *mut c_void, len: size_t) -> ssize_t {
    // SAFETY: what the caller promised libc, here and below.
    let plain = || unsafe { read::next(fd, buf, len) };
    answer(with_kind(fd, |kind| match kind {
        // A read of nothing returns at once.
        Some(kind) if kind.is_socket() && len > 0 => receive(
            call,
            (fd, kind),
            |mode| mode,
            // SAFETY: as above.
            || vectors::result(unsafe { recv::next(fd, buf, len, libc::MSG_DONTWAIT) }),
            || vectors::result(plain()),
            |&n| is_drained(kind, n, len),
        ),
        Some(kind @ (Kind::Pipe | Kind::Pollable)) if len > 0 => {
            let iov = iovec { iov_base: buf, iov_len: len };
            // SAFETY: as above.
            unsafe { pipe::read(call, (fd, kind), &raw const iov, 1, len, plain) }
        }
        Some(Kind::File) => vectors::result(files::transfer(call, fd, len, plain)),
        _ => vectors::result(plain()),
    }))
}

unsafe fn read_vectored(call: &Call, fd: c_int, iov: *const iovec, count: c_int) -> ssize_t {
    // SAFETY: what the caller promised libc, here and below.
    let plain = || unsafe { readv::next(fd, iov, count) };
    // SAFETY: as above.
    let Some(len) = (unsafe { vectors::total(iov, count) }).filter(|&len| len > 0) else {
        return plain();
    };
    answer(with_kind(fd, |kind| match kind {
        Some(kind) if kind.is_socket() => receive(
            call,
            (fd, kind),
            |mode| mode,
            // SAFETY: as above.
            || unsafe { receive_list(fd, iov, count) },
            || vectors::result(plain()),
            |&n| is_drained(kind, n, len),
        ),
        // SAFETY: as above.
        Some(kind @ (Kind::Pipe | Kind::Pollable)) => unsafe {
            pipe::read(call, (fd, kind), iov, count, len, plain)
        },
        Some(Kind::File) => vectors::result(files::transfer(call, fd, len, plain)),
        _ => vectors::result(plain()),
    }))
}
