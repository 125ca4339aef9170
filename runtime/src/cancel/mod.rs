//! Ending waits early: cancellation of a coroutine, time-outs and tokens around a piece of code, and sections that are safe from both.

mod request;
mod scopes;
mod shield;
mod timeout;
mod token;

use std::any::Any;
use std::fmt;
use std::io;

pub(crate) use request::Request;
pub(crate) use scopes::{
    Heed, Interrupt, Scopes, deadline_around, is_surrounded, pending, pending_on_thread,
};
pub use shield::shield;
pub use timeout::{Elapsed, deadline, timeout};
pub use token::CancelToken;

/// What a cancelled coroutine unwinds with, and what [`join`](crate::JoinHandle::join) of it returns as its error; and what
/// [`CancelToken::run`] returns when its token was cancelled.
///
/// ```
/// # greenwood_runtime::run(|| {
/// let handle = greenwood_runtime::spawn(|| greenwood_runtime::sleep(std::time::Duration::MAX));
/// handle.cancel();
/// assert!(handle.join().unwrap_err().is::<greenwood_runtime::Cancelled>());
/// # });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cancelled")
    }
}

impl std::error::Error for Cancelled {}

/// Why a wait ended early: the coroutine or a [`CancelToken`] around the caller was cancelled, or the time of a [`timeout`] around it
/// is over.
///
/// As an [`io::Error`] it is `ECANCELED` or `ETIMEDOUT`, which is what I/O fails with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interruption(Why);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Cancelled,
    Elapsed,
}

impl Interruption {
    /// Whether it was a cancellation.
    pub fn is_cancelled(self) -> bool {
        self.0 == Why::Cancelled
    }

    /// Whether it was a time-out around the caller.
    pub fn is_elapsed(self) -> bool {
        self.0 == Why::Elapsed
    }
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Why::Cancelled => Cancelled.fmt(f),
            Why::Elapsed => f.write_str("the time for it is over"),
        }
    }
}

impl std::error::Error for Interruption {}

impl From<Interruption> for io::Error {
    fn from(interruption: Interruption) -> io::Error {
        io::Error::from_raw_os_error(match interruption.0 {
            Why::Cancelled => libc::ECANCELED,
            Why::Elapsed => libc::ETIMEDOUT,
        })
    }
}

/// Whether a panic's payload is no panic, but a wait that ended early on its way out of the code that was to end. Whoever catches
/// all panics, like a server around its handlers, passes it on with [`resume_unwind`](std::panic::resume_unwind).
///
/// Nothing is lost by catching it: the next wait unwinds again.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use std::panic::{catch_unwind, resume_unwind};
/// use std::time::Duration;
/// use greenwood_runtime::{is_interruption, sleep, timeout};
///
/// let result = timeout(Duration::from_millis(1), || {
///     if let Err(payload) = catch_unwind(|| sleep(Duration::MAX)) {
///         if is_interruption(&*payload) {
///             resume_unwind(payload);
///         }
///         eprintln!("a handler has panicked");
///     }
/// });
/// assert!(result.is_err());
/// # });
/// ```
pub fn is_interruption(payload: &(dyn Any + Send)) -> bool {
    payload.is::<Cancelled>() || payload.is::<scopes::Unwinding>()
}
