//! What is ready to run on a worker, and in which order.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;

use crossbeam_deque::{Steal, Worker as Deque};

use crate::coroutine::Task;
use crate::runtime::Pool;

/// A coroutine that has not started, and may still move to another worker.
pub(crate) type New = Arc<dyn Task>;

/// What to run.
pub(crate) enum Next {
    /// The coroutine in this slot of the table.
    Resume(u32),
    /// One that has not run yet.
    Start(New),
}

enum Entry {
    Resume(u32),
    Start(New),
    /// The turn of the oldest in the deque, unless an idle worker has taken it.
    Stealable,
}

/// A worker's queues: first come, first served, whether it runs already or is new.
pub(crate) struct Queues {
    ready: RefCell<VecDeque<Entry>>,
    /// New ones that an idle worker may take. Each has its place in `ready`.
    stealable: Deque<New>,
    /// Sleepers that are due. They take turns with the others: behind a long queue they would be late, and always ahead of it,
    /// sleepers whose work outlasts their sleep would keep out the rest.
    due: RefCell<VecDeque<u32>>,
    due_was_last: Cell<bool>,
    /// State of the generator that picks at random, for tests that explore orders.
    seed: Option<Cell<u64>>,
}

impl Queues {
    pub(crate) fn new(stealable: Deque<New>, seed: Option<u64>) -> Queues {
        Queues {
            ready: RefCell::default(),
            stealable,
            due: RefCell::default(),
            due_was_last: Cell::new(false),
            // An odd state: the generator would stay at zero.
            seed: seed.map(|s| Cell::new(s.wrapping_mul(2) | 1)),
        }
    }

    /// The coroutine in `slot` goes on after those before it.
    #[inline]
    pub(crate) fn push_ready(&self, slot: u32) {
        self.ready.borrow_mut().push_back(Entry::Resume(slot));
    }

    /// The coroutine in `slot` has slept long enough.
    pub(crate) fn push_due(&self, slot: u32) {
        self.due.borrow_mut().push_back(slot);
    }

    pub(crate) fn push_pinned(&self, task: New) {
        self.ready.borrow_mut().push_back(Entry::Start(task));
    }

    pub(crate) fn push_stealable(&self, task: New) {
        self.stealable.push(task);
        self.ready.borrow_mut().push_back(Entry::Stealable);
    }

    pub(crate) fn have_work(&self) -> bool {
        !self.ready.borrow().is_empty() || !self.due.borrow().is_empty()
    }

    /// Whether a push has to allocate.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        let ready = self.ready.borrow();
        ready.len() == ready.capacity()
    }

    /// The next to run. Calls `come_home` before it does anything that could use thread-locals.
    #[inline]
    pub(crate) fn next(&self, come_home: impl Fn()) -> Option<Next> {
        if !self.due_was_last.replace(false)
            && let Some(slot) = self.due.borrow_mut().pop_front()
        {
            self.due_was_last.set(true);
            return Some(Next::Resume(slot));
        }
        while let Some(entry) = self.pop() {
            match entry {
                Entry::Resume(slot) => return Some(Next::Resume(slot)),
                Entry::Start(task) => return Some(Next::Start(task)),
                Entry::Stealable => {
                    // The deque may shrink, and then uses its thread's garbage collector.
                    come_home();
                    if let Some(task) = self.stealable.pop() {
                        return Some(Next::Start(task));
                    }
                }
            }
        }
        self.due.borrow_mut().pop_front().map(Next::Resume)
    }

    #[inline]
    fn pop(&self) -> Option<Entry> {
        let mut ready = self.ready.borrow_mut();
        match &self.seed {
            None => ready.pop_front(),
            Some(_) if ready.is_empty() => None,
            Some(state) => {
                let mut x = state.get();
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                state.set(x);
                let index = (x % ready.len() as u64) as usize;
                ready.swap_remove_back(index)
            }
        }
    }

    /// Takes new coroutines from another worker. False if nobody has any.
    pub(crate) fn steal(&self, pool: &Pool, me: usize) -> bool {
        let others = pool.stealers();
        // Each starts with its neighbour, so that thieves do not all turn to the same one.
        let order = (1..others.len()).map(|step| &others[(me + step) % others.len()]);
        for victim in order {
            loop {
                match victim.steal_batch(&self.stealable) {
                    Steal::Success(()) => {
                        let places = (0..self.stealable.len()).map(|_| Entry::Stealable);
                        self.ready.borrow_mut().extend(places);
                        return true;
                    }
                    Steal::Empty => break,
                    Steal::Retry => {}
                }
            }
        }
        false
    }
}
