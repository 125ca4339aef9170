//! Who runs when: every constant that keeps one coroutine from starving the others, and the reasons.

use crate::context;

/// Non-blocking operations (reads, writes, receives that did not have to wait) a coroutine may do before the others get a turn.
/// A socket that is always ready never suspends by itself.
pub(crate) const OPERATIONS_PER_TURN: u32 = 32;

/// Operations that all coroutines of a worker may do between two looks at its timers. At some 10 µs for a large read this
/// bounds how late a timer is noticed to well under a millisecond.
pub(crate) const OPERATIONS_PER_TIMER_CHECK: u32 = 64;

/// Switches between two looks at the timers, for coroutines that never do I/O.
pub(crate) const SWITCHES_PER_TIMER_CHECK: u32 = 128;

/// Timer checks between two looks at the sockets while there is work to do: a look is a system call.
pub(crate) const TIMER_CHECKS_PER_POLL: u32 = 2;

/// Accounts for one operation that did not have to wait, and gives the others a turn when the caller has had its share.
///
/// For libraries that build waiting calls of their own on [`readiness`](crate::readiness), whose own calls do so already.
/// May suspend.
#[inline(always)]
pub fn checkpoint() {
    if let Some(cx) = context::current()
        && !cx.charge()
    {
        crate::yield_now();
    }
}

/// Runs `f` with suspension switched off: calls in it that have to wait block the worker's OS thread instead.
///
/// For callbacks that must not be interleaved with other coroutines. On an OS thread it just runs `f`.
///
/// ```
/// # greenwood_runtime::run(|| {
/// greenwood_runtime::no_yield(|| assert!(!greenwood_runtime::may_switch()));
/// assert!(greenwood_runtime::may_switch());
/// # });
/// ```
pub fn no_yield<T>(f: impl FnOnce() -> T) -> T {
    // SAFETY: dropped at the end of this function.
    let _hold = unsafe { crate::interpose::hold() };
    f()
}
