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
mod block;
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    not(greenwood_no_own_locals)
))]
mod facts;
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    not(greenwood_no_own_locals)
))]
mod keys;
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    not(greenwood_no_own_locals)
))]
mod register;
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    not(greenwood_no_own_locals)
))]
mod self_test;

#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    not(greenwood_no_own_locals)
))]
pub(crate) use {
    block::Block,
    facts::Facts,
    register::{go_home, resume_on, thread_pointer},
};

#[cfg(not(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    not(greenwood_no_own_locals)
)))]
mod absent;
#[cfg(not(all(
    target_os = "linux",
    target_env = "gnu",
    target_arch = "x86_64",
    not(greenwood_no_own_locals)
)))]
pub(crate) use absent::{Block, Facts, go_home, resume_on, thread_pointer};

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
