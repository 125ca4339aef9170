//! An HTTP/1 server for Greenwood, to be put on the Internet: handlers are plain blocking code.
//!
//! Each connection has a coroutine (or an OS thread, see [`Backend`]) that reads a request, calls the
//! handler and writes the answer. What a handler calls may block: it suspends that coroutine alone.
//!
//! ```
//! use greenwood_http::{Request, Server};
//! # use std::io::{Read, Write};
//!
//! # fn main() -> std::io::Result<()> {
//! let server = Server::bind("127.0.0.1:0")?;
//! let (address, shutdown) = (server.local_addr()?, server.shutdown_handle());
//! # let client = std::thread::spawn(move || {
//! #     let mut stream = std::net::TcpStream::connect(address).unwrap();
//! #     stream.write_all(b"GET /tree HTTP/1.0\r\n\r\n").unwrap();
//! #     let mut answer = String::new();
//! #     stream.read_to_string(&mut answer).unwrap();
//! #     shutdown.shutdown();
//! #     answer
//! # });
//! greenwood_runtime::run(|| {
//!     server.serve(|request: &mut Request<'_>| format!("You asked for {}", request.path()))
//! })?;
//! # assert!(client.join().unwrap().ends_with("\r\n\r\nYou asked for /tree"));
//! # Ok(())
//! # }
//! ```
//!
//! # Strictness
//!
//! HTTP/1.0 and 1.1 as of RFC 9112, with keep-alive, pipelining, chunked bodies both ways and
//! `Expect: 100-continue`. A request about whose end two parsers could disagree is refused and its
//! connection closed; sizes and times have [`Limits`] that need no setting.
//!
//! # Where things are
//!
//! - What answers: [`Handler`], any function of a request; [`Router`], with [`extract`] for typed arguments and
//!   [`middleware`] around them.
//! - What is answered: [`IntoResponse`], [`Response`], [`ResponseBody`]; [`files`]; [`sse`]; `websocket` (feature `ws`);
//!   other protocols by [`Response::upgrade`].
//! - What is listened on: [`Builder`], [`Listener`], `Tls` (feature `tls`), [`ProxyHeader`].
//! - The end: [`ShutdownHandle`]. What operators see: [`observe`].
//!
//! # Connections at rest
//!
//! A connection on which nothing has come for a moment gives up its coroutine and its buffers; what is left takes some 500
//! bytes, and starts a new coroutine when bytes come
//! ([`spawn_when_readable`](greenwood_runtime::readiness::spawn_when_readable)). On OS threads a connection
//! keeps its thread.
#![forbid(unsafe_code)]

mod accept;
mod balance;
mod body;
mod buffer;
mod client;
mod connection;
mod connections;
mod date;
mod error;
pub mod extract;
pub mod files;
mod handler;
mod limits;
mod listener;
mod log;
pub mod middleware;
pub mod observe;
mod proxy_header;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod reference;
mod request;
mod response;
pub mod router;
mod server;
mod service;
mod shutdown;
pub mod sse;
mod stream;
mod syntax;
mod sys;
#[cfg(feature = "tls")]
mod tls;
mod transport;
mod upgrade;
#[cfg(feature = "ws")]
pub mod websocket;

pub use body::RequestBody;
pub use client::ClientHandle;
pub use error::RequestError;
pub use handler::{Handler, IntoHandler};
/// The crate whose `Method`, `StatusCode`, `HeaderName` and `HeaderValue` are used here.
pub use http;
pub use limits::Limits;
pub use listener::Listener;
pub use proxy_header::ProxyHeader;
pub use request::{Fields, InvalidPercentEncoding, Request, percent_decode};
pub use response::{BodyWriter, Html, IntoResponse, Redirect, Response, ResponseBody};
pub use router::{Router, Routes};
/// The crate whose `ServerConfig` a [`Tls`] can be made of.
#[cfg(feature = "tls")]
pub use rustls;
pub use server::{Backend, Builder, Server};
pub use shutdown::ShutdownHandle;
#[cfg(feature = "tls")]
pub use tls::Tls;
pub use upgrade::Upgraded;
