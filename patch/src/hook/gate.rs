//! The gate: whether a call may wait by suspending its coroutine.

use std::sync::atomic::{AtomicU32, Ordering};

use greenwood_runtime::interpose::{self, Call};

use crate::Patches;

/// The groups that are installed.
pub(crate) static ACTIVE: AtomicU32 = AtomicU32::new(0);

/// The proof that a call may wait; None if libc's own function is to be called.
#[inline(always)]
pub(crate) fn enter(group: Patches) -> Option<Call> {
    if is_active(group) { interpose::enter() } else { None }
}

/// Whether a group is installed. For functions that do something on OS threads as well.
#[inline(always)]
pub(crate) fn is_active(group: Patches) -> bool {
    ACTIVE.load(Ordering::Relaxed) & group.bits() != 0
}
