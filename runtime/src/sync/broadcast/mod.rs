//! A channel that hands each value to every receiver, and forgets the oldest ones when receivers are slow.
//!
//! ```
//! # greenwood_runtime::run(|| {
//! use greenwood_runtime::{spawn, sync::broadcast};
//!
//! let (sender, mut first) = broadcast::channel(16);
//! let mut second = sender.subscribe();
//! let other = spawn(move || [second.recv(), second.recv(), second.recv()]);
//! sender.send('a').unwrap();
//! sender.send('b').unwrap();
//! drop(sender);
//! let all = [Ok('a'), Ok('b'), Err(broadcast::RecvError::Closed)];
//! assert_eq!([first.recv(), first.recv(), first.recv()], all);
//! assert_eq!(other.join().unwrap(), all);
//! # });
//! ```

mod error;
mod receiver;
mod ring;
mod sender;

pub use error::{RecvError, RecvTimeoutError, SendError, TryRecvError};
pub use receiver::Receiver;
pub use sender::Sender;

use std::sync::Arc;

use crate::park::{Queue, Reason};
use ring::Ring;

/// A channel that keeps up to `capacity` values for those who have not received them. The semantics are
/// [tokio's](https://docs.rs/tokio/latest/tokio/sync/broadcast/index.html), except that the capacity is not rounded up.
///
/// A value is dropped when all who were subscribed when it was sent have it, or when it is overwritten. Values are cloned and dropped
/// without any lock held, so receivers clone one value side by side: to be used from several threads, it has to be [`Sync`].
///
/// # Panics
/// If `capacity` is 0.
#[track_caller]
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a broadcast channel keeps at least one value");
    let state = State { ring: Ring::new(capacity), senders: 1, receivers: 1 };
    let shared = Arc::new(Shared { queue: Queue::new(state) });
    (Sender { shared: shared.clone() }, Receiver { shared, next: 0 })
}

#[derive(Debug)]
struct Shared<T> {
    queue: Queue<State<T>, (), 2>,
}

/// The list of receivers that wait for a value.
const RECEIVERS: usize = 0;
/// The list of senders that wait for the receivers to go.
const CLOSED: usize = 1;

const REASON: &Reason = &Reason("broadcast");

#[derive(Debug)]
struct State<T> {
    ring: Ring<T>,
    senders: usize,
    receivers: usize,
}
