//! The sending side.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{CLOSED, RECEIVERS, Receiver, SendError, Shared};
use crate::park::{Place, Reason, Stopped, serve_all};

/// Sends values to all receivers. Clones send to the same. When the last one is dropped, receivers get what is left and then
/// [`Closed`](super::RecvError::Closed).
pub struct Sender<T> {
    pub(super) shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Sends a value to all receivers, and returns how many there are. Never waits: if the channel is full, the oldest value is dropped, and
    /// receivers that had not got it yet are told.
    ///
    /// # Errors
    /// The value, if there is no receiver. There may be later ones, by [`Sender::subscribe`].
    pub fn send(&self, value: T) -> Result<usize, SendError<T>> {
        let value = Arc::new(value);
        let mut locked = self.shared.queue.lock();
        let receivers = locked.receivers;
        if receivers == 0 {
            drop(locked);
            // Nobody else has seen it.
            return Err(SendError(Arc::into_inner(value).unwrap_or_else(|| unreachable!())));
        }
        let overwritten = locked.ring.push(value, receivers);
        let wakeups = serve_all(&mut locked, RECEIVERS, |()| ());
        drop(locked);
        drop(wakeups);
        drop(overwritten);
        Ok(receivers)
    }

    /// A receiver of what is sent from now on. Does not suspend.
    pub fn subscribe(&self) -> Receiver<T> {
        let mut locked = self.shared.queue.lock();
        locked.receivers += 1;
        let next = locked.ring.end();
        Receiver { shared: self.shared.clone(), next }
    }

    /// How many receivers there are. Does not suspend.
    pub fn receiver_count(&self) -> usize {
        self.shared.queue.lock().receivers
    }

    /// How many values some receiver has not got yet. Does not suspend.
    pub fn len(&self) -> usize {
        self.shared.queue.lock().ring.len()
    }

    /// Whether all receivers have got all values. Does not suspend.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
        match locked.wait(CLOSED, Place::Back, (), &Reason("broadcast closed"), deadline) {
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

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("len", &self.len()).finish_non_exhaustive()
    }
}
