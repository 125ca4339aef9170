//! What differs between operating systems. Everything above reads without `cfg`.

pub(crate) mod clock;
pub(crate) mod errno;
pub(crate) mod fault;
pub(crate) mod fork;
pub(crate) mod lock;
pub(crate) mod memory;
pub(crate) mod poller;
pub(crate) mod report;
