//! Regular files and file locks: calls that wait for a disk or another process's lock, made on other threads.

mod elsewhere;
mod interruptible;
mod lock;
mod positioned;
mod space;
mod sync;
mod transfer;

use crate::glibc::hook::Hook;

pub(crate) use lock::lock_record;
pub(crate) use transfer::transfer;

/// All functions of this group, but those of [`io`](crate::glibc::io) that it adds to: `read`, `write`, `readv`, `writev`, `fcntl`.
pub(crate) fn hooks() -> impl Iterator<Item = &'static Hook> {
    [sync::HOOKS, lock::HOOKS, positioned::HOOKS, space::HOOKS].into_iter().flatten()
}
