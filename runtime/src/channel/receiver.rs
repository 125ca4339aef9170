//! The receiving half.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::channel::{Channel, RECEIVE};
use super::iter::{Iter, TryIter};
use super::timer::Timed;
use super::{RecvError, RecvTimeoutError, TryRecvError};
use crate::park::{self, Wake};

/// The receiving half of a channel. Each message goes to one of the clones. When the last goes, senders get an error, and the messages
/// that are left are dropped.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use std::time::Duration;
/// use greenwood_runtime::channel::{RecvTimeoutError, unbounded};
///
/// let (s, r) = unbounded();
/// s.send("hello").unwrap();
/// assert_eq!(r.recv(), Ok("hello"));
/// assert_eq!(r.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
/// # });
/// ```
pub struct Receiver<T> {
    pub(super) flavor: Flavor<T>,
}

pub(super) enum Flavor<T> {
    Channel(Arc<Channel<T>>),
    Timer(Arc<dyn Timed<T>>),
    Never,
}

impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

impl<T> Receiver<T> {
    /// Receives a message, waiting until there is one.
    ///
    /// While it waits it suspends the calling coroutine, or blocks the calling OS thread. A cancelled caller unwinds, and takes no message.
    ///
    /// # Errors
    /// [`RecvError`] if the channel is empty and all senders are gone.
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// use greenwood_runtime::channel::{RecvError, unbounded};
    ///
    /// let (s, r) = unbounded();
    /// greenwood_runtime::spawn(move || s.send(5));
    /// assert_eq!(r.recv(), Ok(5));
    /// assert_eq!(r.recv(), Err(RecvError));
    /// # });
    /// ```
    #[inline(always)]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.recv_until(None).map_err(|_| RecvError)
    }

    /// Receives a message if there is one. Does not suspend, with one exception: where the only sender waits in a
    /// [`select!`](crate::channel::select), it waits until that sender has made its message.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if there is none, [`TryRecvError::Disconnected`] if there will be none.
    ///
    /// ```
    /// use greenwood_runtime::channel::{TryRecvError, unbounded};
    ///
    /// let (s, r) = unbounded();
    /// assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
    /// s.send(5).unwrap();
    /// drop(s);
    /// assert_eq!(r.try_recv(), Ok(5));
    /// assert_eq!(r.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        match &self.flavor {
            Flavor::Channel(channel) => channel.try_recv(),
            Flavor::Timer(timed) => timed.timer().try_recv().map(|at| timed.message(at)),
            Flavor::Never => Err(TryRecvError::Empty),
        }
    }

    /// [`Receiver::recv`] that waits for at most `timeout`.
    ///
    /// # Errors
    /// [`RecvTimeoutError::Timeout`] when the time is over, [`RecvTimeoutError::Disconnected`] if the channel is empty and all senders
    /// are gone.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        // A time that the clock cannot tell does not come.
        self.recv_until(crate::now().checked_add(timeout))
    }

    /// [`Receiver::recv`] that waits until `deadline` at most, by the clock of [`now`](crate::now).
    ///
    /// # Errors
    /// As for [`Receiver::recv_timeout`].
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_until(Some(deadline))
    }

    #[inline(always)]
    fn recv_until(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        match &self.flavor {
            Flavor::Channel(channel) => channel.recv(deadline),
            Flavor::Timer(timed) => timed.timer().recv(deadline).map(|at| timed.message(at)),
            Flavor::Never => loop {
                if park::park_or_unwind(&RECEIVE, deadline) == Wake::TimedOut {
                    return Err(RecvTimeoutError::Timeout);
                }
            },
        }
    }

    /// Whether there is no message. Always so with a capacity of zero.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the channel has no room. Always so with a capacity of zero, never without a limit.
    pub fn is_full(&self) -> bool {
        match &self.flavor {
            Flavor::Channel(channel) => channel.is_full(),
            Flavor::Timer(timed) => timed.timer().is_ready(),
            Flavor::Never => true,
        }
    }

    /// How many messages the channel holds.
    pub fn len(&self) -> usize {
        match &self.flavor {
            Flavor::Channel(channel) => channel.len(),
            Flavor::Timer(timed) => usize::from(timed.timer().is_ready()),
            Flavor::Never => 0,
        }
    }

    /// How many messages the channel can hold: none without a limit, 1 for timers, 0 for [`never`](crate::channel::never).
    pub fn capacity(&self) -> Option<usize> {
        match &self.flavor {
            Flavor::Channel(channel) => channel.capacity(),
            Flavor::Timer(_) => Some(1),
            Flavor::Never => Some(0),
        }
    }

    /// An iterator over the messages, which waits for each, and ends when there will be none.
    ///
    /// ```
    /// use greenwood_runtime::channel::unbounded;
    ///
    /// let (s, r) = unbounded();
    /// (0..3).for_each(|i| s.send(i).unwrap());
    /// drop(s);
    /// assert_eq!(r.iter().sum::<i32>(), 3);
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { receiver: self }
    }

    /// An iterator over the messages that are there, which does not wait.
    ///
    /// ```
    /// use greenwood_runtime::channel::unbounded;
    ///
    /// let (s, r) = unbounded();
    /// (0..3).for_each(|i| s.send(i).unwrap());
    /// assert_eq!(r.try_iter().count(), 3);
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { receiver: self }
    }

    /// Whether both receive from the same channel.
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        match (&self.flavor, &other.flavor) {
            (Flavor::Channel(a), Flavor::Channel(b)) => Arc::ptr_eq(a, b),
            (Flavor::Timer(a), Flavor::Timer(b)) => Arc::ptr_eq(a, b),
            (Flavor::Never, Flavor::Never) => true,
            _ => false,
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        let flavor = match &self.flavor {
            Flavor::Channel(channel) => {
                let channel = channel.clone();
                channel.add_receiver();
                Flavor::Channel(channel)
            }
            Flavor::Timer(timed) => Flavor::Timer(timed.clone()),
            Flavor::Never => Flavor::Never,
        };
        Receiver { flavor }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if let Flavor::Channel(channel) = &self.flavor {
            channel.remove_receiver();
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Receiver { .. }")
    }
}
