//! Waking and cancelling coroutines, from their own worker and from elsewhere.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Message, Worker};
use crate::context;
use crate::coroutine::{Header, Run, Task};

/// Makes a coroutine's current or next park return.
#[inline]
pub(crate) fn unpark(task: &Arc<dyn Task>) {
    let header = task.header();
    // Before it has started nothing can wait in it.
    let Some(home) = header.home() else { return };
    match context::current() {
        Some(cx) if std::ptr::eq(cx.worker().shared, home) => cx.worker().unpark_local(header),
        // A message that is on its way will do for this wake-up too: it is read after this.
        _ if header.wake_pending.swap(true, Ordering::AcqRel) => {}
        // A worker that has ended has no coroutine that waits.
        _ => drop(home.send(Message::Wake(task.clone()))),
    }
}

/// Asks a coroutine to end, and wakes it to notice.
pub(crate) fn cancel(task: &Arc<dyn Task>) {
    if task.header().cancel.make() {
        unpark(task);
    }
}

impl Worker {
    /// Wakes a coroutine of this worker. On the worker's thread only.
    #[inline]
    pub(crate) fn unpark_local(&self, header: &Header) {
        match header.run() {
            Run::Parked => {
                header.set_run(Run::Woken);
                self.queues.push_ready(header.slot.load(Ordering::Relaxed));
            }
            Run::Running | Run::Yielded => header.leave_token(),
            Run::Dormant => self.rise(header.slot.load(Ordering::Relaxed)),
            Run::Woken | Run::Finished => {}
        }
    }

    /// A wake-up that came as a message.
    pub(super) fn deliver_wake(&self, task: &Arc<dyn Task>) {
        let header = task.header();
        header.wake_pending.swap(false, Ordering::AcqRel);
        // A late message for a coroutine of the worker that this one's shared part belonged to before: it has finished.
        self.unpark_local(header);
    }
}
