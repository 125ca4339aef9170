//! Net (skeleton).
pub use std::net::*;
pub use std::os::unix::net::*;
