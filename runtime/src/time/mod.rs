//! Sleeping, and the runtime's notion of now.

pub(crate) mod clock;
mod interval;
mod spawn_after;
pub(crate) mod wheel;

pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
pub use spawn_after::spawn_after;

use std::time::{Duration, Instant};

use crate::context;
use crate::park::{self, Reason, Woken};

/// Suspends the calling coroutine for at least `duration`; on an OS thread, blocks that thread.
///
/// Like [`std::thread::sleep`], and finer: the wait ends within about 0.1 ms of its deadline when a worker is free. A zero
/// duration lets the others run once. A cancelled coroutine unwinds.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use std::time::Duration;
/// greenwood_runtime::sleep(Duration::from_micros(200));
/// # });
/// ```
pub fn sleep(duration: Duration) {
    if duration.is_zero() {
        return crate::yield_now();
    }
    match now().checked_add(duration) {
        Some(deadline) => sleep_until(deadline),
        None => sleep_forever(),
    }
}

/// Suspends the calling coroutine until `deadline` (see [`now`]); on an OS thread, blocks that thread.
pub fn sleep_until(deadline: Instant) {
    loop {
        match park::wait(&Reason("sleep"), Some(deadline)) {
            Woken::TimedOut => return,
            Woken::Interrupted(interrupt) => interrupt.unwind(),
            Woken::Unparked if now() >= deadline => return,
            Woken::Unparked => {}
        }
    }
}

fn sleep_forever() -> ! {
    loop {
        park::park_or_unwind(&Reason("sleep"), None);
    }
}

/// The time by the clock that deadlines here are measured with: [`Instant::now`], but in a runtime with a paused clock
/// ([`RuntimeBuilder::paused_clock`](crate::RuntimeBuilder::paused_clock)) the paused time. Does not suspend.
pub fn now() -> Instant {
    match context::current() {
        Some(cx) => cx.worker().clock.instant(),
        None => Instant::now(),
    }
}
