//! Failed receives.

use std::error::Error;
use std::fmt;

/// What [`Receiver::recv`](crate::channel::Receiver::recv) fails with when the channel is empty and all senders are gone.
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub struct RecvError;

/// What [`Receiver::try_recv`](crate::channel::Receiver::try_recv) fails with.
///
/// ```
/// use greenwood_runtime::channel::{TryRecvError, unbounded};
///
/// let (s, r) = unbounded::<u8>();
/// assert!(r.try_recv().unwrap_err().is_empty());
/// drop(s);
/// assert_eq!(r.try_recv(), Err(TryRecvError::Disconnected));
/// ```
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub enum TryRecvError {
    /// There is no message now.
    Empty,
    /// There is none, and all senders are gone.
    Disconnected,
}

/// What [`Receiver::recv_timeout`](crate::channel::Receiver::recv_timeout) fails with.
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub enum RecvTimeoutError {
    /// The time was over before there was a message.
    Timeout,
    /// There is none, and all senders are gone.
    Disconnected,
}

impl TryRecvError {
    /// Whether there is only no message now.
    pub fn is_empty(&self) -> bool {
        *self == TryRecvError::Empty
    }

    /// Whether all senders are gone.
    pub fn is_disconnected(&self) -> bool {
        *self == TryRecvError::Disconnected
    }
}

impl RecvTimeoutError {
    /// Whether the time was over.
    pub fn is_timeout(&self) -> bool {
        *self == RecvTimeoutError::Timeout
    }

    /// Whether all senders are gone.
    pub fn is_disconnected(&self) -> bool {
        *self == RecvTimeoutError::Disconnected
    }
}

const DISCONNECTED: &str = "receiving on an empty channel without senders";

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(DISCONNECTED)
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            TryRecvError::Empty => "receiving on an empty channel",
            TryRecvError::Disconnected => DISCONNECTED,
        })
    }
}

impl fmt::Display for RecvTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            RecvTimeoutError::Timeout => "the time for receiving is over",
            RecvTimeoutError::Disconnected => DISCONNECTED,
        })
    }
}

impl Error for RecvError {}
impl Error for TryRecvError {}
impl Error for RecvTimeoutError {}

impl From<RecvError> for TryRecvError {
    fn from(_: RecvError) -> TryRecvError {
        TryRecvError::Disconnected
    }
}

impl From<RecvError> for RecvTimeoutError {
    fn from(_: RecvError) -> RecvTimeoutError {
        RecvTimeoutError::Disconnected
    }
}
