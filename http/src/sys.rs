//! What differs between operating systems.

use rustix::net::SendFlags;

/// A peer that has gone is an error and no signal. std ignores SIGPIPE in `main`, but a program may restore it.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) const NO_SIGNAL: SendFlags = SendFlags::empty();
