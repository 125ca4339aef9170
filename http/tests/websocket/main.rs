//! WebSockets, from the other end of the wire: bytes in, bytes out.

#[path = "../support/mod.rs"]
mod support;

mod closing;
mod handshake;
mod interrupted;
mod keep_alive;
mod messages;
mod peer;
mod rules;
