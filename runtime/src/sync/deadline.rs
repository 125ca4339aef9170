//! Deadlines of waits that cannot fail in any other way.

use std::time::{Duration, Instant};

use crate::park::Stopped;

/// The end of `duration` from now; `None` if that is later than the clock can tell.
pub(super) fn after(duration: Duration) -> Option<Instant> {
    crate::now().checked_add(duration)
}

/// The wait was over too late, and that is the caller's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimedOut;

/// Unwinds if the wait was interrupted. Called with no lock held.
pub(super) fn timed_out(stopped: Stopped) -> TimedOut {
    match stopped {
        Stopped::TimedOut => TimedOut,
        Stopped::Interrupted(interrupt) => interrupt.unwind(),
    }
}
