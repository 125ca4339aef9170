//! TLS, from a client's side.

mod client;
mod curl;
mod end;
mod exchange;
mod files;
mod handshake;
#[cfg(feature = "ws")]
#[path = "../websocket/peer.rs"]
mod peer;
mod reload;
mod rest;
#[path = "../support/mod.rs"]
mod support;
mod upgrade;
#[cfg(feature = "ws")]
mod websocket;
