//! Coroutines that have not started and do so only when something happens: no stack, no place in the queue.

use std::cell::RefCell;
use std::sync::Arc;

use slab::Slab;

use super::Worker;
use crate::cancel::Cancelled;
use crate::coroutine::{Run, Task};
use crate::fairness::SWITCHES_PER_TIMER_CHECK;
use crate::park::Reason;
use crate::time::wheel::Key;

/// Marks a timer's owner as a slot of this table, where the others are of the table of suspended coroutines.
const MARK: u32 = 1 << 31;

struct Sleeper {
    task: Arc<dyn Task>,
    timer: Option<Key>,
}

#[derive(Default)]
pub(crate) struct Dormant(RefCell<Slab<Sleeper>>);

impl Dormant {
    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}

impl Worker {
    /// Has `task` start when it is unparked, or at `deadline` by the worker's clock. On the worker's thread only.
    pub(crate) fn lay_down(&self, task: Arc<dyn Task>, deadline: Option<u64>) {
        let header = task.header();
        header.preset_home(self.shared);
        if self.pool.is_closing() {
            self.queues.push_pinned(task);
            return;
        }
        let mut table = self.dormant.0.borrow_mut();
        let slot = table.vacant_key() as u32;
        header.set_slot(slot);
        header.set_run(Run::Dormant);
        header.set_reason(&Reason("something to start for"));
        let timer = deadline.map(|at| self.insert_timer(at, slot | MARK));
        table.insert(Sleeper { task, timer });
    }

    /// Adds a timer, and makes room for another in the place of what it took: that was for who suspends before the turn is over.
    fn insert_timer(&self, deadline: u64, owner: u32) -> Key {
        let mut timers = self.timers.borrow_mut();
        let key = timers.insert(deadline, owner);
        timers.reserve(SWITCHES_PER_TIMER_CHECK as usize);
        key
    }

    /// Starts the dormant coroutine in `slot` after those that are ready.
    pub(super) fn rise(&self, slot: u32) {
        let sleeper = self.dormant.0.borrow_mut().remove(slot as usize);
        if let Some(timer) = sleeper.timer {
            self.timers.borrow_mut().cancel(timer);
        }
        sleeper.task.header().set_run(Run::Running);
        self.queues.push_pinned(sleeper.task);
    }

    /// Takes the owner of a timer that has fired, if it is a dormant coroutine's. To be risen once the timers are not in use any more.
    pub(super) fn dormant_owner(&self, owner: u32) -> Option<u32> {
        (owner & MARK != 0).then(|| {
            let slot = owner & !MARK;
            self.dormant.0.borrow_mut()[slot as usize].timer = None;
            slot
        })
    }

    /// Starts all of them, as a runtime that closes must: what they captured is dropped by a coroutine.
    pub(super) fn rise_all(&self) {
        let slots: Vec<_> = self.dormant.0.borrow().iter().map(|(slot, _)| slot as u32).collect();
        slots.into_iter().for_each(|slot| self.rise(slot));
    }

    /// Ends all of them without a coroutine.
    pub(super) fn abandon_dormant(&self) {
        let table = std::mem::take(&mut *self.dormant.0.borrow_mut());
        for (_, sleeper) in table {
            sleeper.task.header().set_run(Run::Finished);
            sleeper.task.abandon(Box::new(Cancelled));
        }
    }
}
