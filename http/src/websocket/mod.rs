//! WebSockets (RFC 6455): messages in both directions, in blocking calls.
//!
//! A handler answers with [`upgrade`], whose closure then has the connection:
//!
//! ```
//! use greenwood_http::websocket::{self, Config};
//! use greenwood_http::{Request, Response};
//!
//! fn echo(request: &mut Request<'_>) -> Response {
//!     websocket::upgrade(request, &Config::default(), |socket| {
//!         while let Ok(Some(message)) = socket.recv() {
//!             if socket.send(message).is_err() {
//!                 break;
//!             }
//!         }
//!     })
//! }
//! ```
//!
//! # What happens by itself
//!
//! While a coroutine (or OS thread) is in [`recv`](WebSocket::recv), pings are answered, a silent peer is sent some, and one that answers none is given
//! up. A peer that closes gets its answer, one that breaks the rules the close code that says so. A shutdown of the server closes
//! with 1001. So keep somebody in `recv`, also where all messages go the other way.
//!
//! # What there is not
//!
//! No extension is negotiated, hence no compression (`permessage-deflate`).

mod config;
mod handshake;
mod message;
mod receiving;
mod sending;
mod session;
mod socket;

pub use config::{Config, Origins};
pub use handshake::upgrade;
pub use message::{Close, Message, close_code};
pub use socket::{Messages, WebSocket};
