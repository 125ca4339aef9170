//! What the tests of other people's components share: real servers, and a runtime on which whatever blocks is noticed.

mod green;
pub mod server;

pub use green::{Others, cancel_half, join_all, patched, spawn_all, until};
