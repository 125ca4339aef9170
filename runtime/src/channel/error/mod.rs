//! What sends, receives and selects fail with.

mod receive;
mod select;
mod send;

pub use receive::{RecvError, RecvTimeoutError, TryRecvError};
pub use select::{ReadyTimeoutError, SelectTimeoutError, TryReadyError, TrySelectError};
pub use send::{SendError, SendTimeoutError, TrySendError};
