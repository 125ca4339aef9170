//! A call made on another thread, with the caller's memory.

use std::io;

use greenwood_runtime::interpose::Call;
use greenwood_runtime::{shield, try_offload};

use crate::glibc::hook::answer;

/// A closure on somebody's stack.
struct Borrowed {
    closure: *mut (),
    call: unsafe fn(*mut ()) -> io::Result<usize>,
}

// SAFETY: see `elsewhere`, which alone makes them, and takes its result before it returns.
unsafe impl Send for Borrowed {}

/// Makes a call of libc's on another thread and suspends the calling coroutine until it has returned.
///
/// No cancellation ends that wait: the kernel reads and writes the caller's memory, moves the file's offset, and tells of a failed write-back once,
/// so the result must arrive. `f` is only ever run while the caller is here, as if it had been called by it, and is to be a
/// call of libc's and nothing else.
pub(super) fn elsewhere(_: &Call, f: impl Fn() -> isize) -> isize {
    /// # Safety
    /// `closure` points to an `F` that nobody else uses.
    unsafe fn call<F: Fn() -> isize>(closure: *mut ()) -> io::Result<usize> {
        // SAFETY: as promised.
        match unsafe { (*closure.cast::<F>())() } {
            -1 => Err(io::Error::last_os_error()),
            n => Ok(n as usize),
        }
    }

    fn borrow<F: Fn() -> isize>(f: &F) -> Borrowed {
        Borrowed { closure: std::ptr::from_ref(f).cast_mut().cast(), call: call::<F> }
    }

    let job = borrow(&f);
    let returned = shield(|| {
        try_offload(move || {
            let job = job;
            // SAFETY: `f` is on the stack of the caller, who waits.
            unsafe { (job.call)(job.closure) }
        })
    });
    match returned {
        Ok(result) => answer(result),
        // There is no interrupting a shielded wait. Going on would free what the other thread uses.
        Err(_) => std::process::abort(),
    }
}
