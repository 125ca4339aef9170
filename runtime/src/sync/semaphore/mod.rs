//! Counting semaphores.

mod error;
mod permit;

#[cfg(all(test, greenwood_loom))]
mod models;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use error::{AcquireError, AcquireTimeoutError, TooManyPermits, TryAcquireError};
pub use permit::{OwnedPermit, Permit};

use super::wakeups::{Wakeups, serve_all};
use crate::model::atomic::{AtomicUsize, Ordering};
use crate::model::const_fn;
use crate::park::{Locked, Place, Queue, Reason, Stopped};

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
    /// The free permits, in units of [`ONE`], beside [`CLOSED`] and [`WAITERS`].
    ///
    /// `WAITERS` is set exactly while somebody is in the queue, and while it is, this changes under the queue's lock only. Without it,
    /// permits are taken and given back by one atomic operation each.
    state: AtomicUsize,
    /// Permits there are, free and taken, or more: raised before permits are added, lowered after they are gone.
    total: AtomicUsize,
    /// What `total` may be.
    bound: usize,
    queue: Queue<(), Want>,
}

const CLOSED: usize = 1;
const WAITERS: usize = 2;
const ONE: usize = 4;

/// What somebody waits for.
#[derive(Debug)]
struct Want {
    permits: usize,
    /// Set instead of giving the permits.
    closed: bool,
}

const REASON: &Reason = &Reason("semaphore");

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
                state: AtomicUsize::new(permits * ONE),
                total: AtomicUsize::new(permits),
                bound,
                queue: Queue::new(()),
            }
        }
    }

    /// Acquires a permit, and waits until there is one. Waiting suspends the calling coroutine; on an OS thread, it blocks that thread. A cancelled
    /// caller that has to wait unwinds.
    ///
    /// # Errors
    /// If the semaphore is closed, or is while this waits.
    #[inline]
    pub fn acquire(&self) -> Result<Permit<'_>, AcquireError> {
        self.acquire_many(1)
    }

    /// [`Semaphore::acquire`] of several permits at once. If there will never be so many, it waits for ever.
    ///
    /// # Errors
    /// If the semaphore is closed, or is while this waits.
    #[inline]
    pub fn acquire_many(&self, permits: usize) -> Result<Permit<'_>, AcquireError> {
        match self.take(permits, None) {
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
        self.try_take(permits)?;
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
        self.take(permits, crate::now().checked_add(timeout))?;
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
        self.take(permits, Some(deadline))?;
        Ok(Permit { semaphore: self, permits })
    }

    /// [`Semaphore::acquire`] of a permit that can go anywhere.
    ///
    /// # Errors
    /// If the semaphore is closed, or is while this waits.
    pub fn acquire_owned(self: &Arc<Self>) -> Result<OwnedPermit, AcquireError> {
        self.acquire_many_owned(1)
    }

    /// [`Semaphore::acquire_many`] of permits that can go anywhere.
    ///
    /// # Errors
    /// If the semaphore is closed, or is while this waits.
    pub fn acquire_many_owned(
        self: &Arc<Self>,
        permits: usize,
    ) -> Result<OwnedPermit, AcquireError> {
        match self.take(permits, None) {
            Ok(()) => Ok(OwnedPermit { semaphore: self.clone(), permits }),
            Err(_) => Err(AcquireError),
        }
    }

    /// [`Semaphore::try_acquire`] of a permit that can go anywhere.
    ///
    /// # Errors
    /// If none is free, somebody waits, or the semaphore is closed.
    pub fn try_acquire_owned(self: &Arc<Self>) -> Result<OwnedPermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// [`Semaphore::try_acquire_many`] of permits that can go anywhere.
    ///
    /// # Errors
    /// If too few are free, somebody waits, or the semaphore is closed.
    pub fn try_acquire_many_owned(
        self: &Arc<Self>,
        permits: usize,
    ) -> Result<OwnedPermit, TryAcquireError> {
        self.try_take(permits)?;
        Ok(OwnedPermit { semaphore: self.clone(), permits })
    }

    /// [`Semaphore::acquire_timeout`] of a permit that can go anywhere.
    ///
    /// # Errors
    /// If the time is over first, or the semaphore is closed.
    pub fn acquire_owned_timeout(
        self: &Arc<Self>,
        timeout: Duration,
    ) -> Result<OwnedPermit, AcquireTimeoutError> {
        self.acquire_many_owned_timeout(1, timeout)
    }

    /// [`Semaphore::acquire_many_timeout`] of permits that can go anywhere.
    ///
    /// # Errors
    /// If the time is over first, or the semaphore is closed.
    pub fn acquire_many_owned_timeout(
        self: &Arc<Self>,
        permits: usize,
        timeout: Duration,
    ) -> Result<OwnedPermit, AcquireTimeoutError> {
        self.take(permits, crate::now().checked_add(timeout))?;
        Ok(OwnedPermit { semaphore: self.clone(), permits })
    }

    /// How many permits are free. Does not suspend. While somebody waits, they are kept for the first in the line.
    pub fn available_permits(&self) -> usize {
        self.state.load(Ordering::Acquire) / ONE
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
        self.release(permits);
        Ok(())
    }

    /// Takes up to `permits` free permits away for good, and returns how many. Does not suspend.
    pub fn forget_permits(&self, permits: usize) -> usize {
        let locked = self.queue.lock();
        let less = |state| Some(state - permits.min(state / ONE) * ONE);
        let state = self.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, less);
        drop(locked);
        let forgotten = permits.min(state.unwrap_or_else(|_| unreachable!()) / ONE);
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
        let mut locked = self.queue.lock();
        let closed = |state| Some((state | CLOSED) & !WAITERS);
        let _ = self.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, closed);
        let wakeups = serve_all(&mut locked, 0, |want| want.closed = true);
        drop(locked);
        drop(wakeups);
    }

    /// Whether it was [closed](Semaphore::close). Does not suspend.
    pub fn is_closed(&self) -> bool {
        self.state.load(Ordering::Acquire) & CLOSED != 0
    }

    #[inline]
    fn try_take(&self, permits: usize) -> Result<(), TryAcquireError> {
        let mut state = self.state.load(Ordering::Acquire);
        loop {
            let less = without(state, permits)?;
            let (success, failure) = (Ordering::Acquire, Ordering::Acquire);
            match self.state.compare_exchange_weak(state, less, success, failure) {
                Ok(_) => return Ok(()),
                Err(now) => state = now,
            }
        }
    }

    #[inline]
    fn take(&self, permits: usize, deadline: Option<Instant>) -> Result<(), AcquireTimeoutError> {
        match self.try_take(permits) {
            Ok(()) => Ok(()),
            Err(TryAcquireError::Closed) => Err(AcquireTimeoutError::Closed),
            Err(TryAcquireError::NoPermits) => self.wait(permits, deadline),
        }
    }

    fn wait(&self, permits: usize, deadline: Option<Instant>) -> Result<(), AcquireTimeoutError> {
        let locked = self.queue.lock();
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        let before =
            self.state.fetch_update(success, failure, |state| match without(state, permits) {
                Ok(less) => Some(less),
                Err(TryAcquireError::NoPermits) => Some(state | WAITERS),
                Err(TryAcquireError::Closed) => None,
            });
        match before {
            Err(_) => return Err(AcquireTimeoutError::Closed),
            Ok(state) if without(state, permits).is_ok() => return Ok(()),
            Ok(_) => {}
        }
        let want = Want { permits, closed: false };
        match locked.wait(0, Place::Back, want, REASON, deadline) {
            Ok(want) if want.closed => Err(AcquireTimeoutError::Closed),
            Ok(_) => Ok(()),
            Err((stopped, _, mut locked)) => {
                // What was kept for the caller may do for those behind it.
                let wakeups = self.serve(&mut locked);
                drop(locked);
                drop(wakeups);
                match stopped {
                    Stopped::TimedOut => Err(AcquireTimeoutError::Timeout),
                    Stopped::Interrupted(interrupt) => interrupt.unwind(),
                }
            }
        }
    }

    #[inline]
    fn release(&self, permits: usize) {
        let more = |state| (state & WAITERS == 0).then_some(state + permits * ONE);
        if self.state.fetch_update(Ordering::Release, Ordering::Relaxed, more).is_err() {
            self.release_to_waiters(permits);
        }
    }

    fn release_to_waiters(&self, permits: usize) {
        let mut locked = self.queue.lock();
        let before = self.state.fetch_add(permits * ONE, Ordering::AcqRel);
        let wakeups =
            if before & WAITERS != 0 { self.serve(&mut locked) } else { Wakeups::default() };
        drop(locked);
        drop(wakeups);
    }

    /// Gives the free permits to those in the queue, as far as they go. `WAITERS` is set, but for this nobody else changes the state.
    fn serve(&self, locked: &mut Locked<'_, (), Want>) -> Wakeups {
        let mut wakeups = Wakeups::default();
        let free = self.state.load(Ordering::Acquire) / ONE;
        let mut left = free;
        while locked.first(0).is_some_and(|want| want.permits <= left)
            && let Some((permits, wakeup)) = locked.serve(0, |want| want.permits)
        {
            left -= permits;
            wakeups.push(wakeup);
        }
        let nobody_waits = if locked.is_empty(0) { WAITERS } else { 0 };
        self.state.fetch_sub((free - left) * ONE + nobody_waits, Ordering::AcqRel);
        wakeups
    }

    /// Permits that were taken do not come back.
    fn forget_taken(&self, permits: usize) {
        self.total.fetch_sub(permits, Ordering::AcqRel);
    }
}

/// The state once `permits` are taken from it.
#[inline]
fn without(state: usize, permits: usize) -> Result<usize, TryAcquireError> {
    if state & CLOSED != 0 {
        Err(TryAcquireError::Closed)
    } else if state & WAITERS != 0 || state / ONE < permits {
        Err(TryAcquireError::NoPermits)
    } else {
        Ok(state - permits * ONE)
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available_permits", &self.available_permits())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
