//! The sending half.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::channel::Channel;
use super::{SendError, SendTimeoutError, TrySendError};

/// The sending half of a channel. Clones send into the same one; when the last goes, receivers get what is left, then an error.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use greenwood_runtime::channel::unbounded;
///
/// let (s, r) = unbounded();
/// for id in 0..3 {
///     let s = s.clone();
///     greenwood_runtime::spawn(move || s.send(id).unwrap());
/// }
/// drop(s);
/// let mut ids: Vec<i32> = r.iter().collect();
/// ids.sort();
/// assert_eq!(ids, [0, 1, 2]);
/// # });
/// ```
pub struct Sender<T> {
    pub(super) channel: Arc<Channel<T>>,
}

impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}

impl<T> Sender<T> {
    /// Sends a message, waiting until there is room for it; with a capacity of zero, until a receiver takes it.
    ///
    /// While it waits it suspends the calling coroutine, or blocks the calling OS thread. A cancelled caller unwinds; its
    /// message, which was not accepted, is dropped.
    ///
    /// # Errors
    /// [`SendError`], with the message, if all receivers are gone.
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// use greenwood_runtime::channel::{SendError, bounded};
    ///
    /// let (s, r) = bounded(0);
    /// let receiver = greenwood_runtime::spawn(move || r.recv());
    /// assert_eq!(s.send(1), Ok(()));
    /// assert_eq!(receiver.join().unwrap(), Ok(1));
    /// assert_eq!(s.send(2), Err(SendError(2)));
    /// # });
    /// ```
    #[inline(always)]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.channel.send(message, None).map_err(|e| SendError(e.into_inner()))
    }

    /// Sends a message if that takes no waiting. Does not suspend.
    ///
    /// # Errors
    /// [`TrySendError::Full`] if there is no room, or, with a capacity of zero, nobody waits for a message;
    /// [`TrySendError::Disconnected`] if all receivers are gone. Both hold the message.
    ///
    /// ```
    /// use greenwood_runtime::channel::{TrySendError, bounded};
    ///
    /// let (s, r) = bounded(1);
    /// assert_eq!(s.try_send(1), Ok(()));
    /// assert_eq!(s.try_send(2), Err(TrySendError::Full(2)));
    /// drop(r);
    /// assert_eq!(s.try_send(3), Err(TrySendError::Disconnected(3)));
    /// ```
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.channel.try_send(message)
    }

    /// [`Sender::send`] that waits for at most `timeout`.
    ///
    /// # Errors
    /// [`SendTimeoutError::Timeout`] when the time is over, [`SendTimeoutError::Disconnected`] if all receivers are gone. Both hold the
    /// message: one that was accepted as the time ran out counts as sent.
    ///
    /// ```
    /// use std::time::Duration;
    /// use greenwood_runtime::channel::{SendTimeoutError, bounded};
    ///
    /// let (s, _r) = bounded(0);
    /// assert_eq!(s.send_timeout(7, Duration::from_millis(1)), Err(SendTimeoutError::Timeout(7)));
    /// ```
    pub fn send_timeout(&self, message: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        // A time that the clock cannot tell does not come.
        self.channel.send(message, crate::now().checked_add(timeout))
    }

    /// [`Sender::send`] that waits until `deadline` at most, by the clock of [`now`](crate::now).
    ///
    /// # Errors
    /// As for [`Sender::send_timeout`].
    pub fn send_deadline(&self, message: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.channel.send(message, Some(deadline))
    }

    /// Whether the channel holds no message. Always so with a capacity of zero.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the channel has no room. Always so with a capacity of zero, never without a limit.
    pub fn is_full(&self) -> bool {
        self.channel.is_full()
    }

    /// How many messages the channel holds.
    pub fn len(&self) -> usize {
        self.channel.len()
    }

    /// How many messages the channel can hold. None without a limit.
    pub fn capacity(&self) -> Option<usize> {
        self.channel.capacity()
    }

    /// Whether both send into the same channel.
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        Arc::ptr_eq(&self.channel, &other.channel)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        let channel = self.channel.clone();
        channel.add_sender();
        Sender { channel }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.channel.remove_sender();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Sender { .. }")
    }
}
