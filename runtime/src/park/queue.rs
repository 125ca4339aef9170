//! Those who wait for one thing, first come, first served, beside the state that they wait for.

use std::cell::{Cell, UnsafeCell};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::time::Instant;

use super::{Reason, Stopped, Waiter, Wakeup};
use crate::model::{Mutex, MutexGuard, const_fn};

/// State `S` under a short lock, and `LISTS` queues of callers that wait for it to change. Each waiter brings a payload `P`, by which it is
/// handed what it waits for, or hands over what it brings.
///
/// Waiters live on their own stacks. Whoever takes one off a list has thereby ended its wait: a waiter whose deadline
/// passes at the same time finds itself off the list, and counts as served. So nothing that was handed over is ever lost.
#[derive(Debug)]
pub(crate) struct Queue<S, P, const LISTS: usize = 1> {
    inner: Mutex<Inner<S, P, LISTS>>,
}

#[derive(Debug)]
struct Inner<S, P, const LISTS: usize> {
    lists: [List<P>; LISTS],
    state: S,
}

/// A doubly linked list through the waiters.
struct List<P> {
    first: Option<NonNull<Node<P>>>,
    last: Option<NonNull<Node<P>>>,
}

// SAFETY: nodes are used under the queue's lock only, and payloads may be sent.
unsafe impl<P: Send> Send for List<P> {}

struct Node<P> {
    previous: Cell<Option<NonNull<Node<P>>>>,
    next: Cell<Option<NonNull<Node<P>>>>,
    /// Whether it is in a list. Used under the lock.
    queued: Cell<bool>,
    waiter: Who,
    payload: UnsafeCell<P>,
}

enum Who {
    /// Waits in this queue only: its wait is ended by taking it off.
    Alone(Waiter),
    /// Waits in several: ended by the first that claims it, with this verdict.
    Shared(NonNull<Waiter>, u32),
}

/// What a waiter in one queue is told.
const SERVED: u32 = 1;

/// Where in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Back,
    /// For one who had its turn, and could not use it.
    Front,
}

impl<S, P, const LISTS: usize> Queue<S, P, LISTS> {
    const_fn! {
        pub(crate) fn new(state: S) -> Queue<S, P, LISTS> {
            Queue {
                inner: Mutex::new(Inner {
                    lists: [const { List { first: None, last: None } }; LISTS],
                    state,
                }),
            }
        }
    }

    #[inline]
    pub(crate) fn lock(&self) -> Locked<'_, S, P, LISTS> {
        Locked { queue: self, inner: self.inner.lock() }
    }
}

/// The queue while its lock is held.
pub(crate) struct Locked<'q, S, P, const LISTS: usize = 1> {
    queue: &'q Queue<S, P, LISTS>,
    inner: MutexGuard<'q, Inner<S, P, LISTS>>,
}

impl<S, P, const LISTS: usize> Deref for Locked<'_, S, P, LISTS> {
    type Target = S;
    #[inline]
    fn deref(&self) -> &S {
        &self.inner.state
    }
}

impl<S, P, const LISTS: usize> DerefMut for Locked<'_, S, P, LISTS> {
    #[inline]
    fn deref_mut(&mut self) -> &mut S {
        &mut self.inner.state
    }
}

impl<'q, S, P, const LISTS: usize> Locked<'q, S, P, LISTS> {
    /// Whether nobody waits in `list`.
    #[inline]
    pub(crate) fn is_empty(&self, list: usize) -> bool {
        self.inner.lists[list].first.is_none()
    }

    /// The payload of the first in `list`.
    pub(crate) fn first(&self, list: usize) -> Option<&P> {
        // SAFETY: a node in a list is there, and its payload is used under the lock, which `self` is.
        self.inner.lists[list].first.map(|node| unsafe { &*node.as_ref().payload.get() })
    }

    /// Ends the first wait in `list` after `serve` had its payload. None if nobody waits.
    #[inline]
    pub(crate) fn serve<R>(
        &mut self,
        list: usize,
        serve: impl FnOnce(&mut P) -> R,
    ) -> Option<(R, Wakeup)> {
        self.serve_where(list, |_| true, serve)
    }

    /// [`Locked::serve`] for the first of those whose payload `matches`.
    #[inline(always)]
    pub(crate) fn serve_where<R>(
        &mut self,
        list: usize,
        matches: impl Fn(&P) -> bool,
        serve: impl FnOnce(&mut P) -> R,
    ) -> Option<(R, Wakeup)> {
        let mut next = self.inner.lists[list].first;
        while let Some(node) = next {
            // SAFETY: a node that was in a list until now stays until its wait is over and it has had the lock, or the verdict.
            let this = unsafe { node.as_ref() };
            next = this.next.get();
            // SAFETY: under the lock. The waiter looks at it when it has its verdict.
            let payload = unsafe { &mut *this.payload.get() };
            if !matches(payload) {
                continue;
            }
            // SAFETY: it is in the list.
            unsafe { self.inner.lists[list].unlink(node) };
            match &this.waiter {
                Who::Alone(waiter) => {
                    let result = serve(payload);
                    // SAFETY: it is in its wait. Nothing of the node is used after this.
                    return Some((result, unsafe { Waiter::end(waiter, SERVED) }));
                }
                Who::Shared(waiter, verdict) => {
                    // SAFETY: it is there until the node has left, which takes the lock.
                    let waiter = unsafe { waiter.as_ref() };
                    if waiter.claim(*verdict) {
                        let result = serve(payload);
                        return Some((result, waiter.wakeup()));
                    }
                }
            }
        }
        None
    }

    /// Whether anybody but `except` waits in `list` with a payload that `matches`.
    pub(crate) fn any(
        &self,
        list: usize,
        except: Option<&Waiter>,
        matches: impl Fn(&P) -> bool,
    ) -> bool {
        let mut next = self.inner.lists[list].first;
        while let Some(node) = next {
            // SAFETY: it is in the list.
            let this = unsafe { node.as_ref() };
            next = this.next.get();
            let counts = match &this.waiter {
                Who::Alone(_) => true,
                Who::Shared(waiter, _) => {
                    // SAFETY: it is there until the node has left, which takes the lock.
                    let waiter = unsafe { waiter.as_ref() };
                    !waiter.is_over() && !except.is_some_and(|e| std::ptr::eq(e, waiter))
                }
            };
            // SAFETY: under the lock.
            if counts && matches(unsafe { &*this.payload.get() }) {
                return true;
            }
        }
        false
    }

    /// Waits at the end of `list`, or in front, until served, and returns the payload. Gives up the lock meanwhile.
    ///
    /// # Errors
    /// What ended the wait instead, the payload, and the lock.
    #[inline(always)]
    pub(crate) fn wait(
        self,
        list: usize,
        place: Place,
        payload: P,
        reason: &'static Reason,
        deadline: Option<Instant>,
    ) -> Result<P, (Stopped, P, Locked<'q, S, P, LISTS>)> {
        self.wait_after(list, place, payload, reason, deadline, || ())
    }

    /// [`Locked::wait`] that calls `before` when the caller is in the list and the lock given up: whoever acts on what it does finds
    /// the caller waiting.
    #[inline(always)]
    pub(crate) fn wait_after(
        mut self,
        list: usize,
        place: Place,
        payload: P,
        reason: &'static Reason,
        deadline: Option<Instant>,
        before: impl FnOnce(),
    ) -> Result<P, (Stopped, P, Locked<'q, S, P, LISTS>)> {
        let queue = self.queue;
        let node = Node::new(Who::Alone(Waiter::new()), payload);
        let Who::Alone(waiter) = &node.waiter else { unreachable!() };
        // SAFETY: it is taken off before this frame ends: by `leave` if `before` unwinds, else the wait does not unwind, and what follows
        // sees to it.
        unsafe { self.inner.lists[list].link(NonNull::from(&node), place) };
        drop(self);
        let leave = Leave { queue, list, node: &node };
        before();
        std::mem::forget(leave);
        let Err(stopped) = waiter.wait(reason, deadline) else {
            return Ok(node.payload.into_inner());
        };
        let mut locked = queue.lock();
        if !node.queued.get() {
            // Served at the same time. Whoever did so has given up the lock, and needs the node no more.
            drop(locked);
            return Ok(node.payload.into_inner());
        }
        // SAFETY: it is in this list.
        unsafe { locked.inner.lists[list].unlink(NonNull::from(&node)) };
        Err((stopped, node.payload.into_inner(), locked))
    }

    /// [`Locked::wait`] that nothing else ends.
    pub(crate) fn wait_uninterrupted(
        mut self,
        list: usize,
        place: Place,
        payload: P,
        reason: &'static Reason,
    ) -> P {
        let node = Node::new(Who::Alone(Waiter::new()), payload);
        let Who::Alone(waiter) = &node.waiter else { unreachable!() };
        // SAFETY: it is taken off by whoever serves it, before the wait ends.
        unsafe { self.inner.lists[list].link(NonNull::from(&node), place) };
        drop(self);
        waiter.wait_uninterrupted(reason);
        node.payload.into_inner()
    }

    /// Puts a waiter that waits in several queues at the end of `list`. Whoever serves it here ends its wait with `verdict`, which is
    /// neither 0 nor `u32::MAX`.
    ///
    /// # Safety
    /// Both `seat` and `waiter` stay where they are until the caller has called [`Queue::leave`].
    ///
    /// # Panics
    /// If the seat is taken.
    #[inline]
    pub(crate) unsafe fn enlist(
        &mut self,
        list: usize,
        seat: &Seat<P>,
        waiter: &Waiter,
        verdict: u32,
        payload: P,
    ) {
        // SAFETY: only who waits changes whether it is taken.
        let seat = unsafe { &mut *seat.0.get() };
        assert!(seat.is_none(), "it waits in one place at a time");
        let node = seat.insert(Node::new(Who::Shared(NonNull::from(waiter), verdict), payload));
        // SAFETY: the caller's promise.
        unsafe { self.inner.lists[list].link(NonNull::from(node), Place::Back) };
    }
}

/// Room for the place in a list of somebody who waits in several.
pub(crate) struct Seat<P>(UnsafeCell<Option<Node<P>>>);

impl<P> Seat<P> {
    #[inline(always)]
    pub(crate) fn new() -> Seat<P> {
        Seat(UnsafeCell::new(None))
    }
}

impl<S, P, const LISTS: usize> Queue<S, P, LISTS> {
    /// Leaves the list, and returns the payload, as it is or as whoever ended the wait here has left it. None if the seat is not taken.
    ///
    /// # Safety
    /// If it is taken, then in this list.
    #[inline]
    pub(crate) unsafe fn leave(&self, list: usize, seat: &Seat<P>) -> Option<P> {
        // SAFETY: only who waits changes whether it is taken.
        let node = NonNull::from(unsafe { &*seat.0.get() }.as_ref()?);
        let mut locked = self.lock();
        // SAFETY: in this list or in none, by the caller's promise.
        unsafe {
            if node.as_ref().queued.get() {
                locked.inner.lists[list].unlink(node);
            }
        }
        drop(locked);
        // SAFETY: nobody else knows of it any more.
        unsafe { (*seat.0.get()).take() }.map(|node| node.payload.into_inner())
    }
}

/// Takes a node off its list, if it is there still.
struct Leave<'a, S, P, const LISTS: usize> {
    queue: &'a Queue<S, P, LISTS>,
    list: usize,
    node: &'a Node<P>,
}

impl<S, P, const LISTS: usize> Drop for Leave<'_, S, P, LISTS> {
    fn drop(&mut self) {
        let mut locked = self.queue.lock();
        if self.node.queued.get() {
            // SAFETY: it is in this list.
            unsafe { locked.inner.lists[self.list].unlink(NonNull::from(self.node)) };
        }
    }
}

impl<P> Node<P> {
    fn new(waiter: Who, payload: P) -> Node<P> {
        Node {
            previous: Cell::new(None),
            next: Cell::new(None),
            queued: Cell::new(false),
            waiter,
            payload: UnsafeCell::new(payload),
        }
    }
}

impl<P> List<P> {
    /// # Safety
    /// The node stays where it is until it has been unlinked.
    #[inline]
    unsafe fn link(&mut self, node: NonNull<Node<P>>, place: Place) {
        // SAFETY: the caller's promise, and that of those before.
        unsafe {
            let this = node.as_ref();
            this.queued.set(true);
            match place {
                Place::Back => {
                    this.next.set(None);
                    this.previous.set(self.last);
                    match self.last.replace(node) {
                        Some(last) => last.as_ref().next.set(Some(node)),
                        None => self.first = Some(node),
                    }
                }
                Place::Front => {
                    this.previous.set(None);
                    this.next.set(self.first);
                    match self.first.replace(node) {
                        Some(first) => first.as_ref().previous.set(Some(node)),
                        None => self.last = Some(node),
                    }
                }
            }
        }
    }

    /// # Safety
    /// The node is in this list.
    #[inline]
    unsafe fn unlink(&mut self, node: NonNull<Node<P>>) {
        // SAFETY: the caller's promise; neighbours are in the list as well.
        unsafe {
            let this = node.as_ref();
            this.queued.set(false);
            let (previous, next) = (this.previous.get(), this.next.get());
            match previous {
                Some(previous) => previous.as_ref().next.set(next),
                None => self.first = next,
            }
            match next {
                Some(next) => next.as_ref().previous.set(previous),
                None => self.last = previous,
            }
        }
    }
}

impl<P> std::fmt::Debug for List<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("List").field("is_empty", &self.first.is_none()).finish()
    }
}
