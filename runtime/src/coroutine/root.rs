//! The root function of every coroutine, and what passes between it and the worker at each switch.

use std::ptr::NonNull;
use std::sync::Arc;

use super::Task;
use crate::context::Context;
use crate::stack::Stack;
use crate::tls::Block;
use crate::worker::Worker;

/// A coroutine as corosensei sees it.
pub(crate) type RawCoroutine = corosensei::Coroutine<Resume, Suspend, (), Stack>;

/// The way back to the worker's loop.
pub(crate) type Yielder = corosensei::Yielder<Resume, Suspend>;

/// Why a coroutine gives up its turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Suspend(u64);

impl Suspend {
    /// It wants to go on after the others had a turn.
    pub(crate) const YIELD: Suspend = Suspend(0);
    /// It waits to be unparked.
    pub(crate) const PARK: Suspend = Suspend(u64::MAX);

    /// It waits to be unparked, or for the worker's clock to reach `deadline`.
    #[inline(always)]
    pub(crate) fn park_until(deadline: u64) -> Suspend {
        Suspend(deadline.clamp(1, u64::MAX - 1))
    }

    #[inline(always)]
    pub(crate) fn is_yield(self) -> bool {
        self.0 == 0
    }

    #[inline(always)]
    pub(crate) fn deadline(self) -> Option<u64> {
        (1..u64::MAX).contains(&self.0).then_some(self.0)
    }
}

/// Why it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resume {
    Woken,
    TimedOut,
}

/// Makes a coroutine that will run `task` on `stack`.
///
/// # Safety
/// The caller keeps `task` alive until the coroutine has returned.
#[inline]
pub(crate) unsafe fn start(task: &Arc<dyn Task>, stack: Stack, worker: &Worker) -> RawCoroutine {
    let bounds = (stack.limit(), stack.base());
    let worker = NonNull::from(worker);
    let task = Arc::as_ptr(task);
    RawCoroutine::with_stack(stack, move |yielder, _| {
        // SAFETY: the worker keeps the task (caller), and outlives its coroutines.
        let cx = unsafe { Context::of_coroutine(worker, yielder, task, bounds) };
        let _entered = cx.enter();
        // SAFETY: as above.
        unsafe { &*task }.run();
        loop {
            cx.locals.clear();
            // SAFETY: the worker outlives its coroutines.
            if let Some(facts) = unsafe { worker.as_ref() }.facts {
                // SAFETY: in Own mode we are on our own block, and nothing of the task is left.
                unsafe { Block::run_destructors(facts) };
            }
            // Thread-locals' destructors may have used a variable of the coroutine's, whose destructor must find it running.
            if cx.locals.is_empty() {
                break;
            }
        }
        if cx.is_forked() {
            // A child of fork came back from the coroutine that made it. There is no worker here to go back to: like a thread that is
            // its process's last, it ends the process.
            // SAFETY: does not return.
            unsafe { libc::exit(0) };
        }
        // SAFETY: as above. From here to the end nothing of the user's is touched, on this stack or elsewhere.
        unsafe { &*task }.complete();
        // SAFETY: the worker outlives its coroutines.
        if let Some(facts) = unsafe { worker.as_ref() }.facts {
            // SAFETY: as above. Waking the joiner may have used a lock's thread-local.
            unsafe { Block::run_late_destructors(facts) };
        }
    })
}
