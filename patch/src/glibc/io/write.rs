//! write(2), writev(2) and their kin.

use greenwood_runtime::interpose::Call;
use libc::{c_int, c_void, iovec, size_t, ssize_t};

use super::send::{send, send_list};
use super::transfer::{is_drained, send_all};
use super::{pipe, with_kind};
use crate::Patches;
use crate::glibc::descriptors::Kind;
use crate::glibc::files;
use crate::glibc::hook::{answer, hooks, is_active};
use crate::glibc::vectors;

hooks! {
    IO | FILES;
    fn write(fd: c_int, buf: *const c_void, len: size_t) -> ssize_t => write_from;
    fn writev(fd: c_int, iov: *const iovec, count: c_int) -> ssize_t => write_vectored;
}

/// The holder of the lock of std's `println!` must not make room for others where that lock is a thread's, or where who waits for it blocks
/// the thread.
fn is_locked_by_thread(call: &Call, fd: c_int) -> bool {
    (fd == libc::STDOUT_FILENO || fd == libc::STDERR_FILENO)
        && !(call.has_own_thread_locals() && is_active(Patches::LOCKS))
}

unsafe fn write_from(call: &Call, fd: c_int, buf: *const c_void, len: size_t) -> ssize_t {
    // SAFETY: what the caller promised libc, here and below.
    let plain = || unsafe { write::next(fd, buf, len) };
    if is_locked_by_thread(call, fd) {
        return plain();
    }
    answer(with_kind(fd, |kind| match kind {
        Some(kind) if kind.is_socket() => send_all(
            call,
            (fd, kind),
            len,
            |n, asked| is_drained(kind, n, asked),
            // SAFETY: as above; a part of the caller's buffer.
            |done| unsafe {
                let rest = buf.wrapping_byte_add(done);
                vectors::result(send::next(fd, rest, len - done, libc::MSG_DONTWAIT))
            },
        ),
        Some(kind @ (Kind::Pipe | Kind::Pollable)) if len > 0 => {
            let iov = iovec { iov_base: buf.cast_mut(), iov_len: len };
            // SAFETY: as above.
            unsafe { pipe::write(call, (fd, kind), &raw const iov, 1, len, plain) }
        }
        Some(Kind::File) => vectors::result(files::transfer(call, fd, len, plain)),
        _ => vectors::result(plain()),
    }))
}

unsafe fn write_vectored(call: &Call, fd: c_int, iov: *const iovec, count: c_int) -> ssize_t {
    // SAFETY: what the caller promised libc, here and below.
    let plain = || unsafe { writev::next(fd, iov, count) };
    // SAFETY: as above.
    let len = unsafe { vectors::total(iov, count) }.filter(|&len| len > 0);
    let Some(len) = len.filter(|_| !is_locked_by_thread(call, fd)) else { return plain() };
    answer(with_kind(fd, |kind| match kind {
        Some(kind) if kind.is_socket() => send_all(
            call,
            (fd, kind),
            len,
            |n, asked| is_drained(kind, n, asked),
            // SAFETY: as above.
            |done| unsafe {
                vectors::after(iov, count, done, |iov, count| send_list(fd, iov, count))
            },
        ),
        // SAFETY: as above.
        Some(kind @ (Kind::Pipe | Kind::Pollable)) => unsafe {
            pipe::write(call, (fd, kind), iov, count, len, plain)
        },
        Some(Kind::File) => vectors::result(files::transfer(call, fd, len, plain)),
        _ => vectors::result(plain()),
    }))
}
