//! Sleeping, and giving up a turn.
//!
//! A sleep that a cancellation or a `timeout` around it interrupts ends early as if it were over, once: std takes every error for a signal and sleeps
//! on, as most C code does. What the caller does next, or the next call that can fail, ends it. Sleeps after that one are slept in full.
//!
//! Time is that of the runtime's clock from the call on: a clock that is set meanwhile changes nothing.

use std::time::{Duration, Instant};

use greenwood_runtime::interpose::Call;
use greenwood_runtime::park::{Reason, Wake};
use libc::{c_int, c_uint, clockid_t, timespec, useconds_t};

use crate::glibc::hook::{Hook, errno, hooks, set_errno};
use crate::glibc::memory::is_readable;

hooks! {
    SLEEP;
    fn nanosleep(request: *const timespec, left: *mut timespec) -> c_int => for_nanos;
    fn clock_nanosleep(clock: clockid_t, flags: c_int, request: *const timespec, left: *mut timespec) -> c_int => by_clock;
    fn usleep(micros: useconds_t) -> c_int => for_micros;
    fn sleep(seconds: c_uint) -> c_uint => for_seconds;
    fn sched_yield() -> c_int => yielding;
}

/// All functions of this group.
pub(crate) fn hooks() -> impl Iterator<Item = &'static Hook> {
    HOOKS.iter()
}

unsafe fn for_nanos(call: &Call, request: *const timespec, left: *mut timespec) -> c_int {
    // SAFETY: the caller's promise.
    match unsafe { duration(request) } {
        Some(duration) => {
            suspend(call, duration);
            0
        }
        // SAFETY: as above; refused at once.
        None => unsafe { nanosleep::next(request, left) },
    }
}

/// Returns an error's number, and leaves `errno` alone.
unsafe fn by_clock(
    call: &Call,
    clock: clockid_t,
    flags: c_int,
    request: *const timespec,
    left: *mut timespec,
) -> c_int {
    // Clocks of other kinds do not run while their thread, or process, sleeps.
    let known = matches!(
        clock,
        libc::CLOCK_REALTIME | libc::CLOCK_MONOTONIC | libc::CLOCK_BOOTTIME | libc::CLOCK_TAI
    );
    // SAFETY: the caller's promise.
    match unsafe { duration(request) } {
        Some(time) if known => {
            let duration = if flags & libc::TIMER_ABSTIME == 0 {
                time
            } else {
                time.saturating_sub(reading(clock))
            };
            suspend(call, duration);
            0
        }
        // SAFETY: as above.
        _ => unsafe { clock_nanosleep::next(clock, flags, request, left) },
    }
}

unsafe fn for_micros(call: &Call, micros: useconds_t) -> c_int {
    suspend(call, Duration::from_micros(micros.into()));
    0
}

/// Returns what is left, rounded up so that it is no full sleep's zero.
unsafe fn for_seconds(call: &Call, seconds: c_uint) -> c_uint {
    let left = suspend(call, Duration::from_secs(seconds.into()));
    left.as_millis().div_ceil(1000) as c_uint
}

unsafe fn yielding(_: &Call) -> c_int {
    greenwood_runtime::yield_now();
    0
}

/// None for what the kernel refuses.
///
/// # Safety
/// Nobody writes to it meanwhile.
unsafe fn duration(request: *const timespec) -> Option<Duration> {
    if !is_readable(request.cast(), size_of::<timespec>()) {
        return None;
    }
    // SAFETY: as it just turned out.
    let timespec { tv_sec, tv_nsec } = unsafe { *request };
    let nanos = u32::try_from(tv_nsec).ok().filter(|&nanos| nanos < 1_000_000_000)?;
    Some(Duration::new(u64::try_from(tv_sec).ok()?, nanos))
}

/// The time since a clock's own beginning.
fn reading(clock: clockid_t) -> Duration {
    let mut now = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: fills the structure; these clocks exist.
    unsafe { libc::clock_gettime(clock, &raw mut now) };
    Duration::new(now.tv_sec.max(0) as u64, now.tv_nsec as u32)
}

/// Sleeps, and returns what was left when it was interrupted.
fn suspend(call: &Call, duration: Duration) -> Duration {
    if duration.is_zero() {
        greenwood_runtime::yield_now();
        return Duration::ZERO;
    }
    let saved = errno();
    let deadline = greenwood_runtime::now().checked_add(duration);
    let left = |deadline: Instant| deadline.saturating_duration_since(greenwood_runtime::now());
    let left = loop {
        match call.park(&Reason("sleep"), deadline) {
            Wake::TimedOut => break Duration::ZERO,
            Wake::Interrupted(_) => break deadline.map_or(duration, left),
            Wake::Unparked if deadline.is_some_and(|d| left(d).is_zero()) => break Duration::ZERO,
            Wake::Unparked => {}
        }
    };
    set_errno(saved);
    left
}
