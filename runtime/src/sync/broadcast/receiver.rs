//! The receiving side.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ring::Found;
use super::{CLOSED, REASON, RECEIVERS, RecvError, RecvTimeoutError, Shared, TryRecvError};
use crate::park::{Place, Stopped, serve_all};

/// Receives each value that is sent while it exists.
pub struct Receiver<T> {
    pub(super) shared: Arc<Shared<T>>,
    /// The position of the next value to receive.
    pub(super) next: u64,
}

impl<T: Clone> Receiver<T> {
    /// Receives the next value, and waits for it. Waiting suspends the calling coroutine; on an OS thread, it blocks that thread. A cancelled
    /// caller that has to wait unwinds, and has received nothing. Receiving without waiting lets the others run now and then.
    ///
    /// # Errors
    /// If values were overwritten before this got them, or none is left and there is no sender any more.
    ///
    /// ```
    /// use greenwood_runtime::sync::broadcast::{self, RecvError};
    ///
    /// let (sender, mut receiver) = broadcast::channel(2);
    /// (1..=5).for_each(|n| drop(sender.send(n)));
    /// assert_eq!(receiver.recv(), Err(RecvError::Lagged(3)));
    /// assert_eq!((receiver.recv(), receiver.recv()), (Ok(4), Ok(5)));
    /// ```
    pub fn recv(&mut self) -> Result<T, RecvError> {
        self.recv_for(None).map_err(|error| match error {
            RecvTimeoutError::Lagged(lost) => RecvError::Lagged(lost),
            // Without a deadline nothing else is left.
            RecvTimeoutError::Closed | RecvTimeoutError::Timeout => RecvError::Closed,
        })
    }

    /// [`Receiver::recv`] that waits for at most `timeout`.
    ///
    /// # Errors
    /// As for [`Receiver::recv`], and if the time is over first.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_for(crate::now().checked_add(timeout))
    }

    /// [`Receiver::recv`] that waits until `deadline`, by the clock of [`now`](crate::now).
    ///
    /// # Errors
    /// As for [`Receiver::recv`], and if the time is over first.
    pub fn recv_deadline(&mut self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_for(Some(deadline))
    }

    /// Receives the next value if there is one. Does not suspend.
    ///
    /// # Errors
    /// As for [`Receiver::recv`], and if there is none yet.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let mut locked = self.shared.queue.lock();
        let found = locked.ring.take(&mut self.next);
        let closed = locked.senders == 0;
        drop(locked);
        match found {
            Found::Value(value) => Ok(Arc::unwrap_or_clone(value)),
            Found::Lagged(lost) => Err(TryRecvError::Lagged(lost)),
            Found::Nothing if closed => Err(TryRecvError::Closed),
            Found::Nothing => Err(TryRecvError::Empty),
        }
    }

    fn recv_for(&mut self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        crate::checkpoint();
        loop {
            let mut locked = self.shared.queue.lock();
            match locked.ring.take(&mut self.next) {
                Found::Value(value) => {
                    drop(locked);
                    return Ok(Arc::unwrap_or_clone(value));
                }
                Found::Lagged(lost) => return Err(RecvTimeoutError::Lagged(lost)),
                Found::Nothing if locked.senders == 0 => return Err(RecvTimeoutError::Closed),
                Found::Nothing => {}
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

impl<T> Receiver<T> {
    /// Another receiver, of what is sent from now on. Does not suspend.
    pub fn resubscribe(&self) -> Receiver<T> {
        let mut locked = self.shared.queue.lock();
        locked.receivers += 1;
        let next = locked.ring.end();
        Receiver { shared: self.shared.clone(), next }
    }

    /// How many values were sent that this has not received, those included that were overwritten: if it is more than the capacity, the next
    /// [`recv`](Receiver::recv) says [`Lagged`](RecvError::Lagged). Does not suspend.
    pub fn len(&self) -> usize {
        (self.shared.queue.lock().ring.end() - self.next) as usize
    }

    /// Whether there is nothing to receive. Does not suspend.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no sender any more. Values may still be there. Does not suspend.
    pub fn is_closed(&self) -> bool {
        self.shared.queue.lock().senders == 0
    }

    /// Whether both are of one channel.
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut locked = self.shared.queue.lock();
        let unwanted = locked.ring.leave(self.next);
        locked.receivers -= 1;
        let wakeups = (locked.receivers == 0).then(|| serve_all(&mut locked, CLOSED, |()| ()));
        drop(locked);
        drop(wakeups);
        drop(unwanted);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("len", &self.len()).finish_non_exhaustive()
    }
}
