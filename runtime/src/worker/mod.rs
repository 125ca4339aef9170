//! Workers: one OS thread each, with its own run queue, timers, sockets and stacks.

mod dormant;
mod inbox;
mod queue;
mod ring;
mod run;
mod shared;
mod sleep;
mod spin;
mod target;
#[cfg(test)]
mod tests;
mod wake;

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::sync::Arc;
use std::time::Instant;

use slab::Slab;

pub(crate) use inbox::Inbox;
pub(crate) use shared::{Message, Shared};
pub(crate) use target::Target;
pub(crate) use wake::{cancel, unpark};

use crate::context::Context;
use crate::coroutine::Task;
use crate::fairness::{
    OPERATIONS_PER_TIMER_CHECK, SWITCHES_PER_TIMER_CHECK, TIMER_CHECKS_PER_POLL,
};
use crate::runtime::Pool;
use crate::stack;
use crate::sys::report::report;
use crate::sys::{errno::Errno, fault, poller::Poller};
use crate::time::clock::Clock;
use crate::time::wheel::Wheel;
use crate::tls;
use queue::Queues;
use run::{Fired, Live};

/// What only the worker's own thread uses: its loop, and the coroutines that it runs, one at a time.
///
/// Nothing in here stays borrowed over a switch, but `live`, which only the loop uses.
pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) shared: &'static Shared,
    pub(crate) pool: Arc<Pool>,
    /// How to give coroutines thread-locals of their own. `None` in Shared mode.
    pub(crate) facts: Option<&'static tls::Facts>,
    pub(crate) clock: Clock,
    pub(crate) queues: Queues,
    /// Coroutines that have been suspended at least once.
    live: RefCell<Slab<Live>>,
    /// Ended in this turn, to be dropped after it.
    finished: RefCell<Vec<Arc<dyn Task>>>,
    dormant: dormant::Dormant,
    timers: RefCell<Wheel>,
    stacks: RefCell<stack::Pool>,
    poller: RefCell<Poller>,
    spin: spin::Spin,
    /// Non-blocking operations of all coroutines in this turn of the loop.
    operations: Cell<u32>,
    /// Coroutines that run here, or will.
    started: Cell<usize>,
    thread_pointer: Cell<usize>,
    /// Whether the thread register is still at the block of the coroutine that ran last.
    away: Cell<bool>,
    /// The thread's, shared by its coroutines in Shared mode.
    errno: OnceCell<Errno>,
    stack_reserved: usize,
}

/// What a worker is made of, in another thread than it will run in.
pub(crate) struct Parts {
    pub(crate) index: usize,
    pub(crate) shared: &'static Shared,
    pub(crate) poller: Poller,
    pub(crate) queue: crossbeam_deque::Worker<queue::New>,
    pub(crate) epoch: Instant,
}

impl Worker {
    pub(crate) fn new(parts: Parts, pool: Arc<Pool>) -> Worker {
        let config = &pool.config;
        Worker {
            index: parts.index,
            shared: parts.shared,
            facts: pool.facts,
            clock: Clock::new(parts.epoch, config.paused_clock),
            queues: Queues::new(parts.queue, config.seed),
            live: RefCell::default(),
            finished: RefCell::new(Vec::with_capacity(run::DROPS)),
            dormant: dormant::Dormant::default(),
            timers: RefCell::new(Wheel::new()),
            stacks: RefCell::default(),
            poller: RefCell::new(parts.poller),
            spin: spin::Spin::new(),
            operations: Cell::new(0),
            started: Cell::new(0),
            thread_pointer: Cell::new(0),
            away: Cell::new(false),
            errno: OnceCell::new(),
            stack_reserved: config.stack_reserved,
            pool,
        }
    }

    #[inline(always)]
    pub(crate) fn errno(&self) -> Errno {
        *self.errno.get_or_init(Errno::of_thread)
    }

    pub(crate) fn shares_locals(&self) -> bool {
        self.facts.is_none()
    }

    /// Counts an operation that did not block towards the next look at timers.
    #[inline]
    pub(crate) fn count_operation(&self) {
        self.operations.set(self.operations.get() + 1);
    }

    /// Runs until the runtime is closed and every coroutine here has ended.
    pub(crate) fn main(self) {
        // A panic in here would tear down frames that coroutines refer to.
        let bomb = AbortOnUnwind;
        let _alternate_stack = fault::AlternateStack::ensure();
        self.thread_pointer.set(tls::thread_pointer());
        let cx = Context::of_worker(&self);
        let entered = cx.enter();
        if let Err(e) = self.turn_until_closed(&cx) {
            report(format_args!("a worker cannot wait for events any more: {e}"));
            std::process::abort();
        }
        self.abandon(self.shared.inbox().close());
        drop(entered);
        self.shared.retire();
        let pool = self.pool.clone();
        // Before: whoever waits for the end finds the descriptors closed.
        drop(self);
        pool.take_leave();
        std::mem::forget(bomb);
    }

    fn turn_until_closed(&self, cx: &Context) -> io::Result<()> {
        let mut letters = Vec::new();
        let mut checks = 0u32;
        loop {
            self.read(&mut letters);
            self.pool.share_out(self);
            self.turn(cx);
            self.fire_timers();
            if self.queues.have_work() || self.shared.inbox().is_pending() {
                checks = checks.wrapping_add(1);
                if checks.is_multiple_of(TIMER_CHECKS_PER_POLL) {
                    self.shared
                        .wait(&mut self.poller.borrow_mut(), Some(std::time::Duration::ZERO))?;
                }
                continue;
            }
            if self.pool.is_closing() {
                // Those that came after the message to close, or are before it.
                if !self.dormant.is_empty() {
                    self.rise_all();
                    continue;
                }
                if self.started.get() == 0 {
                    return Ok(());
                }
            }
            if !self.steal() {
                self.sleep()?;
            }
        }
    }

    /// Runs coroutines until none is ready, or it is time to look at timers and sockets.
    fn turn(&self, cx: &Context) {
        self.operations.set(0);
        self.make_room();
        let mut switches = 0;
        while switches < SWITCHES_PER_TIMER_CHECK
            && self.operations.get() < OPERATIONS_PER_TIMER_CHECK
        {
            match self.queues.next(|| self.come_home()) {
                Some(queue::Next::Resume(slot)) => self.resume(cx, slot),
                Some(queue::Next::Start(task)) => self.start(cx, task),
                None => break,
            }
            switches += 1;
        }
        self.come_home();
        self.finished.borrow_mut().clear();
    }

    /// Takes new coroutines from other workers, and wakes one more if some are left for it.
    fn steal(&self) -> bool {
        let stolen = self.queues.steal(&self.pool, self.index);
        if stolen {
            self.pool.rouse_one();
        }
        stolen
    }

    fn read(&self, letters: &mut Vec<Message>) {
        if !self.shared.inbox().is_pending() {
            return;
        }
        self.shared.inbox().take(letters);
        let mut abandoned = false;
        for letter in letters.drain(..) {
            match letter {
                Message::Start(task) => self.queues.push_pinned(task),
                Message::Wake(task) => self.deliver_wake(&task),
                Message::Close => self.cancel_all(),
                Message::Abandon => abandoned = true,
            }
        }
        if abandoned {
            self.leave_for_ever();
        }
    }

    fn fire_timers(&self) {
        // Read even if there is no timer: time-outs look at the latest reading.
        let now = self.clock.now();
        let mut timers = self.timers.borrow_mut();
        if timers.len() > 0 {
            let live = self.live.borrow();
            let (mut risen, mut early) = (Vec::new(), Vec::new());
            timers.advance(now, |owner| match self.dormant_owner(owner) {
                Some(slot) => risen.push(slot),
                None => match live.get(owner as usize).map(|live| live.time_out(now)) {
                    Some(Fired::Due) => self.queues.push_due(owner),
                    Some(Fired::Early(deadline)) => early.push((owner, deadline)),
                    Some(Fired::InVain) | None => {}
                },
            });
            for (slot, deadline) in early {
                live[slot as usize].set_timer(timers.insert(deadline, slot));
            }
            drop(timers);
            risen.into_iter().for_each(|slot| self.rise(slot));
        }
    }

    /// With coroutines that did not end in time: they keep this thread for ever, since their stacks cannot be freed.
    fn leave_for_ever(&self) {
        self.abandon(self.shared.inbox().close());
        self.abandon_dormant();
        loop {
            std::thread::park();
        }
    }
}

struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        report(format_args!(
            "a worker has panicked outside any coroutine; this is a bug in the runtime"
        ));
        std::process::abort();
    }
}
