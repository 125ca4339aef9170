//! A client that others wrote, in its many modes. Skipped where it is not installed, but for CI.

mod client;
mod requests;
#[path = "../support/mod.rs"]
mod support;
mod transfers;
