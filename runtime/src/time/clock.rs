//! A worker's clock: the system's monotonic one, or a paused one that tests move by waiting.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::sys::clock::Monotonic;

/// Nanoseconds since the runtime's start, from [`Instant`].
#[derive(Debug)]
pub(crate) struct Clock {
    epoch: Instant,
    monotonic: Monotonic,
    /// In a paused clock, how far it has been moved.
    paused: Option<Cell<u64>>,
    /// Its last reading.
    latest: Cell<u64>,
}

impl Clock {
    pub(crate) fn new(epoch: Instant, paused: bool) -> Clock {
        let monotonic = Monotonic::since(epoch);
        Clock { epoch, monotonic, paused: paused.then(|| Cell::new(0)), latest: Cell::new(0) }
    }

    pub(crate) fn now(&self) -> u64 {
        let now = match &self.paused {
            Some(moved) => moved.get(),
            None => self.monotonic.nanos(),
        };
        self.latest.set(now);
        now
    }

    /// What [`Clock::now`] said last.
    #[inline]
    pub(crate) fn latest(&self) -> u64 {
        self.latest.get()
    }

    pub(crate) fn instant(&self) -> Instant {
        match &self.paused {
            Some(moved) => self.epoch + Duration::from_nanos(moved.get()),
            None => Instant::now(),
        }
    }

    /// The clock's reading at `t`: 0 before its epoch, the largest value after its end (in 584 years).
    pub(crate) fn reading(&self, t: Instant) -> u64 {
        u64::try_from(t.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(u64::MAX)
    }

    /// The clock's reading when `timeout` has passed. The largest value for never.
    #[inline]
    pub(crate) fn reading_after(&self, timeout: Duration) -> u64 {
        let nanos = timeout.as_secs().saturating_mul(1_000_000_000);
        self.now().saturating_add(nanos.saturating_add(timeout.subsec_nanos().into()))
    }

    /// The point in time at which the clock shows `reading`, if there is one.
    pub(crate) fn at(&self, reading: u64) -> Option<Instant> {
        self.epoch.checked_add(Duration::from_nanos(reading))
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// Moves a paused clock forward to `reading`.
    pub(crate) fn advance_to(&self, reading: u64) {
        if let Some(moved) = &self.paused {
            moved.set(moved.get().max(reading));
        }
    }
}
