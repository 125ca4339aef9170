//! Time-outs around a piece of code.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use super::scopes::{self, Kind};

/// The time for [`timeout`] or [`deadline`] was over before the code in it had ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time for it is over")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}

/// Runs `f`, whose blocking calls have to end within `duration` from now.
///
/// Once the time is over, the call that `f` waits in, or that it waits in next, ends. I/O fails, with `ETIMEDOUT`
/// ([`TimedOut`](io::ErrorKind::TimedOut)), so that a driver can mark its connection broken; calls that have no error to return
/// (sleep, join, lock, receive) unwind to here, running destructors, and so does whatever blocks in `f` after the error. Code that never
/// blocks is not interrupted, but for I/O that is always ready: now and then it is looked at. A destructor that waits while `f` unwinds waits as ever.
///
/// A call that is completed at the very moment that the time is over counts as completed, and if `f` returns, its value is returned, late or
/// not: nothing is lost. Time-outs nest: each ends its own code only. Coroutines that `f` spawns are on their own; [`scope`](crate::scope)
/// inside waits for its children whatever happens, [`try_scope`](crate::try_scope) cancels them.
///
/// Works on an OS thread as well.
///
/// # Errors
/// [`Elapsed`] if `f` was unwound for it.
///
/// # Panics
/// If `f` does. What `f` changed before it was unwound stays as it was then, as with [`catch_unwind`](std::panic::catch_unwind).
///
/// ```
/// # greenwood_runtime::run(|| {
/// use std::time::Duration;
/// use greenwood_runtime::{Elapsed, sleep, timeout};
///
/// assert_eq!(timeout(Duration::from_secs(9), || 5), Ok(5));
/// assert_eq!(timeout(Duration::from_millis(2), || sleep(Duration::MAX)), Err(Elapsed));
/// # });
/// ```
pub fn timeout<T>(duration: Duration, f: impl FnOnce() -> T) -> Result<T, Elapsed> {
    match crate::now().checked_add(duration) {
        Some(at) => deadline(at, f),
        // Later than the clock can tell.
        None => Ok(f()),
    }
}

/// [`timeout`] with a point in time, by the clock of [`now`](crate::now).
///
/// # Errors
/// As for [`timeout`].
///
/// # Panics
/// As for [`timeout`].
///
/// ```
/// # greenwood_runtime::run(|| {
/// use std::time::Duration;
/// use greenwood_runtime::{deadline, now, sleep};
///
/// // Three steps that share one allowance.
/// let until = now() + Duration::from_secs(10);
/// for step in 1..=3 {
///     deadline(until, || sleep(Duration::from_millis(step))).unwrap();
/// }
/// # });
/// ```
pub fn deadline<T>(at: Instant, f: impl FnOnce() -> T) -> Result<T, Elapsed> {
    scopes::run(Kind::Deadline(at), f).map_err(|_| Elapsed)
}
