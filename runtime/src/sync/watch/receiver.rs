//! The receiving side.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{CLOSED, REASON, RECEIVERS, RecvError, RecvTimeoutError, Shared};
use crate::park::{Place, Stopped, serve_all};

/// Looks at the latest value, and waits for others. A clone has seen what this one has.
pub struct Receiver<T> {
    pub(super) shared: Arc<Shared<T>>,
    /// The version that was seen.
    pub(super) seen: u64,
}

impl<T> Receiver<T> {
    /// The latest value, which does not count as seen by that. It stays what it is, whatever is sent meanwhile. Does not suspend.
    pub fn borrow(&self) -> Arc<T> {
        self.shared.queue.lock().value.clone()
    }

    /// The latest value, which counts as seen. Does not suspend.
    pub fn borrow_and_update(&mut self) -> Arc<T> {
        let locked = self.shared.queue.lock();
        self.seen = locked.version;
        locked.value.clone()
    }

    /// Whether there is a value that was not seen. Does not suspend.
    ///
    /// # Errors
    /// If there is none, and no sender any more: where [`Receiver::changed`] would fail.
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        let locked = self.shared.queue.lock();
        match locked.version != self.seen {
            true => Ok(true),
            false if locked.senders == 0 => Err(RecvError),
            false => Ok(false),
        }
    }

    /// Has the latest value count as not seen. Does not suspend.
    pub fn mark_changed(&mut self) {
        self.seen = self.shared.queue.lock().version.wrapping_sub(1);
    }

    /// Has the latest value count as seen. Does not suspend.
    pub fn mark_unchanged(&mut self) {
        self.seen = self.shared.queue.lock().version;
    }

    /// Waits for a value that was not seen; it counts as seen then. Suspends the calling coroutine; on an OS thread, blocks that thread. A cancelled
    /// caller that has to wait unwinds. Without having to wait, it lets the others run now and then.
    ///
    /// # Errors
    /// If there is none, and no sender any more.
    pub fn changed(&mut self) -> Result<(), RecvError> {
        self.next(None).map(drop).map_err(|_| RecvError)
    }

    /// [`Receiver::changed`] that waits for at most `timeout`.
    ///
    /// # Errors
    /// As for [`Receiver::changed`], and if the time is over first.
    pub fn changed_timeout(&mut self, timeout: Duration) -> Result<(), RecvTimeoutError> {
        self.next(crate::now().checked_add(timeout)).map(drop)
    }

    /// [`Receiver::changed`] that waits until `deadline`, by the clock of [`now`](crate::now).
    ///
    /// # Errors
    /// As for [`Receiver::changed`], and if the time is over first.
    pub fn changed_deadline(&mut self, deadline: Instant) -> Result<(), RecvTimeoutError> {
        self.next(Some(deadline)).map(drop)
    }

    /// Waits for a value that meets `condition`, beginning with the one that is there, and returns it. What `condition` has looked at
    /// counts as seen. Values that are replaced quickly may not be looked at. Waits as [`Receiver::changed`] does.
    ///
    /// # Errors
    /// If there is no sender any more, and the last value does not meet it.
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// use greenwood_runtime::{spawn, sync::watch};
    ///
    /// let (sender, mut receiver) = watch::channel(0);
    /// spawn(move || (1..=5).for_each(|n| drop(sender.send(n))));
    /// assert_eq!(receiver.wait_for(|n| *n >= 5).as_deref(), Ok(&5));
    /// # });
    /// ```
    pub fn wait_for(&mut self, condition: impl FnMut(&T) -> bool) -> Result<Arc<T>, RecvError> {
        self.find(condition, None).map_err(|_| RecvError)
    }

    /// [`Receiver::wait_for`] that waits for at most `timeout`.
    ///
    /// # Errors
    /// As for [`Receiver::wait_for`], and if the time is over first.
    pub fn wait_for_timeout(
        &mut self,
        condition: impl FnMut(&T) -> bool,
        timeout: Duration,
    ) -> Result<Arc<T>, RecvTimeoutError> {
        self.find(condition, crate::now().checked_add(timeout))
    }

    /// Whether both are of one channel.
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    fn find(
        &mut self,
        mut condition: impl FnMut(&T) -> bool,
        deadline: Option<Instant>,
    ) -> Result<Arc<T>, RecvTimeoutError> {
        let mut value = self.borrow_and_update();
        while !condition(&value) {
            value = self.next(deadline)?;
        }
        Ok(value)
    }

    /// The next value that was not seen.
    fn next(&mut self, deadline: Option<Instant>) -> Result<Arc<T>, RecvTimeoutError> {
        crate::checkpoint();
        loop {
            let locked = self.shared.queue.lock();
            if locked.version != self.seen {
                self.seen = locked.version;
                return Ok(locked.value.clone());
            }
            if locked.senders == 0 {
                return Err(RecvTimeoutError::Closed);
            }
            if let Err((stopped, (), locked)) =
                locked.wait(RECEIVERS, Place::Back, (), REASON, deadline)
            {
                drop(locked);
                match stopped {
                    Stopped::TimedOut => return Err(RecvTimeoutError::Timeout),
                    Stopped::Interrupted(interrupt) => interrupt.unwind(),
                }
            }
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        self.shared.queue.lock().receivers += 1;
        Receiver { shared: self.shared.clone(), seen: self.seen }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut locked = self.shared.queue.lock();
        locked.receivers -= 1;
        if locked.receivers == 0 {
            let wakeups = serve_all(&mut locked, CLOSED, |()| ());
            drop(locked);
            drop(wakeups);
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("value", &self.borrow()).finish_non_exhaustive()
    }
}
