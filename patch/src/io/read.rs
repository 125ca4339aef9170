//! read(2), readv(2) and their kin.

use greenwood_runtime::interpose::Call;
use greenwood_runtime::readiness::Interest;
use libc::{c_int, c_void, iovec, size_t, ssize_t};

use super::receive::recv;
use super::transfer::{is_drained, receive};
use super::{kind, pipe, pollable, vectors};
use crate::descriptors::Kind;
use crate::files;
use crate::hook::{answer, hooks};

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
    match kind(fd) {
        // A read of nothing returns at once.
        Some(kind) if kind.is_socket() && len > 0 => answer(receive(
            call,
            fd,
            kind,
            0,
            // SAFETY: as above.
            || vectors::result(unsafe { recv::next(fd, buf, len, libc::MSG_DONTWAIT) }),
            |&n| is_drained(kind, n, len),
        )),
        Some(Kind::Pipe) if len > 0 => {
            let iov = iovec { iov_base: buf, iov_len: len };
            // SAFETY: as above.
            answer(unsafe { pipe::read(call, fd, &raw const iov, 1) })
        }
        Some(Kind::Pollable) => pollable::then(call, fd, Interest::Read, plain),
        Some(Kind::File) => files::transfer(call, fd, len, plain),
        _ => plain(),
    }
}

unsafe fn read_vectored(call: &Call, fd: c_int, iov: *const iovec, count: c_int) -> ssize_t {
    // SAFETY: what the caller promised libc, here and below.
    let plain = || unsafe { readv::next(fd, iov, count) };
    let kind = kind(fd);
    // SAFETY: as above.
    let Some(len) = (unsafe { vectors::total(iov, count) }).filter(|&len| len > 0) else {
        return plain();
    };
    match kind {
        Some(kind) if kind.is_socket() => answer(receive(
            call,
            fd,
            kind,
            0,
            // SAFETY: as above.
            || unsafe { vectors::receive(fd, iov, count) },
            |&n| is_drained(kind, n, len),
        )),
        // SAFETY: as above.
        Some(Kind::Pipe) => answer(unsafe { pipe::read(call, fd, iov, count) }),
        Some(Kind::Pollable) => pollable::then(call, fd, Interest::Read, plain),
        Some(Kind::File) => files::transfer(call, fd, len, plain),
        _ => plain(),
    }
}
