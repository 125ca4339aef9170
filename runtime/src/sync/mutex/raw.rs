//! The lock itself: a word for the fast path, and a queue that only those who find it taken, or leave it contended, touch.
//!
//! An unlock wakes the first waiter and leaves the lock free, so that who runs already may take it in the meantime: handing it over each
//! time would cost a switch for every critical section, however short. A woken waiter that comes too late queues in front, and the next
//! unlock hands it the lock. So nobody who waits is overtaken after it has run once, and the order of the queue holds.

use std::time::Instant;

use crate::model::atomic::{AtomicU32, Ordering};
use crate::model::const_fn;
use crate::park::{Place, Queue, Reason, Stopped};

const LOCKED: u32 = 1;
/// Somebody is in the queue. Changes under the queue's lock.
const QUEUED: u32 = 2;
/// A waiter is out of the queue and on its way to a lock that was free. Set by who unlocks, cleared by that waiter; until then nobody else is woken.
const WOKEN: u32 = 4;
/// The first in the queue was woken before, and gets the lock from who unlocks. Changes under the queue's lock, never set with `WOKEN`.
const STARVING: u32 = 8;

const REASON: &Reason = &Reason("mutex");

/// What a waiter finds when it is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It may try again.
    Try,
    /// It has the lock.
    Locked,
}

#[derive(Debug)]
pub(in crate::sync) struct RawMutex {
    state: AtomicU32,
    queue: Queue<(), Turn>,
}

impl RawMutex {
    const_fn! {
        pub(in crate::sync) fn new() -> RawMutex {
            RawMutex { state: AtomicU32::new(0), queue: Queue::new(()) }
        }
    }

    #[inline]
    pub(in crate::sync) fn try_lock(&self) -> bool {
        self.take(self.state.load(Ordering::Relaxed), 0).is_ok()
    }

    /// # Errors
    /// What ended the wait instead.
    #[inline]
    pub(in crate::sync) fn lock(&self, deadline: Option<Instant>) -> Result<(), Stopped> {
        match self.state.compare_exchange_weak(0, LOCKED, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Ok(()),
            Err(_) => self.lock_contended(Wait::Until(deadline)),
        }
    }

    /// [`RawMutex::lock`] that nothing ends early.
    pub(in crate::sync) fn lock_uninterrupted(&self) {
        let locked = self.lock_contended(Wait::Uninterrupted);
        debug_assert!(locked.is_ok());
    }

    /// Called by the one who has it locked.
    #[inline]
    pub(in crate::sync) fn unlock(&self) {
        if self.state.compare_exchange(LOCKED, 0, Ordering::Release, Ordering::Relaxed).is_err() {
            self.unlock_contended();
        }
    }

    /// Locks it if it is free, and clears `woken`. The error is the state in which it is not.
    #[inline]
    fn take(&self, mut state: u32, woken: u32) -> Result<(), u32> {
        while state & LOCKED == 0 {
            match self.state.compare_exchange_weak(
                state,
                (state | LOCKED) & !woken,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(now) => state = now,
            }
        }
        Err(state)
    }

    #[cold]
    fn lock_contended(&self, wait: Wait) -> Result<(), Stopped> {
        // What a waiter that was woken clears when it takes the lock or queues again.
        let mut woken = 0;
        loop {
            let Err(mut state) = self.take(self.state.load(Ordering::Relaxed), woken) else {
                return Ok(());
            };
            let queue = self.queue.lock();
            // From here on who unlocks comes for the queue.
            loop {
                let Err(taken) = self.take(state, woken) else { return Ok(()) };
                let queued = if woken == 0 { QUEUED } else { QUEUED | STARVING };
                match self.state.compare_exchange_weak(
                    taken,
                    (taken & !woken) | queued,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => break,
                    Err(now) => state = now,
                }
            }
            let place = if woken == 0 { Place::Back } else { Place::Front };
            let turn = match wait {
                Wait::Uninterrupted => queue.wait_uninterrupted(0, place, Turn::Try, REASON),
                Wait::Until(deadline) => match queue.wait(0, place, Turn::Try, REASON, deadline) {
                    Ok(turn) => turn,
                    Err((stopped, _, queue)) => {
                        let starving = if woken == 0 { 0 } else { STARVING };
                        let queued = if queue.is_empty(0) { QUEUED } else { 0 };
                        self.state.fetch_and(!(starving | queued), Ordering::Relaxed);
                        return Err(stopped);
                    }
                },
            };
            if turn == Turn::Locked {
                return Ok(());
            }
            woken = WOKEN;
        }
    }

    /// Whether nothing is left of those who used it.
    #[cfg(all(test, greenwood_loom))]
    pub(super) fn is_as_new(&self) -> bool {
        self.queue.lock().is_empty(0) && self.state.load(Ordering::Relaxed) == 0
    }

    #[cold]
    fn unlock_contended(&self) {
        let mut state = self.state.load(Ordering::Relaxed);
        while state & QUEUED == 0 || state & WOKEN != 0 {
            match self.state.compare_exchange_weak(
                state,
                state & !LOCKED,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
        // Nobody but the holder sets WOKEN. With it clear, and the lock and the queue's held, nothing else changes the state.
        let mut queue = self.queue.lock();
        let starving = self.state.load(Ordering::Relaxed) & STARVING != 0;
        let turn = if starving { Turn::Locked } else { Turn::Try };
        let served = queue.serve(0, |slot| *slot = turn);
        let queued = if queue.is_empty(0) { 0 } else { QUEUED };
        let state = match (&served, turn) {
            // Those who waited have left.
            (None, _) => 0,
            (Some(_), Turn::Locked) => LOCKED | queued,
            (Some(_), Turn::Try) => WOKEN | queued,
        };
        self.state.store(state, Ordering::Release);
        drop(queue);
        drop(served);
    }
}

/// How a waiter waits.
#[derive(Clone, Copy)]
enum Wait {
    Until(Option<Instant>),
    Uninterrupted,
}
