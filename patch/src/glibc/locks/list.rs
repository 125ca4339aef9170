//! The list of those who wait, made of nodes on their stacks.

use std::cell::Cell;
use std::marker::PhantomPinned;
use std::ptr;
use std::sync::atomic::AtomicU32;

use greenwood_runtime::interpose::Call;
use greenwood_runtime::park::{self, Unparker};

use super::kernel;

/// The waiters of a bucket, oldest first.
pub(super) struct List {
    first: Cell<*const Waiter>,
    last: Cell<*const Waiter>,
    /// Waiters are numbered as they come.
    pub(super) tickets: Cell<u64>,
}

// SAFETY: the pointers are to nodes that stay where they are until they have been taken out, and are followed under the lock only.
unsafe impl Send for List {}

/// One wait, on the stack of who waits. All but the last three fields belong to the lock of its bucket.
pub(super) struct Waiter {
    previous: Cell<*const Waiter>,
    next: Cell<*const Waiter>,
    pub(super) ticket: Cell<u64>,
    pub(super) bits: Cell<u32>,
    /// What ends the wait. None when it has.
    pub(super) target: Cell<Option<Target>>,
    pub(super) address: usize,
    pub(super) on_coroutine: bool,
    /// Becomes 1 when the wait has been ended, as the last thing that is done to this waiter.
    pub(super) woken: AtomicU32,
    _pinned: PhantomPinned,
}

pub(super) enum Target {
    Coroutine(Unparker),
    /// The thread's `woken`. By the time of the wake-up it may be something else, which then wakes without cause.
    Thread(*const AtomicU32),
}

impl Target {
    pub(super) fn wake(self) {
        match self {
            Target::Coroutine(unparker) => unparker.unpark(),
            Target::Thread(word) => kernel::wake(word),
        }
    }
}

impl List {
    pub(super) const fn new() -> List {
        List { first: Cell::new(ptr::null()), last: Cell::new(ptr::null()), tickets: Cell::new(0) }
    }

    pub(super) fn push(&self, waiter: &Waiter) {
        waiter.previous.set(self.last.get());
        waiter.next.set(ptr::null());
        waiter.ticket.set(self.tickets.replace(self.tickets.get() + 1));
        // SAFETY: in the list, so still there, and the lock is held.
        match unsafe { self.last.get().as_ref() } {
            Some(last) => last.next.set(waiter),
            None => self.first.set(waiter),
        }
        self.last.set(waiter);
    }

    /// Takes out a waiter who is in it.
    pub(super) fn remove(&self, waiter: &Waiter) -> Option<Target> {
        let (previous, next) = (waiter.previous.get(), waiter.next.get());
        // SAFETY: in the list, so still there, and the lock is held.
        match unsafe { previous.as_ref() } {
            Some(previous) => previous.next.set(next),
            None => self.first.set(next),
        }
        // SAFETY: as above.
        match unsafe { next.as_ref() } {
            Some(next) => next.previous.set(previous),
            None => self.last.set(previous),
        }
        waiter.target.take()
    }

    /// All waiters. The one it gave last may be removed.
    pub(super) fn all(&self) -> impl Iterator<Item = &Waiter> {
        let mut next = self.first.get();
        std::iter::from_fn(move || {
            // SAFETY: in the list, so still there, and the lock is held.
            let waiter = unsafe { next.as_ref() }?;
            next = waiter.next.get();
            Some(waiter)
        })
    }

    /// Those at an address.
    pub(super) fn at(&self, address: usize) -> impl Iterator<Item = &Waiter> {
        self.all().filter(move |w| w.address == address)
    }
}

impl Waiter {
    /// The caller: a coroutine, or without a call an OS thread.
    pub(super) fn new(call: Option<&Call>, address: usize, bits: u32) -> Waiter {
        Waiter {
            previous: Cell::new(ptr::null()),
            next: Cell::new(ptr::null()),
            ticket: Cell::new(0),
            bits: Cell::new(bits),
            target: Cell::new(call.map(|_| Target::Coroutine(park::unparker()))),
            address,
            on_coroutine: call.is_some(),
            woken: AtomicU32::new(0),
            _pinned: PhantomPinned,
        }
    }
}
