//! What differs between operating systems.

use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SendFlags, SocketType};

/// A peer that has gone is an error and no signal. std ignores SIGPIPE in `main`, but a program may restore it.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) const NO_SIGNAL: SendFlags = SendFlags::empty();

/// A stream socket that is closed on exec.
#[cfg(not(target_vendor = "apple"))]
pub(crate) fn unix_socket() -> rustix::io::Result<OwnedFd> {
    let flags = rustix::net::SocketFlags::CLOEXEC;
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}
#[cfg(target_vendor = "apple")]
pub(crate) fn unix_socket() -> rustix::io::Result<OwnedFd> {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    Ok(socket)
}
