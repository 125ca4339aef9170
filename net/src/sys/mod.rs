//! The system calls under the socket types: `recv` and `send` that never block, whatever the descriptor's flags.
//!
//! `MSG_DONTWAIT` makes one call non-blocking and leaves `O_NONBLOCK`, which all duplicates of a descriptor and all
//! processes that hold one share, as the user set it. What differs between systems is in the two files below.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

use libc::c_int;
use socket2::{MaybeUninitSlice, SockAddr, SockRef};

#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "linux.rs"]
mod os;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[path = "other.rs"]
mod os;
pub(crate) mod unix_addr;

pub(crate) use os::{accepted, is_exhausted, is_read_shut, pidfd_open};
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use os::{adopt, inherited};

/// Takes no bytes out of the queue.
pub(crate) const PEEK: c_int = libc::MSG_PEEK;

const SEND: c_int = libc::MSG_DONTWAIT | os::NO_SIGNAL;

/// The kernels that matter refuse more (`UIO_MAXIOV` on Linux, `IOV_MAX` on the BSDs) with EMSGSIZE or EINVAL, where
/// std passes on this many and reports a short count.
const MAX_SLICES: usize = 1024;

/// Views an initialised buffer as one that a receive call may fill.
///
/// Sound only as private plumbing: the callers hand it to receive calls, which store initialised bytes and nothing else.
fn fillable(buf: &mut [u8]) -> &mut [MaybeUninit<u8>] {
    // SAFETY: u8 and MaybeUninit<u8> have the same layout, the lifetime and exclusivity carry over, and the kernel
    // never makes a byte uninitialised, which is what a `&mut [MaybeUninit<u8>]` would otherwise allow.
    unsafe { &mut *(std::ptr::from_mut(buf) as *mut [MaybeUninit<u8>]) }
}

pub(crate) fn recv(fd: BorrowedFd<'_>, buf: &mut [u8], flags: c_int) -> io::Result<usize> {
    SockRef::from(&fd).recv_with_flags(fillable(buf), flags | libc::MSG_DONTWAIT)
}

pub(crate) fn recv_vectored(fd: BorrowedFd<'_>, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    let count = bufs.len().min(MAX_SLICES);
    let bufs = &mut bufs[..count];
    // SAFETY: both types are documented to be ABI compatible with iovec on Unix; and as in `fillable`, the kernel
    // leaves every byte initialised.
    let bufs = unsafe { &mut *(std::ptr::from_mut(bufs) as *mut [MaybeUninitSlice<'_>]) };
    SockRef::from(&fd).recv_vectored_with_flags(bufs, libc::MSG_DONTWAIT).map(|(n, _)| n)
}

pub(crate) fn recv_from(
    fd: BorrowedFd<'_>,
    buf: &mut [u8],
    flags: c_int,
) -> io::Result<(usize, SockAddr)> {
    SockRef::from(&fd).recv_from_with_flags(fillable(buf), flags | libc::MSG_DONTWAIT)
}

pub(crate) fn send(fd: BorrowedFd<'_>, buf: &[u8]) -> io::Result<usize> {
    SockRef::from(&fd).send_with_flags(buf, SEND)
}

pub(crate) fn send_vectored(fd: BorrowedFd<'_>, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    SockRef::from(&fd).send_vectored_with_flags(&bufs[..bufs.len().min(MAX_SLICES)], SEND)
}

pub(crate) fn send_to(fd: BorrowedFd<'_>, buf: &[u8], to: &SockAddr) -> io::Result<usize> {
    SockRef::from(&fd).send_to_with_flags(buf, to, SEND)
}

/// The Internet address in `addr`; the error is std's for none and for another family.
pub(crate) fn inet(addr: Option<&SockAddr>) -> io::Result<SocketAddr> {
    addr.and_then(SockAddr::as_socket)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "invalid argument"))
}

/// std's time-outs carry EAGAIN, because there the kernel makes the error.
pub(crate) fn would_block() -> io::Error {
    io::Error::from_raw_os_error(libc::EAGAIN)
}

/// The error of a call on a handle that was closed under it.
pub(crate) fn bad_descriptor() -> io::Error {
    io::Error::from_raw_os_error(libc::EBADF)
}

/// Whether the wait was ended by a cancellation or a time-out around the caller.
pub(crate) fn is_interruption(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ECANCELED | libc::ETIMEDOUT))
}
