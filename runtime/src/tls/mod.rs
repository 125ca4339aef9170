//! Own thread-locals: gives each coroutine a thread-local block, so that to any library it is a thread.
//!
//! The facts about glibc that this rests on, where each comes from, and how the self-test proves them on the
//! running machine stand in this folder's README.

#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    not(greenwood_no_own_locals)
))]
#[path = "glibc/mod.rs"]
mod imp;
#[cfg(not(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    not(greenwood_no_own_locals)
)))]
#[path = "absent.rs"]
mod imp;

pub(crate) use imp::{Block, Facts, go_home, resume_on, thread_pointer};

use std::sync::OnceLock;

/// Why own thread-locals are not to be had on this machine.
#[derive(Debug, Clone)]
pub(crate) struct Unavailable(pub(crate) String);

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What own thread-locals need to know of this libc, found and proven at the first call.
pub(crate) fn facts() -> Result<&'static Facts, &'static Unavailable> {
    static FACTS: OnceLock<Result<Facts, Unavailable>> = OnceLock::new();
    FACTS.get_or_init(Facts::discover).as_ref()
}
