//! Terminals, eventfds, timerfds and others that can be polled, and whose calls cannot be kept from waiting otherwise.

use std::io;

use greenwood_runtime::interpose::Call;
use greenwood_runtime::readiness::{Interest, wait_readable, wait_writable};
use libc::{c_int, ssize_t};

use crate::descriptors::{self, is_nonblocking};
use crate::hook::answer;

/// Makes a call after `fd` has become ready. If somebody else is quicker, it waits in the kernel.
pub(super) fn then(
    call: &Call,
    fd: c_int,
    interest: Interest,
    op: impl FnOnce() -> ssize_t,
) -> ssize_t {
    match ready(call, fd, interest) {
        Ok(()) => op(),
        Err(error) => answer(Err(error)),
    }
}

fn ready(call: &Call, fd: c_int, interest: Interest) -> io::Result<()> {
    call.check()?;
    let mut poll = libc::pollfd {
        fd,
        events: match interest {
            Interest::Read => libc::POLLIN,
            Interest::Write => libc::POLLOUT,
        },
        revents: 0,
    };
    // SAFETY: one structure, and no time.
    if unsafe { libc::poll(&raw mut poll, 1, 0) } != 0 || is_nonblocking(fd)? {
        greenwood_runtime::checkpoint();
        return Ok(());
    }
    let fd = descriptors::borrow(fd)?;
    let waited = match interest {
        Interest::Read => wait_readable(fd, None),
        Interest::Write => wait_writable(fd, None),
    };
    match waited {
        // No file that epoll takes: it waits as it always did.
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => Ok(()),
        result => result,
    }
}
