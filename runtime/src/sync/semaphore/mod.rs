//! Counting semaphores.

mod error;
mod owned;
mod permit;
mod permits;

#[cfg(all(test, greenwood_loom))]
mod models;

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

pub use error::{AcquireError, AcquireTimeoutError, TooManyPermits, TryAcquireError};
pub use permit::{OwnedPermit, Permit};

use crate::model::atomic::{AtomicUsize, Ordering};
use crate::model::const_fn;
use permits::Permits;

/// A number of permits, which callers acquire, wait for, and give back.
///
/// Those who wait are served first come, first served: one who wants many permits is not overtaken by those behind who want
/// few. Permits that are free, but too few for the first in the line, are kept for it. A caller whose time is over or who is cancelled gives up
/// its place, and takes nothing; one that was given its permits at the same moment has them.
///
/// The methods and their names are [tokio's](https://docs.rs/tokio/latest/tokio/sync/struct.Semaphore.html).
///
/// ```
/// # greenwood_runtime::run(|| {
/// use greenwood_runtime::{scope, sync::Semaphore, yield_now};
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// let (limit, inside) = (Semaphore::new(3), AtomicUsize::new(0));
/// scope(|s| {
///     for _ in 0..20 {
///         s.spawn(|| {
///             let _permit = limit.acquire().unwrap();
///             assert!(inside.fetch_add(1, Ordering::Relaxed) < 3);
///             yield_now();
///             inside.fetch_sub(1, Ordering::Relaxed);
///         });
///     }
/// });
/// assert_eq!(limit.available_permits(), 3);
/// # });
/// ```
pub struct Semaphore {
    permits: Permits,
    /// Permits there are, free and taken, or more: raised before permits are added, lowered after they are gone.
    total: AtomicUsize,
    /// What `total` may be.
    bound: usize,
}

impl Semaphore {
    /// The largest number of permits that a semaphore can have.
    pub const MAX_PERMITS: usize = usize::MAX >> 3;

    const_fn! {
        /// A semaphore with `permits` permits, to which more can be added.
        ///
        /// # Panics
        /// If `permits` is more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS).
        pub fn new(permits: usize) -> Semaphore {
            Semaphore::with_bound(permits, Semaphore::MAX_PERMITS)
        }
    }

    const_fn! {
        /// A semaphore that never has more than `permits` permits, free and taken: only what was forgotten can be added again. This finds
        /// code that gives back what it did not take, as Python's `BoundedSemaphore` does.
        ///
        /// # Panics
        /// If `permits` is more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS).
        ///
        /// ```
        /// use greenwood_runtime::sync::{Semaphore, TooManyPermits};
        ///
        /// let semaphore = Semaphore::bounded(1);
        /// semaphore.acquire().unwrap().forget();
        /// assert_eq!(semaphore.try_add_permits(1), Ok(()));
        /// assert!(semaphore.try_add_permits(1).is_err());
        /// ```
        pub fn bounded(permits: usize) -> Semaphore {
            Semaphore::with_bound(permits, permits)
        }
    }

    const_fn! {
        fn with_bound(permits: usize, bound: usize) -> Semaphore {
            assert!(permits <= Semaphore::MAX_PERMITS, "more permits than a semaphore can have");
            Semaphore {
                permits: Permits::new(permits),
                total: AtomicUsize::new(permits),
                bound,
            }
        }
    }

    /// Acquires a permit, and waits until there is one. Waiting suspends the calling coroutine; on an OS thread, it blocks that thread. A cancelled
    /// caller that has to wait unwinds.
    ///
    /// # Errors
    /// If the semaphore is closed, or is while this waits.
    #[inline(always)]
    pub fn acquire(&self) -> Result<Permit<'_>, AcquireError> {
        self.acquire_many(1)
    }

    /// [`Semaphore::acquire`] of several permits at once. If there will never be so many, it waits for ever.
    ///
    /// # Errors
    /// If the semaphore is closed, or is while this waits.
    #[inline(always)]
    pub fn acquire_many(&self, permits: usize) -> Result<Permit<'_>, AcquireError> {
        match self.permits.take(permits, None) {
            Ok(()) => Ok(Permit { semaphore: self, permits }),
            Err(_) => Err(AcquireError),
        }
    }

    /// Acquires a permit if one is free and nobody waits for it. Does not suspend.
    ///
    /// # Errors
    /// If none is, or the semaphore is closed.
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// [`Semaphore::try_acquire`] of several permits at once. Does not suspend.
    ///
    /// # Errors
    /// If too few are free, somebody waits, or the semaphore is closed.
    #[inline]
    pub fn try_acquire_many(&self, permits: usize) -> Result<Permit<'_>, TryAcquireError> {
        self.permits.try_take(permits)?;
        Ok(Permit { semaphore: self, permits })
    }

    /// [`Semaphore::acquire`] that waits for at most `timeout`.
    ///
    /// # Errors
    /// If the time is over first, or the semaphore is closed.
    ///
    /// ```
    /// use greenwood_runtime::sync::{AcquireTimeoutError, Semaphore};
    /// use std::time::Duration;
    ///
    /// let semaphore = Semaphore::new(1);
    /// let held = semaphore.acquire().unwrap();
    /// let more = semaphore.acquire_timeout(Duration::from_millis(1));
    /// assert_eq!(more.unwrap_err(), AcquireTimeoutError::Timeout);
    /// ```
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>, AcquireTimeoutError> {
        self.acquire_many_timeout(1, timeout)
    }

    /// [`Semaphore::acquire_many`] that waits for at most `timeout`.
    ///
    /// # Errors
    /// If the time is over first, or the semaphore is closed.
    pub fn acquire_many_timeout(
        &self,
        permits: usize,
        timeout: Duration,
    ) -> Result<Permit<'_>, AcquireTimeoutError> {
        self.permits.take(permits, crate::now().checked_add(timeout))?;
        Ok(Permit { semaphore: self, permits })
    }

    /// [`Semaphore::acquire`] that waits until `deadline`, by the clock of [`now`](crate::now).
    ///
    /// # Errors
    /// If the time is over first, or the semaphore is closed.
    pub fn acquire_until(&self, deadline: Instant) -> Result<Permit<'_>, AcquireTimeoutError> {
        self.acquire_many_until(1, deadline)
    }

    /// [`Semaphore::acquire_many`] that waits until `deadline`, by the clock of [`now`](crate::now).
    ///
    /// # Errors
    /// If the time is over first, or the semaphore is closed.
    pub fn acquire_many_until(
        &self,
        permits: usize,
        deadline: Instant,
    ) -> Result<Permit<'_>, AcquireTimeoutError> {
        self.permits.take(permits, Some(deadline))?;
        Ok(Permit { semaphore: self, permits })
    }

    /// How many permits are free. Does not suspend. While somebody waits, they are kept for the first in the line.
    pub fn available_permits(&self) -> usize {
        self.permits.available()
    }

    /// Adds permits, or gives back what was taken and forgotten. Does not suspend.
    ///
    /// # Panics
    /// Where [`Semaphore::try_add_permits`] fails.
    #[track_caller]
    pub fn add_permits(&self, permits: usize) {
        if let Err(error) = self.try_add_permits(permits) {
            panic!("{error}");
        }
    }

    /// [`Semaphore::add_permits`] that does not panic. Does not suspend.
    ///
    /// # Errors
    /// If there were more than the semaphore's bound then, or more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS) where it has none.
    /// Permits that somebody holds count as well. Nothing is added then.
    pub fn try_add_permits(&self, permits: usize) -> Result<(), TooManyPermits> {
        let sum = |total: usize| total.checked_add(permits).filter(|sum| *sum <= self.bound);
        self.total
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, sum)
            .map_err(|_| TooManyPermits)?;
        self.permits.release(permits);
        Ok(())
    }

    /// Takes up to `permits` free permits away for good, and returns how many. Does not suspend.
    pub fn forget_permits(&self, permits: usize) -> usize {
        let forgotten = self.permits.take_up_to(permits);
        self.forget_taken(forgotten);
        forgotten
    }

    /// Has all who wait fail, and all who will want a permit. Permits can still be given back. Does not suspend.
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// use greenwood_runtime::{scope, sync::{AcquireError, Semaphore}};
    ///
    /// let semaphore = Semaphore::new(0);
    /// scope(|s| {
    ///     let waits = s.spawn(|| semaphore.acquire().is_err());
    ///     semaphore.close();
    ///     assert!(waits.join().unwrap());
    /// });
    /// # });
    /// ```
    pub fn close(&self) {
        self.permits.close();
    }

    /// Whether it was [closed](Semaphore::close). Does not suspend.
    pub fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    /// Permits that were taken do not come back.
    fn forget_taken(&self, permits: usize) {
        self.total.fetch_sub(permits, Ordering::AcqRel);
    }
}

// No user code runs while it is being changed.
impl UnwindSafe for Semaphore {}
impl RefUnwindSafe for Semaphore {}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available_permits", &self.available_permits())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
