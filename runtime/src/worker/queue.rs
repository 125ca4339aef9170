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

/// A worker's queues.
pub(crate) struct Queues {
    ready: RefCell<VecDeque<u32>>,
    /// New ones that stay here.
    pinned: RefCell<VecDeque<New>>,
    /// New ones that an idle worker may take.
    stealable: Deque<New>,
    /// State of the generator that picks at random, for tests that explore orders.
    seed: Option<Cell<u64>>,
}

impl Queues {
    pub(crate) fn new(stealable: Deque<New>, seed: Option<u64>) -> Queues {
        Queues {
            ready: RefCell::default(),
            pinned: RefCell::default(),
            stealable,
            // An odd state: the generator would stay at zero.
            seed: seed.map(|s| Cell::new(s.wrapping_mul(2) | 1)),
        }
    }

    /// The coroutine in `slot` goes on after those before it.
    #[inline]
    pub(crate) fn push_ready(&self, slot: u32) {
        self.ready.borrow_mut().push_back(slot);
    }

    /// These go on before all others, the first of them first.
    pub(crate) fn push_first(&self, slots: Vec<u32>) {
        let mut ready = self.ready.borrow_mut();
        slots.into_iter().rev().for_each(|slot| ready.push_front(slot));
    }

    pub(crate) fn push_pinned(&self, task: New) {
        self.pinned.borrow_mut().push_back(task);
    }

    pub(crate) fn push_stealable(&self, task: New) {
        self.stealable.push(task);
    }

    pub(crate) fn have_work(&self) -> bool {
        !self.ready.borrow().is_empty()
            || !self.pinned.borrow().is_empty()
            || !self.stealable.is_empty()
    }

    /// The next to run; a new one, if there is any and `prefer_new` says so. Calls `come_home` before it does anything that could use
    /// thread-locals.
    #[inline]
    pub(crate) fn next(&self, prefer_new: bool, come_home: impl Fn()) -> Option<Next> {
        if prefer_new && let Some(task) = self.next_new(&come_home) {
            return Some(Next::Start(task));
        }
        match self.next_ready() {
            Some(slot) => Some(Next::Resume(slot)),
            None => self.next_new(&come_home).map(Next::Start),
        }
    }

    /// Whether a push has to allocate.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        let ready = self.ready.borrow();
        ready.len() == ready.capacity()
    }

    #[inline]
    fn next_ready(&self) -> Option<u32> {
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

    /// The oldest new coroutine of either queue.
    #[inline]
    pub(crate) fn next_new(&self, come_home: impl Fn()) -> Option<New> {
        let pinned = self.pinned.borrow_mut().pop_front();
        if pinned.is_some() || self.stealable.is_empty() {
            return pinned;
        }
        // The deque may shrink, and then uses its thread's garbage collector.
        come_home();
        self.stealable.pop()
    }

    /// Takes new coroutines from another worker. False if nobody has any.
    pub(crate) fn steal(&self, pool: &Pool, me: usize) -> bool {
        let others = pool.stealers();
        // Each starts with its neighbour, so that thieves do not all turn to the same one.
        let order = (1..others.len()).map(|step| &others[(me + step) % others.len()]);
        for victim in order {
            loop {
                match victim.steal_batch(&self.stealable) {
                    Steal::Success(()) => return true,
                    Steal::Empty => break,
                    Steal::Retry => {}
                }
            }
        }
        false
    }
}
