//! connect(2).

use std::io;
use std::os::fd::AsRawFd;

use greenwood_runtime::interpose::Call;
use greenwood_runtime::readiness::Interest;
use greenwood_runtime::try_offload;
use libc::{c_int, sockaddr, socklen_t};

use super::transfer;
use super::transfer::polled;
use crate::descriptors::{self, is_nonblocking, option};
use crate::hook::{answer, hooks};

hooks! {
    IO;
    fn connect(fd: c_int, to: *const sockaddr, to_len: socklen_t) -> c_int => connect_to;
}

unsafe fn connect_to(call: &Call, fd: c_int, to: *const sockaddr, to_len: socklen_t) -> c_int {
    // SAFETY: what the caller promised libc, here and below.
    let plain = || unsafe { connect::next(fd, to, to_len) };
    if descriptors::socket_kind(fd).is_none() || !matches!(is_nonblocking(fd), Ok(false)) {
        return plain();
    }
    let begun = match without_blocking(fd, || match plain() {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }) {
        // EALREADY: somebody has begun to connect it, and did not wait. Both wait for the same, and fail differently if it takes too long.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EALREADY)) => {
            match await_connection(call, fd) {
                Err(late) if late.kind() == io::ErrorKind::WouldBlock => Err(error),
                connected => connected.map(|()| 0),
            }
        }
        // A Unix listener's queue is full, and nothing reports when it is not.
        Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => {
            // SAFETY: as above.
            unsafe { connect_elsewhere(fd, to, to_len) }
        }
        result => result.map(|()| 0),
    };
    answer(begun) as c_int
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
fn await_connection(call: &Call, fd: c_int) -> io::Result<()> {
    let op = || {
        if polled(fd, libc::POLLOUT) == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match option::<c_int>(fd, libc::SOL_SOCKET, libc::SO_ERROR)? {
            0 if is_connected(fd) => Ok(()),
            // Somebody else has been told why.
            0 => Err(io::Error::from_raw_os_error(libc::ECONNABORTED)),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    };
    transfer(call, fd, Interest::Write, op, |()| false)
}

fn is_connected(fd: c_int) -> bool {
    let mut address = std::mem::MaybeUninit::<libc::sockaddr_storage>::uninit();
    let mut len = size_of::<libc::sockaddr_storage>() as socklen_t;
    // SAFETY: room for every address, whose length is passed.
    unsafe { libc::getpeername(fd, address.as_mut_ptr().cast(), &raw mut len) == 0 }
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
