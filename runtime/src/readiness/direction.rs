//! One direction of a descriptor: what is known of its readiness, and who waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::cancel::Heed;
use crate::context::Current;
use crate::park::{self, Reason, Unparker, Woken};
use crate::sys::lock::Mutex;

/// A call may succeed.
const READY: u32 = 1;
/// The peer will send nothing more (or take nothing more): what is left to learn comes without a further event.
const CLOSED: u32 = 2;
/// The descriptor was closed at this end: ready for ever, so that nobody waits.
const SHUT: u32 = 4;
/// Somebody waits, or did.
const AWAITED: u32 = 8;
/// Events are counted from this bit on, so that a result from before an event does not clear what the event said.
const EVENT: u32 = 16;

/// What was known at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen(u32);

impl Seen {
    pub(super) fn is_ready(self) -> bool {
        self.0 & READY != 0
    }
}

/// Readiness to read, or to write.
#[derive(Debug)]
pub(super) struct Direction {
    state: AtomicU32,
    waiters: Mutex<Waiters>,
}

/// Nearly always none or one, which then needs no allocation.
#[derive(Debug, Default)]
struct Waiters {
    first: Option<Unparker>,
    /// Boxed, as there are two of these for every connection that rests.
    #[expect(
        clippy::box_collection,
        reason = "a third of the size of what is nearly always empty"
    )]
    more: Option<Box<Vec<Unparker>>>,
}

impl Direction {
    /// Ready until a call shows otherwise.
    pub(super) fn new() -> Direction {
        Direction { state: AtomicU32::new(READY), waiters: Mutex::default() }
    }

    /// Not ready until an event comes.
    pub(super) fn new_pending() -> Direction {
        Direction { state: AtomicU32::new(0), waiters: Mutex::default() }
    }

    /// Has `waiter` unparked at the next event.
    pub(super) fn add_waiter(&self, waiter: &Unparker) {
        let mut waiters = self.waiters.lock();
        self.state.fetch_or(AWAITED, Ordering::AcqRel);
        waiters.add(waiter.clone());
    }

    #[inline]
    pub(super) fn seen(&self) -> Seen {
        Seen(self.state.load(Ordering::Acquire))
    }

    /// A call would have blocked, or got all there was, at a time when `seen` was known. Unless there was an event since,
    /// the next call has to wait for one.
    #[inline]
    pub(super) fn clear(&self, seen: Seen) {
        if seen.0 & SHUT != 0 {
            return;
        }
        let _ = self.state.compare_exchange(
            seen.0,
            seen.0 & !READY,
            Ordering::AcqRel,
            Ordering::Relaxed,
        );
    }

    /// Like `clear`, after a short count. That proves nothing once the peer has closed: its event may have come together with the
    /// last data, and no other follows.
    #[inline]
    pub(super) fn clear_drained(&self, seen: Seen) {
        if seen.0 & CLOSED == 0 {
            self.clear(seen);
        }
    }

    /// An event came, or everybody is to look again for another reason.
    pub(super) fn set(&self, closed: bool) {
        self.wake(if closed { CLOSED } else { 0 });
    }

    /// The descriptor is closed.
    pub(super) fn shut(&self) {
        self.wake(SHUT);
    }

    fn wake(&self, bits: u32) {
        let update = |state: u32| (state.wrapping_add(EVENT) | READY | bits) & !AWAITED;
        let before = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| Some(update(state)));
        if before.is_ok_and(|before| before & AWAITED == 0) {
            return;
        }
        let (first, more) = {
            let mut waiters = self.waiters.lock();
            (waiters.first.take(), std::mem::take(&mut waiters.more))
        };
        // All of them: on an edge-triggered event, one that is woken and goes away would take the news with it.
        first.into_iter().for_each(|waiter| waiter.unpark());
        if let Some(more) = more {
            more.iter().for_each(Unparker::unpark);
        }
    }

    /// Parks the calling coroutine until the direction is ready.
    pub(super) fn wait(
        &self,
        cx: Current,
        reason: &'static Reason,
        deadline: Option<u64>,
    ) -> Woken {
        loop {
            let Some(task) = cx.task() else { return Woken::Unparked };
            let me = Arc::as_ptr(&task);
            if !self.enlist(Unparker::of(task)) {
                return Woken::Unparked;
            }
            let woken = park::wait_on_coroutine(cx, reason, deadline, Heed::All);
            let unparked = matches!(woken, Woken::Unparked);
            // What makes it ready takes everybody off the list. By the time that one of them runs, another may have used it up.
            if unparked && self.seen().is_ready() {
                return woken;
            }
            self.waiters.lock().remove(|waiter| waiter.wakes(me));
            if !unparked {
                return woken;
            }
        }
    }

    /// Puts `waiter` on the list unless the direction is ready.
    pub(super) fn enlist(&self, waiter: Unparker) -> bool {
        let mut waiters = self.waiters.lock();
        // An event after this finds that somebody waits, and when it has the lock, who.
        let awaited = |state| (state & READY == 0).then_some(state | AWAITED);
        let waits = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, awaited).is_ok();
        if waits {
            waiters.add(waiter);
        }
        waits
    }

    /// Takes `waiter` off the list, if it is on it.
    pub(super) fn remove_waiter(&self, waiter: &Unparker) {
        self.waiters.lock().remove(|w| w.same(waiter));
    }
}

impl Waiters {
    fn add(&mut self, waiter: Unparker) {
        if self.first.is_none() {
            self.first = Some(waiter);
        } else {
            self.more.get_or_insert_default().push(waiter);
        }
    }

    fn remove(&mut self, is_it: impl Fn(&Unparker) -> bool) {
        if self.first.as_ref().is_some_and(&is_it) {
            self.first = None;
        } else if let Some(more) = &mut self.more {
            more.retain(|w| !is_it(w));
        }
    }
}
