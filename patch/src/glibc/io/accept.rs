//! accept(2) and accept4(2).

use std::io;

use greenwood_runtime::interpose::Call;
use greenwood_runtime::readiness::Interest;
use libc::{c_int, sockaddr, socklen_t};

use super::transfer;
use super::transfer::polled;
use crate::glibc::descriptors::{self, option};
use crate::glibc::hook::{answer, hooks};

hooks! {
    IO;
    fn accept(fd: c_int, from: *mut sockaddr, from_len: *mut socklen_t) -> c_int => accept_plain;
    fn accept4(fd: c_int, from: *mut sockaddr, from_len: *mut socklen_t, flags: c_int) -> c_int => accept_flags;
}

unsafe fn accept_plain(
    call: &Call,
    fd: c_int,
    from: *mut sockaddr,
    from_len: *mut socklen_t,
) -> c_int {
    // SAFETY: what the caller promised libc.
    accept_on(call, fd, || unsafe { accept::next(fd, from, from_len) })
}

unsafe fn accept_flags(
    call: &Call,
    fd: c_int,
    from: *mut sockaddr,
    from_len: *mut socklen_t,
    flags: c_int,
) -> c_int {
    // SAFETY: what the caller promised libc.
    let accept = || unsafe { accept4::next(fd, from, from_len, flags) };
    // Refused before anything is waited for.
    if flags & !(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK) != 0 {
        return accept();
    }
    accept_on(call, fd, accept)
}

/// No flag keeps accept(2) from waiting but `O_NONBLOCK`, which everybody would see who has the listener, so it comes after a look; both
/// under a lock, so that those of this program take turns. Should another process with the same listener be quicker in between, the call
/// waits in the kernel for the next connection.
fn accept_on(call: &Call, fd: c_int, accept: impl Fn() -> c_int) -> c_int {
    let (Some(_), Some(slot)) = (descriptors::socket_kind(fd), descriptors::slot(fd)) else {
        return accept();
    };
    let accept = || match accept() {
        -1 => Err(io::Error::last_os_error()),
        new => Ok(new as usize),
    };
    let op = || {
        slot.alone(|| {
            // What does not listen says so at once, however ready.
            if polled(fd, libc::POLLIN) != 0 || !is_listening(fd) {
                accept()
            } else {
                Err(io::ErrorKind::WouldBlock.into())
            }
        })
    };
    let accepted = transfer(call, fd, Interest::Read, op, |_| false);
    if let Ok(new) = accepted {
        descriptors::forget(new as c_int);
    }
    answer(accepted) as c_int
}

fn is_listening(fd: c_int) -> bool {
    option::<c_int>(fd, libc::SOL_SOCKET, libc::SO_ACCEPTCONN).is_ok_and(|yes| yes != 0)
}
