//! Waking one coroutine or OS thread, from anywhere.

use std::ptr::NonNull;
use std::sync::Arc;

use super::Waiter;
use super::thread::{self, Parker};
use crate::context;
use crate::coroutine::Task;
use crate::sys::lock::Mutex;
use crate::worker;

/// Wakes one coroutine or OS thread from its current or next [`park`](super::park). Cheap to clone, and may outlive what it
/// wakes.
#[derive(Clone)]
pub struct Unparker(Target);

#[derive(Clone)]
enum Target {
    Coroutine(Arc<dyn Task>),
    Thread(Arc<Parker>),
    Claims(Arc<Claim>),
}

/// One of several ways in which a wait may end.
struct Claim {
    /// None when the wait is over.
    waiter: Mutex<Option<Waiting>>,
    verdict: u32,
    owner: Unparker,
}

struct Waiting(NonNull<Waiter>);

// SAFETY: a waiter may be shared.
unsafe impl Send for Waiting {}

/// The caller's own: the calling coroutine's, or the OS thread's where the caller may not switch. Does not suspend.
pub fn unparker() -> Unparker {
    Unparker(match context::switchable().and_then(|cx| cx.task()) {
        Some(task) => Target::Coroutine(task),
        None => Target::Thread(thread::parker()),
    })
}

/// Ends a wait of the caller when it is unparked, until this is dropped.
pub(crate) struct Claims(Arc<Claim>);

impl Claims {
    /// Ends the wait of `waiter`, the caller's, with `verdict`.
    ///
    /// # Safety
    /// This is dropped before `waiter` goes.
    pub(crate) unsafe fn new(waiter: &Waiter, verdict: u32) -> Claims {
        let waiter = Mutex::new(Some(Waiting(NonNull::from(waiter))));
        Claims(Arc::new(Claim { waiter, verdict, owner: unparker() }))
    }

    pub(crate) fn unparker(&self) -> Unparker {
        Unparker(Target::Claims(self.0.clone()))
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        *self.0.waiter.lock() = None;
    }
}

impl Claim {
    fn claim(&self) -> bool {
        // SAFETY: it is there while the lock is held.
        let claim = |waiting: &Waiting| unsafe { waiting.0.as_ref() }.claim(self.verdict);
        self.waiter.lock().as_ref().is_some_and(claim)
    }
}

impl Unparker {
    pub(crate) fn of(task: Arc<dyn Task>) -> Unparker {
        Unparker(Target::Coroutine(task))
    }

    /// Makes the owner's current or next park return. Never lost, never blocks; waking what has ended does nothing.
    #[inline]
    pub fn unpark(&self) {
        match &self.0 {
            Target::Coroutine(task) => worker::unpark(task),
            Target::Thread(parker) => parker.unpark(),
            Target::Claims(claim) => {
                if claim.claim() {
                    claim.owner.unpark();
                }
            }
        }
    }

    /// Whether it wakes this coroutine.
    pub(crate) fn wakes(&self, task: *const dyn Task) -> bool {
        matches!(&self.0, Target::Coroutine(mine) if std::ptr::addr_eq(Arc::as_ptr(mine), task))
    }

    /// Whether both wake the same coroutine or thread.
    pub fn same(&self, other: &Unparker) -> bool {
        match (&self.0, &other.0) {
            (Target::Coroutine(a), Target::Coroutine(b)) => {
                std::ptr::addr_eq(Arc::as_ptr(a), Arc::as_ptr(b))
            }
            (Target::Thread(a), Target::Thread(b)) => Arc::ptr_eq(a, b),
            (Target::Claims(a), Target::Claims(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl std::fmt::Debug for Unparker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Target::Coroutine(task) => write!(f, "Unparker(coroutine {})", task.header().id()),
            Target::Thread(_) => f.write_str("Unparker(thread)"),
            Target::Claims(claim) => claim.owner.fmt(f),
        }
    }
}
