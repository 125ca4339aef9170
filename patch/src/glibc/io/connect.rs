//! connect(2).

use std::io;
use std::os::fd::AsRawFd;

use greenwood_runtime::interpose::Call;
use greenwood_runtime::readiness::Interest;
use greenwood_runtime::try_offload;
use libc::{c_int, sockaddr, socklen_t, ssize_t};

use super::transfer;
use super::transfer::polled;
use crate::glibc::descriptors::{self, is_nonblocking};
use crate::glibc::hook::{answer, hooks};
use crate::glibc::vectors;

hooks! {
    IO;
    fn connect(fd: c_int, to: *const sockaddr, to_len: socklen_t) -> c_int => connect_to;
}

/// # Safety
/// As for connect(2).
pub(super) unsafe fn connect_to(
    call: &Call,
    fd: c_int,
    to: *const sockaddr,
    to_len: socklen_t,
) -> c_int {
    // SAFETY: the caller's promise, here and below.
    let plain = || unsafe { connect::next(fd, to, to_len) };
    if descriptors::socket_kind(fd).is_none() || !matches!(is_nonblocking(fd), Ok(false)) {
        return plain();
    }
    let attempt = || without_blocking(fd, || vectors::result(plain() as ssize_t));
    let begun = match attempt() {
        // EALREADY: somebody has begun to connect it, and did not wait. Both wait for the same, and fail differently if it takes too long.
        Err(error) if is_under_way(&error) => match await_connection(call, fd, attempt) {
            Err(late) if late.kind() == io::ErrorKind::WouldBlock => Err(error),
            connected => connected,
        },
        // A Unix listener's queue is full, and nothing reports when it is not.
        Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => {
            // SAFETY: as above.
            unsafe { connect_elsewhere(fd, to, to_len) }
        }
        result => result,
    };
    answer(begun) as c_int
}

fn is_under_way(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EALREADY))
}

/// Runs `f` with `O_NONBLOCK` set. A socket that is being connected is nobody else's as yet.
fn without_blocking<T>(fd: c_int, f: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let set = |on: bool| {
        let mut on = c_int::from(on);
        // SAFETY: reads one number.
        match unsafe { libc::ioctl(fd, libc::FIONBIO, &raw mut on) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    set(true)?;
    let result = f();
    set(false)?;
    result
}

/// Waits until the handshake has ended. `WouldBlock` if the time-out, `SO_SNDTIMEO`, comes first.
fn await_connection(
    call: &Call,
    fd: c_int,
    attempt: impl Fn() -> io::Result<usize>,
) -> io::Result<usize> {
    let op = || {
        if polled(fd, libc::POLLOUT) == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        // Until connect(2) is called again, the socket does not know that it is connected, and would let itself be connected once more.
        match attempt() {
            Err(error) if is_under_way(&error) => Err(io::ErrorKind::WouldBlock.into()),
            // Somebody else has waited, too.
            Err(error) if error.raw_os_error() == Some(libc::EISCONN) => Ok(0),
            result => result,
        }
    };
    transfer(call, fd, Interest::Write, op, |_| false)
}

/// Connects on another thread, which waits for the kernel.
///
/// # Safety
/// As for connect(2).
unsafe fn connect_elsewhere(
    fd: c_int,
    to: *const sockaddr,
    to_len: socklen_t,
) -> io::Result<usize> {
    // SAFETY: the caller's promise. A copy, as the caller may be gone before the kernel has looked.
    let address = unsafe { std::slice::from_raw_parts(to.cast::<u8>(), to_len as usize) }.to_vec();
    let socket = descriptors::borrow(fd)?.try_clone_to_owned()?;
    let connected = try_offload(move || {
        // SAFETY: an address of as many bytes; connect(2) takes it at any alignment.
        match unsafe { connect::next(socket.as_raw_fd(), address.as_ptr().cast(), to_len) } {
            0 => Ok(0),
            _ => Err(io::Error::last_os_error()),
        }
    });
    connected?
}
