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
pub(crate) use kind::{Kind, option, stat};
pub(crate) use mode::{has_changed, is_nonblocking};
pub(crate) use table::{Slot, slot, watch_forks};

use std::io;
use std::os::fd::BorrowedFd;

use libc::c_int;

use crate::glibc::hook::keeping_errno;

/// The kind of what `fd` stands for.
///
/// # Errors
/// `EBADF` if that is nothing, or a number beyond those that are remembered: calls on it are libc's own.
#[inline]
pub(crate) fn kind(fd: c_int) -> io::Result<Kind> {
    let Some(slot) = slot(fd) else { return Err(io::Error::from_raw_os_error(libc::EBADF)) };
    match slot.kind() {
        Some(kind) => Ok(kind),
        None => look_up(slot, fd),
    }
}

#[cold]
fn look_up(slot: &Slot, fd: c_int) -> io::Result<Kind> {
    let kind = Kind::of(fd)?;
    // A call on what was remembered as a file would block, for nothing ever shows that it is a file no more.
    if kind != Kind::File {
        slot.set_kind(kind);
    }
    Ok(kind)
}

/// Calls `f` with the kind of `fd`, None if it has none, and again if what was remembered turns out to be wrong.
#[inline]
pub(crate) fn with_kind<T>(
    fd: c_int,
    mut f: impl FnMut(Option<Kind>) -> io::Result<T>,
) -> io::Result<T> {
    let kind = kind(fd).ok();
    match f(kind) {
        // What a socket's call says of anything else, and the reactor of what cannot be waited for.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOTSOCK | libc::EPERM)) => {
            match Kind::of(fd).ok() {
                now if now == kind => Err(error),
                now => {
                    forget(fd);
                    f(now)
                }
            }
        }
        result => result,
    }
}

/// Forgets a number that stands for something new.
#[inline]
pub(crate) fn forget(fd: c_int) {
    if let Some(slot) = table::existing(fd) {
        keeping_errno(|| slot.clear(fd));
    }
}

/// Forgets the kind of a number's file, to have it looked up again.
pub(crate) fn forget_kind(fd: c_int) {
    if let Some(slot) = slot(fd) {
        slot.forget_kind();
    }
}

/// Runs `close`, which closes `fd`, and sends away with `EBADF` everybody who waits for it or begins to before it is closed.
pub(crate) fn closing<T>(fd: c_int, close: impl FnOnce() -> T) -> T {
    let Some(slot) = table::existing(fd) else { return close() };
    keeping_errno(|| slot.clear(fd));
    let result = close();
    keeping_errno(|| slot.clear_late(fd));
    result
}

/// Like [`closing`], for a range of numbers.
pub(crate) fn closing_range<T>(first: u32, last: u32, close: impl FnOnce() -> T) -> T {
    keeping_errno(|| table::range(first, last).for_each(|(fd, slot)| slot.clear(fd)));
    let result = close();
    keeping_errno(|| table::range(first, last).for_each(|(fd, slot)| slot.clear_late(fd)));
    result
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
