//! Makes other people's blocking code yield: std's sockets, third-party crates, C libraries.
//!
//! Linking this crate puts its own functions in front of libc's (`read`, `poll`, `nanosleep`, …). That changes nothing until [`install`] turns
//! them on; then a call on a coroutine that would block suspends the coroutine instead. Which functions, and what becomes of each, is in this
//! crate's README.

mod allocator;
#[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
mod glibc;
mod install;

pub use allocator::NoYield;
pub use install::{InstallError, Patches, install};

#[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
#[doc(hidden)]
pub use glibc::replaced;

/// Has the README's example compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
