//! A channel for one value.
//!
//! ```
//! # greenwood_runtime::run(|| {
//! use greenwood_runtime::{spawn, sync::oneshot};
//!
//! let (answer, question) = oneshot::channel();
//! spawn(move || answer.send(6 * 7));
//! assert_eq!(question.recv(), Ok(42));
//! # });
//! ```

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::park::{Place, Queue, Reason, Stopped, serve_all};

/// A channel for one value. It takes one allocation.
///
/// Whichever side goes first, the value is received, handed back or dropped, once. As
/// [tokio's](https://docs.rs/tokio/latest/tokio/sync/oneshot/index.html), but that the receiver's methods need no `mut`.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let state = State { value: None, sender: true, receiver: true };
    let shared = Arc::new(Queue::new(state));
    (Sender(Some(shared.clone())), Receiver(Some(shared)))
}

/// The list of receivers, which are handed the value.
const RECEIVER: usize = 0;
/// The list of senders that wait for the receiver to go.
const SENDER: usize = 1;

type Shared<T> = Arc<Queue<State<T>, Option<T>, 2>>;

#[derive(Debug)]
struct State<T> {
    /// Sent, and not received yet.
    value: Option<T>,
    /// Whether a value may still come.
    sender: bool,
    /// Whether it would be taken.
    receiver: bool,
}

/// Sends the value. Dropped without having sent any, it has the receiver fail.
pub struct Sender<T>(Option<Shared<T>>);

/// Receives the value. Dropping it drops a value that was sent and not received.
///
/// Threads that share a reference to it can all wait: one gets the value, and the others fail.
pub struct Receiver<T>(Option<Shared<T>>);

/// Sender and receiver let go of it before they are dropped if the other side needs not be told.
fn shared<T>(side: &Option<Shared<T>>) -> &Queue<State<T>, Option<T>, 2> {
    side.as_ref().unwrap_or_else(|| unreachable!())
}

impl<T> Sender<T> {
    /// Sends the value. Never waits.
    ///
    /// # Errors
    /// The value, if the receiver is gone or [closed](Receiver::close). If not, the receiver may still go without having received it.
    pub fn send(mut self, value: T) -> Result<(), T> {
        let Some(shared) = self.0.take() else { unreachable!() };
        let mut locked = shared.lock();
        locked.sender = false;
        if !locked.receiver {
            return Err(value);
        }
        let mut value = Some(value);
        let wakeups = serve_all(&mut locked, RECEIVER, |slot| *slot = value.take());
        if value.is_some() {
            locked.value = value;
        }
        drop(locked);
        drop(wakeups);
        Ok(())
    }

    /// Whether the receiver is gone or [closed](Receiver::close). Does not suspend.
    pub fn is_closed(&self) -> bool {
        !shared(&self.0).lock().receiver
    }

    /// Waits until the receiver is gone or [closed](Receiver::close), to stop work whose result nobody wants. Suspends the calling
    /// coroutine; on an OS thread, blocks that thread. A cancelled caller unwinds.
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// use greenwood_runtime::{spawn, sync::oneshot};
    ///
    /// let (sender, receiver) = oneshot::channel::<u8>();
    /// spawn(move || drop(receiver));
    /// sender.wait_closed();
    /// assert_eq!(sender.send(1), Err(1));
    /// # });
    /// ```
    #[doc(alias = "closed")]
    pub fn wait_closed(&self) {
        self.wait_closed_for(None);
    }

    /// [`Sender::wait_closed`] for at most `timeout`. Says whether it is closed.
    pub fn wait_closed_timeout(&self, timeout: Duration) -> bool {
        self.wait_closed_for(crate::now().checked_add(timeout))
    }

    fn wait_closed_for(&self, deadline: Option<Instant>) -> bool {
        let locked = shared(&self.0).lock();
        if !locked.receiver {
            return true;
        }
        match locked.wait(SENDER, Place::Back, None, &Reason("oneshot closed"), deadline) {
            Ok(_) => true,
            Err((stopped, _, locked)) => {
                drop(locked);
                match stopped {
                    Stopped::TimedOut => false,
                    Stopped::Interrupted(interrupt) => interrupt.unwind(),
                }
            }
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let Some(shared) = &self.0 else { return };
        let mut locked = shared.lock();
        locked.sender = false;
        let wakeups = serve_all(&mut locked, RECEIVER, |_| ());
        drop(locked);
        drop(wakeups);
    }
}

impl<T> Receiver<T> {
    /// Waits for the value. Suspends the calling coroutine; on an OS thread, blocks that thread. A cancelled caller that has to wait unwinds, and so
    /// gives the receiver up.
    ///
    /// # Errors
    /// If the sender was dropped without having sent one.
    pub fn recv(mut self) -> Result<T, RecvError> {
        let result = self.recv_for(None).map_err(|_| RecvError);
        // The sender is gone, or has been told.
        self.0 = None;
        result
    }

    /// [`Receiver::recv`] for at most `timeout`.
    ///
    /// # Errors
    /// If the time is over first, or no value will come: the sender was dropped, or the value was received before.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_for(crate::now().checked_add(timeout))
    }

    /// [`Receiver::recv`] until `deadline`, by the clock of [`now`](crate::now).
    ///
    /// # Errors
    /// As for [`Receiver::recv_timeout`].
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_for(Some(deadline))
    }

    /// Takes the value if it is there. Does not suspend.
    ///
    /// # Errors
    /// If it has not been sent yet, or none will come: the sender was dropped, or the value was received before.
    ///
    /// ```
    /// use greenwood_runtime::sync::oneshot::{self, TryRecvError};
    ///
    /// let (sender, receiver) = oneshot::channel();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// sender.send('a').unwrap();
    /// assert_eq!(receiver.try_recv(), Ok('a'));
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    /// ```
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut locked = shared(&self.0).lock();
        match locked.value.take() {
            Some(value) => Ok(value),
            None if locked.sender && locked.receiver => Err(TryRecvError::Empty),
            None => Err(TryRecvError::Closed),
        }
    }

    /// Has [`Sender::send`] fail from now on. A value that was sent before can still be received. Does not suspend.
    pub fn close(&self) {
        let mut locked = shared(&self.0).lock();
        locked.receiver = false;
        let senders = serve_all(&mut locked, SENDER, |_| ());
        // They would wait for what cannot come any more.
        let receivers = serve_all(&mut locked, RECEIVER, |_| ());
        drop(locked);
        drop((senders, receivers));
    }

    fn recv_for(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        let mut locked = shared(&self.0).lock();
        if let Some(value) = locked.value.take() {
            return Ok(value);
        }
        if !locked.sender || !locked.receiver {
            return Err(RecvTimeoutError::Closed);
        }
        match locked.wait(RECEIVER, Place::Back, None, &Reason("oneshot"), deadline) {
            Ok(value) => value.ok_or(RecvTimeoutError::Closed),
            Err((stopped, _, locked)) => {
                drop(locked);
                match stopped {
                    Stopped::TimedOut => Err(RecvTimeoutError::Timeout),
                    Stopped::Interrupted(interrupt) => interrupt.unwind(),
                }
            }
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let Some(shared) = &self.0 else { return };
        let mut locked = shared.lock();
        locked.receiver = false;
        let value = locked.value.take();
        let wakeups = serve_all(&mut locked, SENDER, |_| ());
        drop(locked);
        drop(wakeups);
        drop(value);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// The sender was dropped without having sent a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecvError;

/// Why [`Receiver::try_recv`] returned no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// It has not been sent yet.
    Empty,
    /// It will not come.
    Closed,
}

/// Why [`Receiver::recv_timeout`] returned no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvTimeoutError {
    /// The time was over first.
    Timeout,
    /// It will not come.
    Closed,
}

const CLOSED: &str = "the channel is closed";

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(CLOSED)
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryRecvError::Empty => "no value has been sent yet",
            TryRecvError::Closed => CLOSED,
        })
    }
}

impl fmt::Display for RecvTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RecvTimeoutError::Timeout => "timed out waiting for the value",
            RecvTimeoutError::Closed => CLOSED,
        })
    }
}

impl Error for RecvError {}
impl Error for TryRecvError {}
impl Error for RecvTimeoutError {}
