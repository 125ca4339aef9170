//! Coroutines that start later.

use std::panic::{Location, resume_unwind};
use std::time::Duration;

use super::{now, sleep_forever, sleep_until};
use crate::cancel::Cancelled;
use crate::context;
use crate::coroutine::{JoinHandle, Placement, launch_in};
use crate::worker;

/// [`spawn`](crate::spawn) of a coroutine that runs `f` after `delay`, like gevent's `spawn_later`. Does not suspend.
///
/// Cancelled before the time has come, or before it has got its turn then, `f` is dropped and never runs. Until then the coroutine
/// sleeps: it costs what any suspended coroutine costs, a page or two of its stack.
///
/// # Panics
/// If the global runtime is needed and cannot be started.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use std::time::Duration;
/// use greenwood_runtime::spawn_after;
///
/// let soon = spawn_after(Duration::from_millis(1), || "now");
/// let never = spawn_after(Duration::from_secs(3600), || unreachable!());
/// never.cancel();
/// assert_eq!(soon.join().unwrap(), "now");
/// # });
/// ```
#[track_caller]
pub fn spawn_after<F, T>(delay: Duration, f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let at = now().checked_add(delay);
    let target = worker::Target::choose(Placement::Anywhere)
        .unwrap_or_else(|e| panic!("the global runtime could not be started: {e}"));
    let body = move || {
        match at {
            Some(at) => sleep_until(at),
            None => sleep_forever(),
        }
        // A sleep that was over counts, although the coroutine was cancelled at the same time. `f` has not started for that.
        if context::current().and_then(|cx| Some(cx.header()?.cancel.is_made())) == Some(true) {
            resume_unwind(Box::new(Cancelled));
        }
        f()
    };
    launch_in(target, body, Location::caller())
}
