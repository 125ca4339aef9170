//! [`std::sync::mpsc`] again: channels with one receiver, for any mix of coroutines and OS threads.
//!
//! Change `use std::sync::mpsc` to `use greenwood_runtime::sync::mpsc`, and what would block a thread suspends a coroutine. Errors are std's own
//! types. For several receivers, `select!` and more, see [`mod@channel`], on which this is built.
//!
//! ```
//! # greenwood_runtime::run(|| {
//! use greenwood_runtime::sync::mpsc;
//!
//! let (sender, receiver) = mpsc::channel();
//! for id in 0..3 {
//!     let sender = sender.clone();
//!     greenwood_runtime::spawn(move || sender.send(id).unwrap());
//! }
//! drop(sender);
//! assert_eq!(receiver.iter().sum::<i32>(), 3);
//! # });
//! ```

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};

use crate::channel;

/// A channel without a limit, as [`std::sync::mpsc::channel`].
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (s, r) = channel::unbounded();
    (Sender(s), Receiver::new(r))
}

/// A channel that holds up to `bound` messages, as [`std::sync::mpsc::sync_channel`]. With a bound of 0, sender and receiver wait for each other.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use greenwood_runtime::sync::mpsc::{TrySendError, sync_channel};
///
/// let (sender, receiver) = sync_channel(1);
/// sender.send(1).unwrap();
/// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
/// assert_eq!(receiver.recv(), Ok(1));
/// # });
/// ```
pub fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
    let (s, r) = channel::bounded(bound);
    (SyncSender(s), Receiver::new(r))
}

/// The sending half of [`channel()`]. Its clones send to the same receiver.
pub struct Sender<T>(channel::Sender<T>);

/// The sending half of [`sync_channel`]. Its clones send to the same receiver.
pub struct SyncSender<T>(channel::Sender<T>);

/// The receiving half. There is one, used by one coroutine or thread at a time.
pub struct Receiver<T> {
    channel: channel::Receiver<T>,
    /// Not `Sync`, as std's.
    _one: PhantomData<Cell<()>>,
}

impl<T> Sender<T> {
    /// Sends a message. Never waits, but counts towards the caller's [turn](crate::checkpoint).
    ///
    /// # Errors
    /// [`SendError`], with the message, if the receiver is gone.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.0.send(message).map_err(|e| SendError(e.0))
    }
}

impl<T> SyncSender<T> {
    /// Sends a message, waiting until there is room for it. Suspends the calling coroutine meanwhile, or blocks the calling OS
    /// thread; a cancelled caller unwinds, and its message is dropped.
    ///
    /// # Errors
    /// [`SendError`], with the message, if the receiver is gone.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.0.send(message).map_err(|e| SendError(e.0))
    }

    /// Sends a message if there is room for it. Does not suspend.
    ///
    /// # Errors
    /// [`TrySendError`], with the message, if there is none or the receiver is gone.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.0.try_send(message).map_err(|e| match e {
            channel::TrySendError::Full(message) => TrySendError::Full(message),
            channel::TrySendError::Disconnected(message) => TrySendError::Disconnected(message),
        })
    }
}

impl<T> Receiver<T> {
    fn new(channel: channel::Receiver<T>) -> Receiver<T> {
        Receiver { channel, _one: PhantomData }
    }

    /// Receives a message, waiting until there is one. Suspends the calling coroutine meanwhile, or blocks the calling OS thread; a
    /// cancelled caller unwinds, and takes no message.
    ///
    /// # Errors
    /// [`RecvError`] if there is no message and all senders are gone.
    pub fn recv(&self) -> Result<T, RecvError> {
        self.channel.recv().map_err(|_| RecvError)
    }

    /// Receives a message if there is one. Does not suspend.
    ///
    /// # Errors
    /// [`TryRecvError`] if there is none, or will be none.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.channel.try_recv().map_err(|e| match e {
            channel::TryRecvError::Empty => TryRecvError::Empty,
            channel::TryRecvError::Disconnected => TryRecvError::Disconnected,
        })
    }

    /// [`Receiver::recv`] that waits for at most `timeout`.
    ///
    /// # Errors
    /// [`RecvTimeoutError`] when the time is over, or if there is no message and all senders are gone.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.channel.recv_timeout(timeout).map_err(|e| match e {
            channel::RecvTimeoutError::Timeout => RecvTimeoutError::Timeout,
            channel::RecvTimeoutError::Disconnected => RecvTimeoutError::Disconnected,
        })
    }

    /// An iterator that waits for each message, and ends when there will be none.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    /// An iterator over the messages that are there, which does not wait.
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter(self)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        Sender(self.0.clone())
    }
}

impl<T> Clone for SyncSender<T> {
    fn clone(&self) -> SyncSender<T> {
        SyncSender(self.0.clone())
    }
}

/// An iterator that waits for each message. From [`Receiver::iter`].
#[derive(Debug)]
pub struct Iter<'a, T>(&'a Receiver<T>);

/// An iterator that does not wait. From [`Receiver::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a, T>(&'a Receiver<T>);

/// An iterator that waits for each message and owns the receiver.
#[derive(Debug)]
pub struct IntoIter<T>(Receiver<T>);

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.try_recv().ok()
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter(self)
    }
}

macro_rules! opaque {
    ($($name:ident)*) => {$(
        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}
opaque!(Sender SyncSender Receiver);
