//! The runtime's own lock: held for a few instructions, never over a switch, and never waited for by switching.
//!
//! A lock that waits by `libc::syscall(SYS_futex, …)`, as parking_lot's does, would suspend its caller once `greenwood-patch` makes that
//! function yield: in the middle of the runtime, perhaps with another of these locks held, on which the worker's loop then blocks for ever. This one
//! makes its system calls itself.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod futex;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub use futex::RawLock;

/// Elsewhere nothing is ever patched to yield on locks: that takes own thread-locals.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub use parking_lot::RawMutex as RawLock;

/// A value under such a lock.
pub type Mutex<T> = lock_api::Mutex<RawLock, T>;
pub(crate) type MutexGuard<'a, T> = lock_api::MutexGuard<'a, RawLock, T>;
