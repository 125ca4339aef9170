//! Points in time as C gives them: by one of several clocks.

use std::time::{Duration, Instant};

use libc::{CLOCK_MONOTONIC, CLOCK_REALTIME, clockid_t, timespec};

/// An absolute time by a clock. It has been found valid.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    clock: clockid_t,
    at: timespec,
}

impl Deadline {
    /// None if libc would say EINVAL.
    pub(super) fn new(clock: clockid_t, at: timespec) -> Option<Deadline> {
        let known = clock == CLOCK_MONOTONIC || clock == CLOCK_REALTIME;
        (known && (0..1_000_000_000).contains(&at.tv_nsec)).then_some(Deadline { clock, at })
    }

    /// As far off as `time` says.
    pub(super) fn after(time: &timespec) -> Option<Deadline> {
        let now = time_by(CLOCK_MONOTONIC);
        let sum = now.tv_nsec + time.tv_nsec;
        let at = timespec {
            tv_sec: now.tv_sec.saturating_add(time.tv_sec).saturating_add(sum / 1_000_000_000),
            tv_nsec: sum % 1_000_000_000,
        };
        Deadline::new(CLOCK_MONOTONIC, at)
    }

    /// `time` from now, or `at` if that is earlier.
    pub(super) fn soon(time: Duration, at: Option<Deadline>) -> Deadline {
        let nanoseconds = time.as_nanos() as i64;
        let time = timespec { tv_sec: 0, tv_nsec: nanoseconds.min(999_999_999) };
        match (Deadline::after(&time), at) {
            (Some(soon), Some(at)) if soon.remaining() < at.remaining() => soon,
            (_, Some(at)) => at,
            (Some(soon), None) => soon,
            (None, None) => Deadline { clock: CLOCK_MONOTONIC, at: time },
        }
    }

    pub(super) fn clock(&self) -> clockid_t {
        self.clock
    }

    pub(super) fn at(&self) -> &timespec {
        &self.at
    }

    pub(super) fn is_over(&self) -> bool {
        self.remaining().is_zero()
    }

    fn remaining(&self) -> Duration {
        let now = time_by(self.clock);
        let seconds = i128::from(self.at.tv_sec) - i128::from(now.tv_sec);
        let nanoseconds = seconds * 1_000_000_000 + i128::from(self.at.tv_nsec - now.tv_nsec);
        Duration::from_nanos(u64::try_from(nanoseconds.max(0)).unwrap_or(u64::MAX))
    }

    /// By the runtime's clock. None if that is further off than the clock can tell.
    pub(super) fn instant(&self) -> Option<Instant> {
        greenwood_runtime::now().checked_add(self.remaining())
    }

    /// When to look again, if the time of day was set back meanwhile and the time has not come. To be asked when it should have.
    pub(super) fn extended(&self) -> Option<Instant> {
        // A paused clock does not follow the system's.
        let paused = greenwood_runtime::now() > Instant::now();
        if self.clock == CLOCK_MONOTONIC || paused || self.is_over() {
            None
        } else {
            self.instant()
        }
    }
}

fn time_by(clock: clockid_t) -> timespec {
    let mut now = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one structure. Both clocks exist everywhere.
    unsafe { libc::clock_gettime(clock, &raw mut now) };
    now
}
