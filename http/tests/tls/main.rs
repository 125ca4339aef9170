//! TLS, from a client's side.

mod client;
mod curl;
mod end;
mod exchange;
mod files;
mod handshake;
mod reload;
mod rest;
#[path = "../support/mod.rs"]
mod support;
mod upgrade;
