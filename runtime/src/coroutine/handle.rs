//! The handle by which a coroutine is joined or cancelled.

use std::any::Any;
use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use super::task::{Header, Joinable};
use super::{Coroutine, Task};
use crate::cancel::is_interruption;
use crate::park::{self, Reason, Woken};
use crate::worker;

/// Owns the right to a coroutine's result, like [`std::thread::JoinHandle`]. Dropping it detaches the coroutine, which runs on.
pub struct JoinHandle<T> {
    task: Arc<dyn Joinable<T>>,
    /// The result is gone.
    taken: bool,
}

impl<T> JoinHandle<T> {
    pub(super) fn new(task: Arc<dyn Joinable<T>>) -> JoinHandle<T> {
        JoinHandle { task, taken: false }
    }

    /// Waits until the coroutine has finished, its thread-locals' destructors included, and returns its result.
    ///
    /// Suspends the calling coroutine or blocks the calling OS thread; a cancelled caller unwinds.
    ///
    /// # Errors
    /// The payload of the coroutine's panic; [`Cancelled`](crate::Cancelled) if it was cancelled; an [`std::io::Error`] if it could
    /// not be started for want of a stack.
    pub fn join(mut self) -> thread::Result<T> {
        self.wait(|reason| match park::wait(reason, None) {
            Woken::Interrupted(interrupt) if !self.is_finished() => interrupt.unwind(),
            _ => {}
        });
        self.take()
    }

    /// [`JoinHandle::join`] that a cancellation of the caller does not end.
    pub(super) fn join_uncancellable(mut self) -> thread::Result<T> {
        self.wait(park::park_uninterrupted);
        self.take()
    }

    fn wait(&self, park: impl Fn(&'static Reason)) {
        let header = self.task.header();
        // SAFETY: both callers consume the handle, and call this once.
        if !header.is_finished() && unsafe { header.set_joiner(park::unparker()) } {
            while !header.is_finished() {
                park(&Reason("join"));
            }
        }
    }

    fn take(&mut self) -> thread::Result<T> {
        assert!(!self.taken, "the coroutine's result was taken by a select");
        self.taken = true;
        // SAFETY: finished, and this handle is given up here without detaching.
        unsafe { self.task.take() }
    }

    /// The result of a coroutine that has finished. The handle has none after that.
    pub(crate) fn take_result(&mut self) -> thread::Result<T> {
        assert!(self.is_finished());
        self.take()
    }

    /// What wakes the coroutine.
    pub(crate) fn unparker(&self) -> park::Unparker {
        park::Unparker::of(self.task.clone())
    }

    /// Has `unparker` woken when the coroutine finishes, until the guard goes. None if it already has.
    ///
    /// # Safety
    /// Nobody else uses the handle meanwhile.
    pub(crate) unsafe fn listen(&self, unparker: park::Unparker) -> Option<Listens<'_>> {
        let header = self.task.header();
        if header.is_finished() {
            return None;
        }
        assert!(!header.has_joiner(), "somebody waits for this coroutine already");
        // SAFETY: the caller's promise, and the guard takes the joiner away again.
        unsafe { header.set_joiner(unparker) }.then_some(Listens(header))
    }

    /// Whether the coroutine has finished, so that [`JoinHandle::join`] would return at once. Does not suspend.
    pub fn is_finished(&self) -> bool {
        self.task.header().is_finished()
    }

    /// The coroutine that this handle is for.
    pub fn coroutine(&self) -> Coroutine {
        Coroutine::new(self.task.clone())
    }

    /// Asks the coroutine to end. Does not suspend; use [`JoinHandle::join`] to wait for the end.
    ///
    /// It is delivered once, at the coroutine's current or next blocking call: I/O returns an error (`ECANCELED`), and any other wait
    /// unwinds, running destructors; so does whatever blocks after the error. I/O that never has to wait notices it now and then. A coroutine that
    /// has not started never does.
    pub fn cancel(&self) {
        let task: Arc<dyn Task> = self.task.clone();
        worker::cancel(&task);
    }
}

/// Passes on, on the caller, why a coroutine of its own has no result.
pub(crate) fn rethrow(why: Box<dyn Any + Send>) -> ! {
    // With that very payload the caller would look cancelled itself.
    if is_interruption(&*why) {
        panic!("the coroutine was cancelled");
    }
    match why.downcast::<io::Error>() {
        // Not a panic that was reported: it could not be started.
        Ok(error) => panic!("the coroutine could not be started: {error}"),
        Err(payload) => resume_unwind(payload),
    }
}

/// Takes the joiner away.
pub(crate) struct Listens<'a>(&'a Header);

impl Drop for Listens<'_> {
    fn drop(&mut self) {
        // SAFETY: made by `listen`, whose caller has promised that nobody else uses the handle.
        unsafe { self.0.clear_joiner() };
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if !self.taken {
            self.task.detach();
        }
    }
}

impl<T> std::fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinHandle").field("coroutine", &self.coroutine()).finish_non_exhaustive()
    }
}
