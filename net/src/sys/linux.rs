//! Linux: `MSG_NOSIGNAL` exists, and accepted sockets start without the listener's `O_NONBLOCK`.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// std ignores SIGPIPE in `main`, but a program may restore it, and a library may be called from C.
pub(crate) const NO_SIGNAL: libc::c_int = libc::MSG_NOSIGNAL;

/// accept4(2) copies no file-status flags, so there is nothing to repair.
pub(crate) fn accepted(_fd: BorrowedFd<'_>) -> io::Result<()> {
    Ok(())
}

/// Whether `accept` failed for want of descriptors or memory: what goes away by itself, but not at once.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// Whether receiving was shut down, which a datagram socket's non-blocking receive does not tell (it says EAGAIN; see
/// `unix_dgram_recvmsg` and `__skb_recv_udp` in the kernel) and poll(2) does.
pub(crate) fn is_read_shut(fd: BorrowedFd<'_>) -> bool {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLRDHUP, revents: 0 };
    // SAFETY: poll(2) reads and writes the one structure that it is given, and with a zero time-out it does not wait.
    let ready = unsafe { libc::poll(&raw mut poll, 1, 0) };
    ready > 0 && poll.revents & libc::POLLRDHUP != 0
}

/// A descriptor that is readable once the process has ended (pidfd_open(2)). It is closed on exec.
pub(crate) fn pidfd_open(process: u32) -> io::Result<OwnedFd> {
    // SAFETY: takes two numbers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, process as libc::pid_t, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just made the descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) })
}

/// A descriptor that came with exec(2): one that is open and not marked to be closed by it. Whoever took it over in this process has
/// marked it, as std and nearly everybody does with all they open.
pub(crate) fn inherited(fd: RawFd) -> io::Result<BorrowedFd<'static>> {
    // SAFETY: takes two numbers.
    match unsafe { libc::fcntl(fd, libc::F_GETFD) } {
        -1 => Err(io::Error::last_os_error()),
        flags if flags & libc::FD_CLOEXEC != 0 => {
            Err(io::Error::new(io::ErrorKind::AlreadyExists, "in use by other code already"))
        }
        // SAFETY: it is open, and nobody here knows of it who could close it.
        _ => Ok(unsafe { BorrowedFd::borrow_raw(fd) }),
    }
}

/// Takes a descriptor over and has it closed on exec.
///
/// # Safety
///
/// It is open, and nobody else owns it.
pub(crate) unsafe fn adopt(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the caller's promise.
    let owned = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: takes three numbers.
    match unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(owned),
    }
}
