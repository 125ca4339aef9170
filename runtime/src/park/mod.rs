//! The one way to wait: park the caller, with a reason, an optional deadline, and cancellation.
//!
//! For libraries that build blocking primitives (a lock, a channel, a connection pool) which are to work on coroutines and
//! OS threads alike. The pattern: take [`unparker`], publish it where whoever makes the condition true will find it, then
//! call [`park`] in a loop until the condition holds.
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicBool, Ordering};
//! use greenwood_runtime::park::{self, Reason};
//!
//! # greenwood_runtime::run(|| {
//! let ready = Arc::new(AtomicBool::new(false));
//! let (flag, waiter) = (ready.clone(), park::unparker());
//! greenwood_runtime::spawn(move || {
//!     flag.store(true, Ordering::Release);
//!     waiter.unpark();
//! });
//! while !ready.load(Ordering::Acquire) {
//!     park::park(&Reason("an example's flag"), None);
//! }
//! # });
//! ```

mod thread;
mod unparker;

pub use unparker::{Unparker, unparker};

use std::time::Instant;

use crate::cancel;
use crate::context;
use crate::coroutine::{Resume, Suspend};

/// What a coroutine waits for, in a word or two, as reports show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(pub &'static str);

/// Why [`park`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Somebody called [`Unparker::unpark`], perhaps for an earlier wait: check your condition.
    Unparked,
    /// The deadline has passed.
    TimedOut,
    /// The coroutine is being cancelled. Reported once: what reports it as an error lets the caller clean up; any wait after it
    /// unwinds. Never on an OS thread.
    Cancelled,
}

/// Suspends the calling coroutine (blocks the calling OS thread) until it is unparked, `deadline` passes, or it is cancelled.
///
/// An unpark that came before makes it return at once, so none is lost. It may also return without cause: call it in a loop
/// that checks your condition. Deadlines are by the clock of [`now`](crate::now).
///
/// Unwinds a coroutine whose cancellation was reported before.
#[inline]
pub fn park(reason: &'static Reason, deadline: Option<Instant>) -> Wake {
    wait(reason, deadline, true)
}

/// [`park`] for what must not be left early, like waiting for children that borrow from the caller's stack.
pub(crate) fn park_uncancellable(reason: &'static Reason) {
    wait(reason, None, false);
}

/// [`park`] for waits that cannot return an error: a cancelled coroutine unwinds.
pub(crate) fn park_or_unwind(reason: &'static Reason, deadline: Option<Instant>) -> Wake {
    match wait(reason, deadline, true) {
        Wake::Cancelled => cancel::unwind(),
        wake => wake,
    }
}

#[inline]
fn wait(reason: &'static Reason, deadline: Option<Instant>, cancellable: bool) -> Wake {
    let Some(cx) = context::switchable() else { return thread::park(deadline) };
    let Some(header) = cx.header() else { return thread::park(deadline) };
    if cancellable && header.cancel.deliver() {
        return Wake::Cancelled;
    }
    if header.take_token() {
        return Wake::Unparked;
    }
    header.set_reason(reason);
    let resume = cx.suspend(match deadline {
        None => Suspend::PARK,
        Some(deadline) => Suspend::park_until(cx.worker().clock.reading(deadline)),
    });
    if cancellable && header.cancel.deliver() {
        return Wake::Cancelled;
    }
    match resume {
        Resume::Woken => Wake::Unparked,
        Resume::TimedOut => Wake::TimedOut,
    }
}
