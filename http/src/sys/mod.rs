//! What differs between operating systems.

#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "linux.rs"]
mod os;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[path = "other.rs"]
mod os;

pub(crate) use os::*;

use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketType};

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
