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

mod queue;
mod thread;
mod unparker;
mod waiter;
mod wakeups;

#[cfg(test)]
mod tests;

pub(crate) use queue::{Locked, Place, Queue, Seat};
pub(crate) use unparker::Claims;
pub use unparker::{Unparker, unparker};
pub(crate) use waiter::{Stopped, Waiter, Wakeup};
pub(crate) use wakeups::{Wakeups, serve_all};

use std::time::Instant;

use crate::cancel::{self, Heed, Interrupt, Interruption};
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
    /// The coroutine is being cancelled, or the time of a [`timeout`](crate::timeout) around the caller is over. Reported once: what reports
    /// it as an error lets the caller clean up; any wait after it unwinds. Your condition may have come true at the same time: check it
    /// first, and what somebody has handed over for it is not lost.
    Interrupted(Interruption),
}

/// Suspends the calling coroutine (blocks the calling OS thread) until it is unparked, `deadline` passes, or the wait is interrupted.
///
/// An unpark that came before makes it return at once, so none is lost. It may also return without cause: call it in a loop
/// that checks your condition. Deadlines are by the clock of [`now`](crate::now).
///
/// Unwinds if the interruption was reported before.
#[inline]
pub fn park(reason: &'static Reason, deadline: Option<Instant>) -> Wake {
    wait(reason, deadline).report()
}

/// [`park`] that an interruption ends which nothing has reported yet, and no other.
pub(crate) fn park_heeding_new(reason: &'static Reason, deadline: Option<Instant>) -> Wake {
    match context::switchable() {
        Some(cx) => wait_on_coroutine(cx, reason, cx.reading(deadline), Heed::New).report(),
        None => park(reason, deadline),
    }
}

/// Why [`wait`] returned.
#[derive(Debug)]
pub(crate) enum Woken {
    Unparked,
    TimedOut,
    /// To be reported or unwound, unless the condition has come true after all.
    Interrupted(Interrupt),
}

impl Woken {
    #[inline(always)]
    fn report(self) -> Wake {
        match self {
            Woken::Unparked => Wake::Unparked,
            Woken::TimedOut => Wake::TimedOut,
            Woken::Interrupted(interrupt) => Wake::Interrupted(interrupt.report()),
        }
    }
}

/// [`park`] that never unwinds by itself, so that the caller can first settle what it waited for.
///
/// Inlined, as everything on the way to a switch should be: a return to a frame from before the switch is mispredicted.
#[inline(always)]
pub(crate) fn wait(reason: &'static Reason, deadline: Option<Instant>) -> Woken {
    match context::switchable() {
        Some(cx) => wait_on_coroutine(cx, reason, cx.reading(deadline), Heed::All),
        None => thread::wait(deadline),
    }
}

/// [`wait`] on a coroutine that may switch, until its worker's clock shows `deadline`.
#[inline(always)]
pub(crate) fn wait_on_coroutine(
    cx: context::Current,
    reason: &'static Reason,
    deadline: Option<u64>,
    heed: Heed,
) -> Woken {
    let clock = &cx.worker().clock;
    let Some(header) = cx.header() else {
        return thread::wait(deadline.and_then(|reading| clock.at(reading)));
    };
    cx.note_wait();
    // By the clock as it was last read: often enough, and reading it again would cost as much as the switch.
    let has_come = |reading| reading <= clock.latest();
    let is_over = |at| has_come(clock.reading(at));
    if let Some(interrupt) = cancel::pending(Some(&header.cancel), &cx.scopes, heed, is_over) {
        return Woken::Interrupted(interrupt);
    }
    if header.take_token() {
        return Woken::Unparked;
    }
    header.set_reason(reason);
    // Over before it began. Its timer might never get to fire: somebody else who always wakes the caller first would keep it in its loop
    // beyond any deadline.
    if deadline.is_some_and(has_come) {
        cx.suspend(Suspend::YIELD);
        return Woken::TimedOut;
    }
    let around = if cx.scopes.is_empty() { None } else { cx.reading(cx.scopes.deadline(heed)) };
    let resume = cx.suspend(earlier(deadline, around).map_or(Suspend::PARK, Suspend::park_until));
    // The caller's own deadline comes first: that is a wait which has ended as it was to.
    if resume == Resume::TimedOut && deadline.is_some_and(has_come) {
        return Woken::TimedOut;
    }
    match cancel::pending(Some(&header.cancel), &cx.scopes, heed, is_over) {
        Some(interrupt) => Woken::Interrupted(interrupt),
        None => Woken::Unparked,
    }
}

/// [`park`] for what must not be left early, like waiting for children that borrow from the caller's stack.
pub(crate) fn park_uninterrupted(reason: &'static Reason) {
    let header = context::switchable();
    let Some((cx, header)) = header.as_ref().and_then(|cx| Some((cx, cx.header()?))) else {
        thread::park(None);
        return;
    };
    cx.note_wait();
    if !header.take_token() {
        header.set_reason(reason);
        cx.suspend(Suspend::PARK);
    }
}

/// [`park`] for waits that cannot return an error: an interrupted caller unwinds.
pub(crate) fn park_or_unwind(reason: &'static Reason, deadline: Option<Instant>) -> Wake {
    match wait(reason, deadline) {
        Woken::Unparked => Wake::Unparked,
        Woken::TimedOut => Wake::TimedOut,
        Woken::Interrupted(interrupt) => interrupt.unwind(),
    }
}

/// The earlier of two deadlines.
#[inline]
pub(crate) fn earlier<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}
