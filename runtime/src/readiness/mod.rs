//! Waiting until a descriptor is ready.
//!
//! [`Source`] goes beside a descriptor in a socket type and makes its non-blocking calls wait. [`wait_readable`], [`wait_writable`] and
//! [`wait_any`] wait for any descriptor, once.

mod direction;
mod dormant;
mod once;
mod registered;
mod source;

pub use dormant::{AsSource, Readiness, spawn_when_readable};
pub use once::{wait_any, wait_readable, wait_writable};
pub use source::{Mode, Source};

pub(crate) use once::{Temporary, is_ready, watch};
pub(crate) use registered::Registered;

use crate::cancel;
use crate::context;
use crate::park::Reason;

/// Whether a call may be left to wait in the kernel: the caller is not to be suspended, and nothing around it, a
/// [`timeout`](crate::timeout) or a [`CancelToken`](crate::CancelToken), could end the wait.
///
/// For libraries that make a blocking system call on OS threads; where this is false, [`Source::perform`] waits as it should. Does not
/// suspend.
///
/// ```
/// use std::time::Duration;
/// use greenwood_runtime::{readiness, timeout};
///
/// assert!(readiness::may_block());
/// timeout(Duration::from_secs(1), || assert!(!readiness::may_block())).unwrap();
/// greenwood_runtime::run(|| assert!(!readiness::may_block()));
/// ```
pub fn may_block() -> bool {
    !context::may_switch() && !cancel::is_surrounded()
}

/// What a descriptor is awaited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interest {
    /// Something to read or accept, the end of file, or an error.
    Read,
    /// Room to write, a finished connect, or an error.
    Write,
}

impl Interest {
    fn reason(self) -> &'static Reason {
        match self {
            Interest::Read => &Reason("read"),
            Interest::Write => &Reason("write"),
        }
    }
}
