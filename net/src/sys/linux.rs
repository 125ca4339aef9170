//! Linux: `MSG_NOSIGNAL` exists, and accepted sockets start without the listener's `O_NONBLOCK`.

use std::io;
use std::os::fd::BorrowedFd;

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
