//! Waiting for a condition under a lock, after [`std::sync::Condvar`].

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

use super::deadline::{after, timed_out};
use super::{Mutex, MutexGuard};
use crate::model::const_fn;
use crate::park::{Place, Queue, Reason};

const REASON: &Reason = &Reason("condvar");

/// Where coroutines and OS threads wait for what somebody else changes under a [`Mutex`], like [`std::sync::Condvar`].
///
/// A wait gives up the lock and joins the queue in one step, so that no notification is lost between the two, and takes the lock
/// again before it returns, after a time-out as well. That last step cannot be interrupted, and may take longer than the time given.
///
/// A wait that is interrupted, by a cancellation or a [`timeout`](crate::timeout) around it, unwinds without the lock: the guard was passed in,
/// and is gone. If a notification reached it first, it counts as notified and returns; none is lost.
///
/// Waits may also end without cause: look at the condition again, as [`wait_while`](Condvar::wait_while) does. Waiters of several mutexes may
/// share one condition variable, which std does not promise; each gets its own lock back.
///
/// ```
/// use std::sync::Arc;
/// use greenwood_runtime::{spawn, sync::{Condvar, Mutex}};
///
/// # greenwood_runtime::run(|| {
/// let pair = Arc::new((Mutex::new(false), Condvar::new()));
/// let other = pair.clone();
/// spawn(move || {
///     *other.0.lock() = true;
///     other.1.notify_one();
/// });
/// let (started, changed) = &*pair;
/// let guard = changed.wait_while(started.lock(), |started| !*started);
/// assert!(*guard);
/// # });
/// ```
pub struct Condvar {
    /// The number that the next waiter gets; waiters by their numbers.
    queue: Queue<u64, u64>,
}

/// Whether a wait with a time limit ended because of it, like [`std::sync::WaitTimeoutResult`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// True if the time was over before the wait.
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

// No user code runs under the queue's lock.
impl UnwindSafe for Condvar {}
impl RefUnwindSafe for Condvar {}

impl Condvar {
    const_fn! {
        /// One that nobody waits on. Does not suspend.
        pub fn new() -> Condvar {
            Condvar { queue: Queue::new(0) }
        }
    }

    /// Gives up the lock, suspends until notified, and takes the lock again. Interrupted, it unwinds without the lock.
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.wait_by(guard, None).0
    }

    /// Waits while `condition` holds, which is called with the lock held. Suspends and unwinds as [`wait`](Condvar::wait).
    pub fn wait_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> MutexGuard<'a, T> {
        while condition(&mut guard) {
            guard = self.wait(guard);
        }
        guard
    }

    /// [`wait`](Condvar::wait) for at most `duration`, and the time it takes to get the lock again.
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// use std::time::Duration;
    /// use greenwood_runtime::sync::{Condvar, Mutex};
    ///
    /// let (mutex, never) = (Mutex::new(3), Condvar::new());
    /// let (guard, result) = never.wait_timeout(mutex.lock(), Duration::from_millis(1));
    /// assert!(result.timed_out());
    /// assert_eq!(*guard, 3);
    /// # });
    /// ```
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        duration: Duration,
    ) -> (MutexGuard<'a, T>, WaitTimeoutResult) {
        self.wait_by(guard, after(duration))
    }

    /// [`wait_timeout`](Condvar::wait_timeout) with a point in time, by the clock of [`now`](crate::now). Named after parking_lot's.
    pub fn wait_until<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Instant,
    ) -> (MutexGuard<'a, T>, WaitTimeoutResult) {
        self.wait_by(guard, Some(deadline))
    }

    /// [`wait_while`](Condvar::wait_while) for at most `duration` in all. Timed out means that `condition` still held when the time was over.
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// use std::time::Duration;
    /// use greenwood_runtime::sync::{Condvar, Mutex};
    ///
    /// let (jobs, more) = (Mutex::new(vec![7]), Condvar::new());
    /// let wait = Duration::from_millis(1);
    /// let (mut guard, result) = more.wait_timeout_while(jobs.lock(), wait, |jobs| jobs.is_empty());
    /// assert!(!result.timed_out());
    /// assert_eq!(guard.pop(), Some(7));
    /// # });
    /// ```
    pub fn wait_timeout_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        duration: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> (MutexGuard<'a, T>, WaitTimeoutResult) {
        let deadline = after(duration);
        let mut result = WaitTimeoutResult(false);
        while condition(&mut guard) {
            if result.timed_out() {
                return (guard, result);
            }
            (guard, result) = self.wait_by(guard, deadline);
        }
        (guard, WaitTimeoutResult(false))
    }

    fn wait_by<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> (MutexGuard<'a, T>, WaitTimeoutResult) {
        let mutex: &'a Mutex<T> = MutexGuard::mutex(&guard);
        let mut queue = self.queue.lock();
        let number = *queue;
        *queue += 1;
        // The lock is given up once the caller is in the queue: who changes the condition finds it there.
        let unlock = || drop(guard);
        let result = match queue.wait_after(0, Place::Back, number, REASON, deadline, unlock) {
            Ok(_) => WaitTimeoutResult(false),
            Err((stopped, _, queue)) => {
                drop(queue);
                timed_out(stopped);
                WaitTimeoutResult(true)
            }
        };
        (mutex.lock_uninterrupted(), result)
    }

    /// Ends the wait of the one who has waited longest, if any. Does not suspend. Best called with the lock held or just after: the condition
    /// has to be changed under it.
    pub fn notify_one(&self) {
        let mut queue = self.queue.lock();
        let served = queue.serve(0, |_| ());
        drop(queue);
        drop(served);
    }

    /// Ends the waits of all who wait now. Does not suspend.
    pub fn notify_all(&self) {
        let mut queue = self.queue.lock();
        let end = *queue;
        // One at a time: a wake-up is paid without the queue's lock. Who comes in the meantime has a number of `end` or above.
        while queue.first(0).is_some_and(|number| *number < end) {
            let served = queue.serve(0, |_| ());
            drop(queue);
            drop(served);
            queue = self.queue.lock();
        }
    }
}

impl Default for Condvar {
    fn default() -> Condvar {
        Condvar::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
