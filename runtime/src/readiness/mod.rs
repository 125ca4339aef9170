//! Waiting until a descriptor is ready.
//!
//! [`Source`] goes beside a descriptor in a socket type and makes its non-blocking calls wait. [`wait_readable`], [`wait_writable`] and
//! [`wait_any`] wait for any descriptor, once.

mod direction;
mod once;
mod registered;
mod source;

pub use once::{wait_any, wait_readable, wait_writable};
pub use source::Source;

pub(crate) use once::{Temporary, is_ready, watch};
pub(crate) use registered::Registered;

use crate::park::Reason;

/// What a descriptor is awaited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interest {
    /// Something to read or accept, the end of file, or an error.
    Read,
    /// Room to write, a finished connect, or an error.
    Write,
}

impl Interest {
    fn reason(self) -> &'static Reason {
        match self {
            Interest::Read => &Reason("read"),
            Interest::Write => &Reason("write"),
        }
    }
}
