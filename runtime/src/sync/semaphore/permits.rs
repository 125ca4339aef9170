//! The free permits, and the queue for them.

use std::time::Instant;

use super::{AcquireTimeoutError, TryAcquireError};
use crate::model::atomic::{AtomicUsize, Ordering};
use crate::model::const_fn;
use crate::park::{Locked, Place, Queue, Reason, Stopped, Wakeups, serve_all};

#[derive(Debug)]
pub(super) struct Permits {
    /// How many are free, in units of [`ONE`], beside [`CLOSED`] and [`WAITERS`].
    ///
    /// `WAITERS` is set exactly while somebody is in the queue, and while it is, this changes under the queue's lock only. Without it,
    /// permits are taken and given back by one atomic operation each.
    state: AtomicUsize,
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

impl Permits {
    const_fn! {
        pub(super) fn new(permits: usize) -> Permits {
            Permits { state: AtomicUsize::new(permits * ONE), queue: Queue::new(()) }
        }
    }

    pub(super) fn available(&self) -> usize {
        self.state.load(Ordering::Acquire) / ONE
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.load(Ordering::Acquire) & CLOSED != 0
    }

    pub(super) fn close(&self) {
        let mut locked = self.queue.lock();
        let closed = |state| Some((state | CLOSED) & !WAITERS);
        let _ = self.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, closed);
        let wakeups = serve_all(&mut locked, 0, |want| want.closed = true);
        drop(locked);
        drop(wakeups);
    }

    /// Takes as many as there are, even from those who wait, and at most `permits`.
    pub(super) fn take_up_to(&self, permits: usize) -> usize {
        let locked = self.queue.lock();
        let less = |state| Some(state - permits.min(state / ONE) * ONE);
        let before = self.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, less);
        drop(locked);
        permits.min(before.unwrap_or_else(|_| unreachable!()) / ONE)
    }

    #[inline]
    pub(super) fn try_take(&self, permits: usize) -> Result<(), TryAcquireError> {
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

    #[inline(always)]
    pub(super) fn take(
        &self,
        permits: usize,
        deadline: Option<Instant>,
    ) -> Result<(), AcquireTimeoutError> {
        match self.try_take(permits) {
            Ok(()) => Ok(()),
            Err(TryAcquireError::Closed) => Err(AcquireTimeoutError::Closed),
            Err(TryAcquireError::NoPermits) => self.wait(permits, deadline),
        }
    }

    #[inline(always)]
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
    pub(super) fn release(&self, permits: usize) {
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

#[cfg(all(test, greenwood_loom))]
impl Permits {
    /// Whether so many are free, and nobody waits.
    pub(super) fn rests_at(&self, permits: usize) -> bool {
        self.state.load(Ordering::Acquire) & !CLOSED == permits * ONE
    }
}
