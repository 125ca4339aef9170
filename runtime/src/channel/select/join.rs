//! Coroutines' ends as operations of a select.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;
use std::thread;

use super::handle::{Enlisted, Patience, Place, SelectHandle, Token};
use super::run::{Case, Selected};
use crate::JoinHandle;
use crate::coroutine::Listens;
use crate::park::{self, Waiter};

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
        Case::new(joined)
    }
}

impl<T> SelectHandle for Joined<'_, T> {
    fn try_select(&self, _: &Patience) -> Option<Token> {
        self.is_ready().then_some(Token::Finished)
    }

    fn enlist<'s>(&'s self, waiter: &Arc<Waiter>, verdict: u32, _: bool) -> Enlisted<'s> {
        // SAFETY: `self` borrows the handle exclusively, and is used by one thread.
        match unsafe { self.handle.listen(park::claiming(waiter, verdict)) } {
            Some(listens) => Enlisted::Waits(Box::new(listens)),
            None => Enlisted::Ready,
        }
    }

    fn is_ready(&self) -> bool {
        self.handle.is_finished()
    }

    fn abandon(&self, _: Token) {}
}

impl Place for Listens<'_> {
    fn selected(self: Box<Self>, _: &Patience) -> Option<Token> {
        Some(Token::Finished)
    }
}
