//! Channels between coroutines and OS threads, with [crossbeam-channel](https://docs.rs/crossbeam-channel)'s interface.
//!
//! Any number of senders and receivers, in any mix of coroutines (of whichever workers) and OS threads. Code written for
//! crossbeam-channel compiles after a change of its `use`; where it would block a thread, this suspends the coroutine.
//!
//! # Order and fairness
//! Messages are received in the order in which they were sent, and those who wait are served first come, first served. An operation
//! that did not have to wait counts towards the caller's [turn](crate::checkpoint), so a channel that is always ready
//! starves nobody; calls that only try do not count, as they never suspend.
//!
//! # Nothing is lost
//! A message is accepted, or given back with an error. When a time-out or a cancellation comes at the same moment as a message, the
//! message counts. The message of a sender that is cancelled while it waits was not accepted, and is dropped as that sender unwinds.

#[allow(clippy::module_inception)]
mod channel;
mod error;
mod handover;
mod iter;
#[cfg(all(test, greenwood_loom))]
mod models;
mod new;
mod receiver;
mod select;
mod sender;
mod state;
mod timer;

pub use error::{
    ReadyTimeoutError, RecvError, RecvTimeoutError, SelectTimeoutError, SendError,
    SendTimeoutError, TryReadyError, TryRecvError, TrySelectError, TrySendError,
};
pub use iter::{IntoIter, Iter, TryIter};
pub use new::{after, at, bounded, never, tick, unbounded};
pub use receiver::Receiver;
#[doc(hidden)]
pub use select::internal;
pub use select::{Select, SelectedOperation};
pub use sender::Sender;

#[doc(inline)]
pub use crate::{__channel_select as select, __channel_select_biased as select_biased};
