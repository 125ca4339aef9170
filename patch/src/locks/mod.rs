//! Locks, and whatever else waits for another thread: by futex(2), as Rust's do, and pthread's.

mod deadline;
mod futex;
mod kernel;
mod queue;

use crate::hook::Hook;

/// All functions of this group.
pub(crate) fn hooks() -> impl Iterator<Item = &'static Hook> {
    [futex::HOOKS].into_iter().flatten()
}
