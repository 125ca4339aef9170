//! Waiting for processes and threads to end.

mod change;
mod children;
mod shell;
mod threads;
mod watch;

use crate::glibc::hook::Hook;

/// All functions of this group.
pub(crate) fn hooks() -> impl Iterator<Item = &'static Hook> {
    [children::HOOKS, shell::HOOKS, threads::HOOKS].into_iter().flatten()
}
