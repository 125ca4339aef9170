//! macOS and the BSDs: no `MSG_NOSIGNAL` everywhere, and accepted sockets inherit the listener's `O_NONBLOCK`.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

#[cfg(any(
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly"
))]
pub(crate) const NO_SIGNAL: libc::c_int = libc::MSG_NOSIGNAL;
/// std and socket2 set `SO_NOSIGPIPE` on every socket they make where the flag is missing.
#[cfg(not(any(
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly"
)))]
pub(crate) const NO_SIGNAL: libc::c_int = 0;

/// Takes back the `O_NONBLOCK` that the new socket got from a listener which carries it for our sake only.
pub(crate) fn accepted(fd: BorrowedFd<'_>) -> io::Result<()> {
    socket2::SockRef::from(&fd).set_nonblocking(false)
}

/// Whether `accept` failed for want of descriptors or memory: what goes away by itself, but not at once.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// Receiving after a shutdown returns 0 at once here (`soreceive`), so nobody has to ask.
pub(crate) fn is_read_shut(_fd: BorrowedFd<'_>) -> bool {
    false
}

/// Processes have no descriptors here.
pub(crate) fn pidfd_open(_process: u32) -> io::Result<OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}
