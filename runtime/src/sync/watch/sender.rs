//! The sending side.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{CLOSED, RECEIVERS, Receiver, SendError, Shared};
use crate::park::{Place, Reason, Stopped, serve_all};
use crate::sync::Permit;

/// Sends values, each of which replaces the one before. Clones send to the same receivers. When the last one is dropped, receivers keep
/// the last value, and waits for another fail.
///
/// Sending waits only while another sender is in [`send_modify`](Sender::send_modify) or
/// [`send_if_modified`](Sender::send_if_modified): then it suspends the calling coroutine, or on an OS thread blocks that thread, and a cancelled
/// caller unwinds without having sent.
pub struct Sender<T> {
    pub(super) shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Replaces the value, and wakes the receivers.
    ///
    /// # Errors
    /// The value, if there is no receiver; the old one stays. [`Sender::send_replace`] sends it all the same.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.is_closed() {
            return Err(SendError(value));
        }
        drop(self.send_replace(value));
        Ok(())
    }

    /// Replaces the value, receivers or not, and returns the old one.
    ///
    /// ```
    /// use greenwood_runtime::sync::watch;
    ///
    /// let (sender, _) = watch::channel(1);
    /// assert_eq!(*sender.send_replace(2), 1);
    /// assert_eq!(*sender.subscribe().borrow(), 2);
    /// ```
    pub fn send_replace(&self, value: T) -> Arc<T> {
        let value = Arc::new(value);
        let writer = self.write();
        let old = self.replace(value);
        drop(writer);
        old
    }

    /// Changes the value, receivers or not. `modify` gets a clone, and when it returns, that is sent; if it panics, nothing is.
    ///
    /// `modify` may suspend. Other senders wait until it has returned, so it must not send to this channel itself: that would wait for ever.
    ///
    /// ```
    /// use greenwood_runtime::sync::watch;
    ///
    /// let (sender, receiver) = watch::channel(vec![1]);
    /// sender.send_modify(|list| list.push(2));
    /// assert_eq!(*receiver.borrow(), [1, 2]);
    /// ```
    pub fn send_modify(&self, modify: impl FnOnce(&mut T))
    where
        T: Clone,
    {
        self.send_if_modified(|value| {
            modify(value);
            true
        });
    }

    /// [`Sender::send_modify`] that sends the clone only if `modify` returns true, and drops it otherwise. Returns what `modify` did.
    pub fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool
    where
        T: Clone,
    {
        let writer = self.write();
        let mut value = T::clone(&self.borrow());
        let modified = modify(&mut value);
        let dropped = match modified {
            true => Ok(self.replace(Arc::new(value))),
            false => Err(value),
        };
        drop(writer);
        drop(dropped);
        modified
    }

    /// The value. Does not suspend.
    pub fn borrow(&self) -> Arc<T> {
        self.shared.queue.lock().value.clone()
    }

    /// A receiver that has seen the value which is there now. Does not suspend.
    pub fn subscribe(&self) -> Receiver<T> {
        let mut locked = self.shared.queue.lock();
        locked.receivers += 1;
        Receiver { shared: self.shared.clone(), seen: locked.version }
    }

    /// How many receivers there are. Does not suspend.
    pub fn receiver_count(&self) -> usize {
        self.shared.queue.lock().receivers
    }

    /// How many senders there are. Does not suspend.
    pub fn sender_count(&self) -> usize {
        self.shared.queue.lock().senders
    }

    /// Whether there is no receiver. Does not suspend.
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// Whether both are of one channel.
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Waits until there is no receiver. Suspends the calling coroutine; on an OS thread, blocks that thread. A cancelled caller that has
    /// to wait unwinds.
    #[doc(alias = "closed")]
    pub fn wait_closed(&self) {
        self.wait_closed_for(None);
    }

    /// [`Sender::wait_closed`] for at most `timeout`. Says whether the receivers were gone.
    pub fn wait_closed_timeout(&self, timeout: Duration) -> bool {
        self.wait_closed_for(crate::now().checked_add(timeout))
    }

    fn wait_closed_for(&self, deadline: Option<Instant>) -> bool {
        let locked = self.shared.queue.lock();
        if locked.receivers == 0 {
            return true;
        }
        match locked.wait(CLOSED, Place::Back, (), &Reason("watch closed"), deadline) {
            Ok(()) => true,
            Err((stopped, (), locked)) => {
                drop(locked);
                match stopped {
                    Stopped::TimedOut => false,
                    Stopped::Interrupted(interrupt) => interrupt.unwind(),
                }
            }
        }
    }

    fn write(&self) -> Permit<'_> {
        self.shared.writer.acquire().unwrap_or_else(|_| unreachable!("never closed"))
    }

    /// For whoever holds `writer`.
    fn replace(&self, value: Arc<T>) -> Arc<T> {
        let mut locked = self.shared.queue.lock();
        let old = std::mem::replace(&mut locked.value, value);
        locked.version += 1;
        let wakeups = serve_all(&mut locked, RECEIVERS, |()| ());
        drop(locked);
        drop(wakeups);
        old
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.shared.queue.lock().senders += 1;
        Sender { shared: self.shared.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut locked = self.shared.queue.lock();
        locked.senders -= 1;
        if locked.senders == 0 {
            let wakeups = serve_all(&mut locked, RECEIVERS, |()| ());
            drop(locked);
            drop(wakeups);
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("value", &self.borrow()).finish_non_exhaustive()
    }
}
