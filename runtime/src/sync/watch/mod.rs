//! A channel that holds one value, the latest, and tells receivers that it has changed.
//!
//! ```
//! # greenwood_runtime::run(|| {
//! use greenwood_runtime::{spawn, sync::watch};
//!
//! let (sender, mut receiver) = watch::channel("starting");
//! let observer = spawn(move || {
//!     while receiver.changed().is_ok() {}
//!     *receiver.borrow()
//! });
//! sender.send("running").unwrap();
//! sender.send("done").unwrap();
//! drop(sender);
//! assert_eq!(observer.join().unwrap(), "done");
//! # });
//! ```

mod error;
mod receiver;
mod sender;

pub use error::{RecvError, RecvTimeoutError, SendError};
pub use receiver::Receiver;
pub use sender::Sender;

use std::sync::Arc;

use super::Semaphore;
use crate::park::{Queue, Reason};

/// A channel that holds `value` until another is sent. The receiver has seen this one.
///
/// The semantics are [tokio's](https://docs.rs/tokio/latest/tokio/sync/watch/index.html), with one difference: who looks at the value
/// gets it as an [`Arc`], not under a lock, and can keep it for as long as it likes. So each value sent takes an allocation, and a value
/// is changed in place by changing a clone.
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let state = State { value: Arc::new(value), version: 0, senders: 1, receivers: 1 };
    let shared = Arc::new(Shared { writer: Semaphore::new(1), queue: Queue::new(state) });
    (Sender { shared: shared.clone() }, Receiver { shared, seen: 0 })
}

#[derive(Debug)]
struct Shared<T> {
    /// Held by whoever replaces the value: nobody else does between its looking at the old one and its sending the new one.
    writer: Semaphore,
    queue: Queue<State<T>, (), 2>,
}

/// The list of receivers that wait for a change.
const RECEIVERS: usize = 0;
/// The list of senders that wait for the receivers to go.
const CLOSED: usize = 1;

const REASON: &Reason = &Reason("watch");

#[derive(Debug)]
struct State<T> {
    value: Arc<T>,
    /// How many were sent.
    version: u64,
    senders: usize,
    receivers: usize,
}
