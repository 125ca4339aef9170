//! Unix-domain sockets: `std::os::unix::net`'s types, whose waits suspend the coroutine.
//!
//! Laid out as std's module, so that a program changes one `use` line. Addresses are std's own.

mod datagram;
mod listener;
mod stream;

pub use std::os::unix::net::SocketAddr;

pub use datagram::UnixDatagram;
pub use listener::{Incoming, UnixListener};
pub use stream::UnixStream;
