//! The request to one coroutine to end.

use std::sync::atomic::{AtomicU8, Ordering};

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

    /// Whether the coroutine is to end.
    ///
    /// Sequentially consistent with `make` and the coroutine's home: see `Header::set_home`.
    #[inline(always)]
    pub(super) fn is_pending(&self) -> bool {
        !matches!(self.0.load(Ordering::SeqCst), NONE | OVER)
    }

    /// Whether a call has reported it before.
    pub(super) fn is_reported(&self) -> bool {
        self.0.load(Ordering::Relaxed) == REPORTED
    }

    /// False if a call has reported it before.
    pub(super) fn report(&self) -> bool {
        self.0.compare_exchange(REQUESTED, REPORTED, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}
