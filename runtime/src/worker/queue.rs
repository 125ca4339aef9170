//! What is ready to run on a worker, and in which order.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;

use crossbeam_deque::{Steal, Worker as Deque};

use super::ring::Ring;
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

/// In the queue of ready ones: the turn of the first that is pinned here and has not started.
const START: u32 = u32::MAX;
/// The turn of the newest in the deque, unless an idle worker has taken it.
const STEALABLE: u32 = u32::MAX - 1;

/// A worker's queues: first come, first served, whether it runs already or is new.
pub(crate) struct Queues {
    /// Slots of the table of coroutines, and the two numbers above.
    ready: Ring,
    pinned: RefCell<VecDeque<New>>,
    /// New ones that an idle worker may take. Each has its place in `ready`.
    stealable: Deque<New>,
    /// Sleepers that are due. They take turns with the others: behind a long queue they would be late, and always ahead of it,
    /// sleepers whose work outlasts their sleep would keep out the rest.
    due: Ring,
    due_was_last: Cell<bool>,
    /// State of the generator that picks at random, for tests that explore orders.
    seed: Option<Cell<u64>>,
}

impl Queues {
    pub(crate) fn new(stealable: Deque<New>, seed: Option<u64>) -> Queues {
        Queues {
            ready: Ring::new(),
            pinned: RefCell::default(),
            stealable,
            due: Ring::new(),
            due_was_last: Cell::new(false),
            // An odd state: the generator would stay at zero.
            seed: seed.map(|s| Cell::new(s.wrapping_mul(2) | 1)),
        }
    }

    /// The coroutine in `slot` goes on after those before it.
    #[inline(always)]
    pub(crate) fn push_ready(&self, slot: u32) {
        self.ready.push(slot);
    }

    /// The coroutine in `slot` has slept long enough.
    pub(crate) fn push_due(&self, slot: u32) {
        self.due.push(slot);
    }

    pub(crate) fn push_pinned(&self, task: New) {
        self.pinned.borrow_mut().push_back(task);
        self.ready.push(START);
    }

    pub(crate) fn push_stealable(&self, task: New) {
        self.stealable.push(task);
        self.ready.push(STEALABLE);
    }

    pub(crate) fn have_work(&self) -> bool {
        self.ready.len() > 0 || self.due.len() > 0
    }

    /// Whether a push has to allocate.
    #[inline(always)]
    pub(crate) fn is_full(&self) -> bool {
        self.ready.is_full()
    }

    /// The next to run. Calls `come_home` before it does anything that could use thread-locals.
    #[inline(always)]
    pub(crate) fn next(&self, come_home: impl Fn()) -> Option<Next> {
        if self.due.len() > 0 && !self.due_was_last.replace(true) {
            return self.due.pop().map(Next::Resume);
        }
        self.due_was_last.set(false);
        while let Some(number) = self.pop() {
            match number {
                START => {
                    let task = self.pinned.borrow_mut().pop_front();
                    return task.map(Next::Start);
                }
                STEALABLE => {
                    // The deque may shrink, and then uses its thread's garbage collector.
                    come_home();
                    if let Some(task) = self.stealable.pop() {
                        return Some(Next::Start(task));
                    }
                }
                slot => return Some(Next::Resume(slot)),
            }
        }
        self.due.pop().map(Next::Resume)
    }

    #[inline(always)]
    fn pop(&self) -> Option<u32> {
        match &self.seed {
            None => self.ready.pop(),
            Some(state) => self.pick(state),
        }
    }

    #[cold]
    fn pick(&self, state: &Cell<u64>) -> Option<u32> {
        if self.ready.len() == 0 {
            return None;
        }
        let mut x = state.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        state.set(x);
        self.ready.swap_remove((x % u64::from(self.ready.len())) as u32)
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
                        (0..self.stealable.len()).for_each(|_| self.ready.push(STEALABLE));
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
