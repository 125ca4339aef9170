//! The gate: whether a call may wait by suspending its coroutine.

use std::sync::atomic::{AtomicU32, Ordering};

use greenwood_runtime::interpose::{self, Call};

use crate::Patches;

/// The groups that are installed.
pub(crate) static ACTIVE: AtomicU32 = AtomicU32::new(0);

/// The proof that a call may wait; None if libc's own function is to be called.
///
/// # Safety
/// As for [`interpose::enter`]: it is dropped before the caller returns.
#[inline(always)]
pub(crate) unsafe fn enter(groups: Patches) -> Option<Call> {
    // SAFETY: the caller's promise.
    if is_active(groups) { unsafe { interpose::enter() } } else { None }
}

/// Whether one of these groups is installed.
#[inline(always)]
pub(crate) fn is_active(groups: Patches) -> bool {
    ACTIVE.load(Ordering::Relaxed) & groups.bits() != 0
}
