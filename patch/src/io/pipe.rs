//! Pipes: calls that do not wait although the pipe blocks, for whom `O_NONBLOCK` would be seen by the process at the other end.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use greenwood_runtime::interpose::Call;
use greenwood_runtime::readiness::Interest;
use libc::{c_int, iovec};

use super::read::readv;
use super::transfer::{send_all, transfer};
use super::vectors;
use super::write::write;

/// Whether the kernel refuses `RWF_NOWAIT` for pipes, as Linux did before 6.5.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// Forces the path that only old systems take, to be tested: `GREENWOOD_FALLBACK=pipes`.
pub(crate) fn choose() {
    if std::env::var("GREENWOOD_FALLBACK").is_ok_and(|list| list.split(',').any(|f| f == "pipes")) {
        REFUSED.store(true, Ordering::Relaxed);
    }
}

/// # Safety
/// As for readv(2).
pub(super) unsafe fn read(
    call: &Call,
    fd: c_int,
    iov: *const iovec,
    count: c_int,
) -> io::Result<usize> {
    // SAFETY: the caller's promise.
    let plain = || unsafe { readv::next(fd, iov, count) };
    // SAFETY: as above.
    let op = || unsafe { attempt(libc::SYS_preadv2, fd, iov, count, libc::POLLIN, plain) };
    transfer(call, fd, Interest::Read, op, |_| false)
}

/// # Safety
/// As for writev(2).
pub(super) unsafe fn write(
    call: &Call,
    fd: c_int,
    iov: *const iovec,
    count: c_int,
    len: usize,
) -> io::Result<usize> {
    let op = |done: usize| {
        let attempt = |iov: *const iovec, count| {
            let plain = || {
                // SAFETY: there are bytes left, so there is a buffer.
                let first = unsafe { *iov };
                // With room for at least this much a pipe does not wait.
                let len = first.iov_len.min(libc::PIPE_BUF);
                // SAFETY: a part of the caller's buffer.
                unsafe { write::next(fd, first.iov_base, len) }
            };
            // SAFETY: the caller's promise.
            unsafe { attempt(libc::SYS_pwritev2, fd, iov, count, libc::POLLOUT, plain) }
        };
        // SAFETY: as above.
        unsafe { vectors::after(iov, count, done, attempt) }
    };
    send_all(call, fd, len, |_, _| false, op)
}

/// One call that does not wait. Where the kernel has none, `plain` after a look: another reader (writer) in between would make it wait.
///
/// # Safety
/// As for readv(2) or writev(2).
unsafe fn attempt(
    number: libc::c_long,
    fd: c_int,
    iov: *const iovec,
    count: c_int,
    event: libc::c_short,
    plain: impl Fn() -> isize,
) -> io::Result<usize> {
    if !REFUSED.load(Ordering::Relaxed) {
        // The offset, −1, is that of the file, which a pipe has none of; in two halves, of which this machine needs one.
        // SAFETY: the caller's promise.
        let n = unsafe { libc::syscall(number, fd, iov, count, -1i64, 0i64, libc::RWF_NOWAIT) };
        match vectors::result(n as isize) {
            Err(e)
                if matches!(
                    e.raw_os_error(),
                    Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL)
                ) =>
            {
                REFUSED.store(true, Ordering::Relaxed);
            }
            result => return result,
        }
    }
    let mut poll = libc::pollfd { fd, events: event, revents: 0 };
    // SAFETY: one structure, and no time.
    match unsafe { libc::poll(&raw mut poll, 1, 0) } {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        _ => vectors::result(plain()),
    }
}
