//! Ticks at a fixed rate.

use std::time::{Duration, Instant};

use super::{now, sleep_forever, sleep_until};

/// Ticks every `period`, the first time at once, like tokio's `interval`.
///
/// # Panics
/// If `period` is zero.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use std::time::Duration;
///
/// let mut interval = greenwood_runtime::interval(Duration::from_millis(1));
/// let first = interval.tick();
/// assert_eq!(interval.tick() - first, Duration::from_millis(1));
/// # });
/// ```
pub fn interval(period: Duration) -> Interval {
    interval_at(now(), period)
}

/// [`interval`] whose first tick is at `start`, by the clock of [`now`].
///
/// # Panics
/// If `period` is zero.
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(!period.is_zero(), "an interval's period must not be zero");
    Interval { next: Some(start), period, missed: MissedTickBehavior::default() }
}

/// What [`Interval::tick`] does when it is called so late that ticks were missed: by more than 5 ms, as in tokio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTickBehavior {
    /// Catches up: the missed ticks come at once, one a call, until the schedule is met again.
    #[default]
    Burst,
    /// Starts a new schedule: the next tick is a period after the late one was taken.
    Delay,
    /// Leaves the missed ticks out: the next one is the next of the schedule.
    Skip,
}

/// How late a tick may be taken without counting as missed.
const TOLERANCE: Duration = Duration::from_millis(5);

/// Ticks at a fixed rate: however long the caller takes between two, they do not drift. Made by [`interval`] and [`interval_at`].
///
/// As an iterator it waits for each tick, and never ends.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use std::time::Duration;
///
/// let ticks = greenwood_runtime::interval(Duration::from_millis(1));
/// assert_eq!(ticks.take(3).count(), 3);
/// # });
/// ```
#[derive(Debug)]
#[must_use = "an interval does nothing until `tick`"]
pub struct Interval {
    /// None: later than the clock can tell.
    next: Option<Instant>,
    period: Duration,
    missed: MissedTickBehavior,
}

impl Interval {
    /// Waits for the next tick and returns when it was due.
    ///
    /// Suspends the calling coroutine (blocks the calling OS thread) unless the tick is due already. A cancelled caller unwinds; the next
    /// call then waits for the same tick.
    pub fn tick(&mut self) -> Instant {
        let Some(due) = self.next else { sleep_forever() };
        sleep_until(due);
        let now = now();
        self.next = if now.saturating_duration_since(due) <= TOLERANCE {
            due.checked_add(self.period)
        } else {
            match self.missed {
                MissedTickBehavior::Burst => due.checked_add(self.period),
                MissedTickBehavior::Delay => now.checked_add(self.period),
                MissedTickBehavior::Skip => self.after(due, now),
            }
        };
        due
    }

    /// The first tick of the schedule after `now`, when `due` was one before.
    fn after(&self, due: Instant, now: Instant) -> Option<Instant> {
        let into = (now - due).as_nanos() % self.period.as_nanos();
        // Less than the period.
        let into = Duration::new((into / 1_000_000_000) as u64, (into % 1_000_000_000) as u32);
        now.checked_add(self.period - into)
    }

    /// Starts again: the next tick is a period from now. Does not suspend.
    pub fn reset(&mut self) {
        self.next = now().checked_add(self.period);
    }

    /// [`Interval::reset`] whose next tick is due at once.
    pub fn reset_immediately(&mut self) {
        self.next = Some(now());
    }

    /// [`Interval::reset`] whose next tick is due `after` from now.
    pub fn reset_after(&mut self, after: Duration) {
        self.next = now().checked_add(after);
    }

    /// [`Interval::reset`] whose next tick is due at `at`.
    pub fn reset_at(&mut self, at: Instant) {
        self.next = Some(at);
    }

    /// The time between two ticks.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// What happens to ticks that were missed.
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.missed
    }

    /// Sets what happens to ticks that are missed.
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// use std::time::Duration;
    /// use greenwood_runtime::{MissedTickBehavior, interval};
    ///
    /// let mut heartbeat = interval(Duration::from_millis(20));
    /// // After a pause, one heartbeat will do.
    /// heartbeat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    /// heartbeat.tick();
    /// # });
    /// ```
    pub fn set_missed_tick_behavior(&mut self, missed: MissedTickBehavior) {
        self.missed = missed;
    }
}

impl Iterator for Interval {
    type Item = Instant;

    fn next(&mut self) -> Option<Instant> {
        Some(self.tick())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}
