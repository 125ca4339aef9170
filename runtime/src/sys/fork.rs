//! Whether this process is a forked child, in which no worker runs and so nothing may be suspended.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

static FORKED: AtomicBool = AtomicBool::new(false);

unsafe extern "C" fn in_child() {
    FORKED.store(true, Ordering::Relaxed);
}

/// Starts watching for forks. Called before the first worker starts.
pub(crate) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the handler only stores to an atomic, which is safe in a child of fork.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

/// True in a child that was forked after a runtime had started.
#[inline]
pub(crate) fn in_forked_child() -> bool {
    FORKED.load(Ordering::Relaxed)
}
