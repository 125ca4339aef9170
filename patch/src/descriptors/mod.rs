//! What is remembered of descriptors: their kind, and the reactor's registration of those that somebody has waited for.
//!
//! Descriptors belong to the program, which may close and reuse them by ways that nobody sees. So this is never trusted where that would
//! cost more than time: a kind that turns out wrong is looked up again, and a wait that lasts makes sure once that the number still stands for
//! the file that was registered.

mod descriptor;
mod kind;
mod mode;
mod table;

pub(crate) use descriptor::Descriptor;
pub(crate) use kind::{Kind, option};
pub(crate) use mode::{has_changed, is_nonblocking};
pub(crate) use table::{Slot, slot};

use std::io;
use std::os::fd::BorrowedFd;

use libc::c_int;

/// The kind of what `fd` stands for.
///
/// # Errors
/// `EBADF` if that is nothing.
#[inline]
pub(crate) fn kind(fd: c_int) -> io::Result<Kind> {
    match slot(fd) {
        Some(slot) => match slot.kind() {
            Some(kind) => Ok(kind),
            None => {
                let kind = Kind::of(fd)?;
                slot.set_kind(kind);
                Ok(kind)
            }
        },
        None => Kind::of(fd),
    }
}

/// Forgets a number that stands for something new.
#[inline]
pub(crate) fn forget(fd: c_int) {
    if let Some(slot) = slot(fd) {
        slot.clear(fd);
    }
}

/// Forgets the kind of a number's file, to have it looked up again.
pub(crate) fn forget_kind(fd: c_int) {
    if let Some(slot) = slot(fd) {
        slot.clear_kind();
    }
}

/// Runs `close`, which closes `fd`, after everybody who waits for it has been sent away with `EBADF`. Nobody begins to wait for it
/// before it is closed.
pub(crate) fn closing<T>(fd: c_int, close: impl FnOnce() -> T) -> T {
    match slot(fd) {
        Some(slot) => slot.closing(fd, close),
        None => close(),
    }
}

/// Like [`closing`], for a range of numbers.
pub(crate) fn closing_range<T>(first: u32, last: u32, close: impl FnOnce() -> T) -> T {
    table::clear_range(first, last);
    close()
}

/// A descriptor of the caller's.
pub(crate) fn borrow<'a>(fd: c_int) -> io::Result<BorrowedFd<'a>> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: not −1. That it stays open is the program's affair: if it does not, the calls on it say EBADF, or meet another file, as they
    // would without us.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}

/// The kind of a descriptor that is used as a socket. What was remembered otherwise is looked up again.
#[inline]
pub(crate) fn socket_kind(fd: c_int) -> Option<Kind> {
    match kind(fd) {
        Ok(kind) if kind.is_socket() => Some(kind),
        Ok(_) => {
            forget(fd);
            kind(fd).ok().filter(|kind| kind.is_socket())
        }
        Err(_) => None,
    }
}
