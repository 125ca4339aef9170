//! Unix signals as ordinary blocking receives.
//!
//! [`Signals`] is a queue of the signals that were asked for; [`Signals::recv`] takes the next one. Waiting suspends the
//! coroutine, and blocks an OS thread. [`ctrl_c`] is the short form for programs that only want to end well.
//!
//! ```
//! use greenwood_runtime::signal::{SIGHUP, SIGTERM, Signals};
//!
//! # fn main() -> std::io::Result<()> {
//! let signals = Signals::new([SIGHUP, SIGTERM])?;
//! # SIGTERM.raise()?;
//! greenwood_runtime::run(|| {
//!     loop {
//!         match signals.recv()? {
//!             SIGHUP => { /* read the configuration again */ }
//!             _ => return Ok(()),
//!         }
//!     }
//! })
//! # }
//! ```
//!
//! # What a handler changes for the process
//!
//! - From the first [`Signals::new`] with a signal on, the signal does nothing by itself any more: SIGTERM does not end the
//!   process. That stays so after the last `Signals` is dropped. [`Signal::default_action`] does by hand what the signal did.
//! - A handler that the process had before is still called, first. Other libraries that use the same table of handlers
//!   (`signal-hook-registry`: tokio, signal-hook) get the signal too.
//! - The handler is installed with `SA_RESTART`, so most system calls of OS threads go on after it (signal(7) lists those that
//!   do not, and return `EINTR`).
//! - It runs on the stack of whatever it interrupts, which may be a coroutine's: a few KiB must be left there, as they must on a
//!   thread's. It does one `write(2)` and touches nothing else (signal-safety(7)).
//! - A signal that every thread blocks (`pthread_sigmask(3)`) does not arrive. A program started by exec gets the default
//!   action back (execve(2)).

mod mailbox;
mod number;
mod receiver;

pub use number::*;
pub use receiver::{Iter, Signals};

use std::io;

/// Waits for the next SIGINT, which Ctrl-C sends. Suspends the calling coroutine; on an OS thread, blocks that thread.
///
/// What was sent before the call does not count, and from the first call on SIGINT does not end the process any more, not
/// between two calls either. Whoever wants to miss none keeps a [`Signals`]. Several callers at a time all return.
///
/// # Errors
/// `ECANCELED` if the coroutine was cancelled; what the OS says if the handler cannot be installed.
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// greenwood_runtime::run(|| {
///     let server = greenwood_runtime::spawn(|| { /* serve */ });
///     greenwood_runtime::signal::ctrl_c()?;
///     server.cancel();
///     Ok(())
/// })
/// # }
/// ```
pub fn ctrl_c() -> io::Result<()> {
    Signals::new([SIGINT])?.recv().map(drop)
}
