//! Coroutines' ends as operations of a select.

use std::cell::Cell;
use std::marker::PhantomData;
use std::thread;

use super::handle::{Enlisted, Patience, Station, Watch};
use super::run::{Case, Selected};
use crate::JoinHandle;
use crate::coroutine::Listens;
use crate::park::{Claims, Waiter};

/// A handle that a select has for itself.
#[allow(missing_debug_implementations)] // Not for users.
pub struct Joined<'a, T> {
    handle: &'a mut JoinHandle<T>,
    /// Not `Sync`: a coroutine has one joiner.
    _alone: PhantomData<Cell<()>>,
}

impl<'a, T> Joined<'a, T> {
    #[doc(hidden)]
    pub fn new(handle: &'a mut JoinHandle<T>) -> Joined<'a, T> {
        Joined { handle, _alone: PhantomData }
    }

    #[doc(hidden)]
    pub fn complete(self, selected: Selected) -> thread::Result<T> {
        selected.complete();
        self.handle.take_result()
    }
}

impl<'a> Case<'a> {
    #[doc(hidden)]
    pub fn join<T>(joined: &'a Joined<'_, T>) -> Case<'a> {
        Case::new(joined, None)
    }
}

impl<T> Station for Joined<'_, T> {
    fn try_select(&self, _: &Patience) -> bool {
        self.is_ready()
    }

    unsafe fn enlist(&self, waiter: &Waiter, verdict: u32, _: bool) -> Enlisted<'_> {
        // SAFETY: the caller's promise.
        let claims = unsafe { Claims::new(waiter, verdict) };
        // SAFETY: `self` borrows the handle exclusively, and is used by one thread.
        match unsafe { self.handle.listen(claims.unparker()) } {
            Some(listens) => Enlisted::Until(Box::new((listens, claims))),
            None => Enlisted::Ready,
        }
    }

    fn is_ready(&self) -> bool {
        self.handle.is_finished()
    }
}

impl Watch for (Listens<'_>, Claims) {}
