//! Parking an OS thread, and a coroutine that may not switch.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use super::{Wake, Woken};
use crate::cancel;
use crate::context;

/// One thread's place to wait. Not `std::thread::park`, whose token belongs to the user.
#[derive(Debug, Default)]
pub(super) struct Parker {
    token: Mutex<bool>,
    unparked: Condvar,
}

impl Parker {
    pub(super) fn unpark(&self) {
        // These locks are not the runtime's own kind, and a caller may hold one of those.
        crate::no_yield(|| {
            *self.token.lock() = true;
            self.unparked.notify_one();
        });
    }
}

thread_local! {
    static PARKER: OnceCell<Arc<Parker>> = const { OnceCell::new() };
}

/// The calling thread's parker. A thread whose locals are already gone has none: it gets one that nobody waits on, as [`park`] then
/// does not wait either.
pub(super) fn parker() -> Arc<Parker> {
    PARKER.try_with(|p| p.get_or_init(Arc::default).clone()).unwrap_or_default()
}

/// Blocks the calling thread until its parker is unparked or `deadline` passes.
pub(super) fn park(deadline: Option<Instant>) -> Wake {
    let Ok(parker) = PARKER.try_with(|p| p.get_or_init(Arc::default).clone()) else {
        // In the last destructors of a thread no unpark can arrive; callers look at their condition again and again.
        std::thread::yield_now();
        return if deadline.is_some_and(|d| d <= Instant::now()) {
            Wake::TimedOut
        } else {
            Wake::Unparked
        };
    };
    let mut token = parker.token.lock();
    while !*token {
        match deadline {
            None => parker.unparked.wait(&mut token),
            Some(deadline) => {
                if parker.unparked.wait_until(&mut token, deadline).timed_out() && !*token {
                    return Wake::TimedOut;
                }
            }
        }
    }
    *token = false;
    Wake::Unparked
}

/// [`park`] within the scopes around the caller. A coroutine that must not switch is not cancelled.
pub(super) fn wait(deadline: Option<Instant>) -> Woken {
    let now = crate::now;
    if let Some(interrupt) = cancel::pending_on_thread(|at| at <= now()) {
        return Woken::Interrupted(interrupt);
    }
    let first = super::earlier(deadline, cancel::deadline_around());
    // A thread waits by the system's clock. One that is paused stands still meanwhile, and says nothing about what has passed.
    let passed = match park(first.and_then(by_system_clock)) {
        Wake::TimedOut => first,
        _ => None,
    };
    let is_over = |at| passed.is_some_and(|passed| at <= passed) || at <= now();
    if passed.is_some() && deadline.is_some_and(is_over) {
        return Woken::TimedOut;
    }
    match cancel::pending_on_thread(is_over) {
        Some(interrupt) => Woken::Interrupted(interrupt),
        None => Woken::Unparked,
    }
}

/// The point in time that is as far off as `deadline` is by the caller's clock. None if that is later than the clock can tell.
fn by_system_clock(deadline: Instant) -> Option<Instant> {
    if context::current().is_none_or(|cx| !cx.worker().clock.is_paused()) {
        return Some(deadline);
    }
    Instant::now().checked_add(deadline.saturating_duration_since(crate::now()))
}
