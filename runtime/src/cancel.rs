//! Cancellation: how a coroutine is asked to end, and how that reaches its next blocking call.

use std::io;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU8, Ordering};

/// What a cancelled coroutine unwinds with, and what [`join`](crate::JoinHandle::join) of it returns as its error.
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

impl std::fmt::Display for Cancelled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the coroutine was cancelled")
    }
}

impl std::error::Error for Cancelled {}

/// Unwinds the calling coroutine to its root, quietly: destructors run, no panic hook does.
pub(crate) fn unwind() -> ! {
    resume_unwind(Box::new(Cancelled))
}

/// The error that cancelled I/O returns, so that a driver can mark its connection broken.
pub(crate) fn error() -> io::Error {
    io::Error::from_raw_os_error(libc::ECANCELED)
}

const NONE: u8 = 0;
const REQUESTED: u8 = 1;
/// A call has reported it; whatever blocks next unwinds.
const REPORTED: u8 = 2;
/// The coroutine's function has ended. What still runs, destructors of its locals, waits as ever.
const OVER: u8 = 3;

/// A coroutine's cancellation: requested from anywhere, taken by itself.
#[derive(Debug, Default)]
pub(crate) struct Request(AtomicU8);

impl Request {
    /// True if this is the first request.
    pub(crate) fn make(&self) -> bool {
        self.0.compare_exchange(NONE, REQUESTED, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }

    pub(crate) fn is_made(&self) -> bool {
        self.0.load(Ordering::Acquire) != NONE
    }

    /// From now on nothing is delivered.
    pub(crate) fn end(&self) {
        self.0.store(OVER, Ordering::Release);
    }

    /// Called where a wait would begin or has ended. True if the caller shall report the cancellation; unwinds
    /// if it was reported before.
    ///
    /// Destructors that run while unwinding wait as ever.
    #[inline]
    pub(crate) fn deliver(&self) -> bool {
        match self.0.load(Ordering::SeqCst) {
            NONE | OVER => false,
            _ if std::thread::panicking() => false,
            REQUESTED => {
                self.0.store(REPORTED, Ordering::Relaxed);
                true
            }
            _ => unwind(),
        }
    }
}
