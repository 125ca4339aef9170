//! Which process this is in a line of forks. A child has none of its parent's workers, so nothing of the parent's runtimes may be
//! suspended, woken or waited for there.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

static GENERATION: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// Starts watching for forks. Called before the first worker starts.
pub(crate) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the handler only changes an atomic, which is safe in a child of fork.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

/// How many forks lie between the first runtime's process and this one. What was made under another number belongs to
/// an ancestor.
#[inline(always)]
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// The error of whoever asks a parent's runtime to do something.
pub(crate) fn no_workers() -> std::io::Error {
    std::io::Error::new(
        std::io::ErrorKind::Unsupported,
        "this process was forked from the one that started the runtime, and has none of its workers; build a new Runtime here",
    )
}
