//! Sections that must not be ended early.

use super::scopes::{self, Kind};

/// Runs `f`, whose waits no cancellation, token or time-out from around this call ends. It reaches the first wait after the section.
///
/// For what must not stop half-way, such as telling a peer how a transaction ended; give it a [`timeout`](crate::timeout) of its own,
/// inside, which works as ever. Does not suspend by itself, and works on an OS thread as well.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use std::time::Duration;
/// use greenwood_runtime::{shield, sleep, timeout};
///
/// let mut committed = false;
/// let ended = timeout(Duration::from_millis(1), || {
///     shield(|| {
///         sleep(Duration::from_millis(5));
///         committed = true;
///     });
///     sleep(Duration::MAX);
/// });
/// assert!(ended.is_err() && committed);
/// # });
/// ```
pub fn shield<T>(f: impl FnOnce() -> T) -> T {
    // Nothing is ever unwound to a shield.
    scopes::run(Kind::Shield, f).unwrap_or_else(|_| unreachable!())
}
