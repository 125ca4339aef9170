//! Starting, resuming and finishing coroutines.

use std::cell::Cell;
use std::io;
use std::ptr::NonNull;
use std::sync::Arc;

use corosensei::CoroutineResult;

use super::queue::Next;
use super::{Message, Worker};
use crate::cancel::Cancelled;
use crate::context::Context;
use crate::coroutine::{self, Header, RawCoroutine, Resume, Run, Suspend, Task};
use crate::fairness::SWITCHES_PER_TIMER_CHECK;
use crate::stack::Stack;
use crate::time::wheel::Key;
use crate::tls;

/// Finished tasks that are dropped together.
pub(super) const DROPS: usize = 6;

/// A coroutine that has been suspended.
pub(super) struct Live {
    task: Arc<dyn Task>,
    /// The task's, without going through its type.
    header: NonNull<Header>,
    coroutine: RawCoroutine,
    /// Its block's thread pointer, in Own mode.
    tp: usize,
    /// Left in place when the coroutine is woken: the next wait's deadline is mostly a later one, for which this serves as a reminder.
    timer: Cell<Option<Key>>,
    /// Of its wait, by the worker's clock.
    deadline: Cell<u64>,
    timed_out: Cell<bool>,
}

/// What a timer was for.
pub(super) enum Fired {
    /// A wait that is over.
    Due,
    /// A wait whose deadline is later.
    Early(u64),
    /// A wait that is over already.
    InVain,
}

impl Live {
    /// Its timer has fired.
    pub(super) fn time_out(&self, now: u64) -> Fired {
        self.timer.set(None);
        if self.header().run() != Run::Parked {
            return Fired::InVain;
        }
        if self.deadline.get() > now {
            return Fired::Early(self.deadline.get());
        }
        self.timed_out.set(true);
        self.header().set_run(Run::Woken);
        Fired::Due
    }

    /// It got a timer.
    pub(super) fn set_timer(&self, timer: Key) {
        self.timer.set(Some(timer));
    }

    #[inline(always)]
    fn header(&self) -> &Header {
        // SAFETY: inside the task that `task` keeps alive.
        unsafe { self.header.as_ref() }
    }
}

impl Worker {
    /// Runs a new coroutine until it first suspends.
    #[inline]
    pub(super) fn start(&self, cx: &Context, task: Arc<dyn Task>) {
        let header = task.header();
        if self.pool.is_closing() {
            // It still gets a stack: what it captured is dropped there, by destructors that may wait.
            header.cancel.make();
        }
        let reserved =
            header.settings.as_ref().and_then(|s| s.reserved).unwrap_or(self.stack_reserved);
        let at_hand = self.stacks.borrow_mut().get_at_hand(reserved);
        let stack = match at_hand {
            Some(stack) if stack.block.is_some() || self.facts.is_none() => stack,
            other => match self.prepare_stack(other, reserved) {
                Ok(stack) => stack,
                Err(e) => return task.abandon(Box::new(e)),
            },
        };
        if let (Some(block), Some(facts)) = (&stack.block, self.facts) {
            // SAFETY: nothing runs on it, and a coroutine stays on the worker that starts it.
            unsafe { block.adopt(facts, self.thread_pointer.get()) };
        }
        if !header.home().is_some_and(|home| std::ptr::eq(home, self.shared)) {
            header.set_home(self.shared);
        }
        self.started.set(self.started.get() + 1);
        let tp = stack.block.as_ref().map_or(0, |b| b.tp());
        // SAFETY: `task` stays here, or in the table, until the coroutine has returned.
        let mut coroutine = unsafe { coroutine::start(&task, stack, self) };
        match self.switch_to(cx, &mut coroutine, Resume::Woken, tp) {
            CoroutineResult::Return(()) => self.finish(task, coroutine.into_stack()),
            CoroutineResult::Yield(how) => {
                let mut live = self.live.borrow_mut();
                let entry = live.vacant_entry();
                let slot = entry.key() as u32;
                task.header().set_slot(slot);
                let entry = entry.insert(Live {
                    header: NonNull::from(task.header()),
                    task,
                    coroutine,
                    tp,
                    timer: Cell::new(None),
                    deadline: Cell::new(0),
                    timed_out: Cell::new(false),
                });
                self.suspended(entry, slot, how);
            }
        }
    }

    /// A stack with everything that a coroutine of this worker needs.
    #[cold]
    fn prepare_stack(&self, at_hand: Option<Stack>, reserved: usize) -> io::Result<Stack> {
        self.come_home();
        let mut stack = match at_hand {
            Some(stack) => stack,
            None => self.stacks.borrow_mut().get(reserved)?,
        };
        if let Some(facts) = self.facts
            && let Err(e) = stack.build_block(facts)
        {
            self.stacks.borrow_mut().put(stack);
            return Err(e);
        }
        Ok(stack)
    }

    /// Runs a suspended coroutine until it suspends again or ends.
    #[inline]
    pub(super) fn resume(&self, cx: &Context, slot: u32) {
        let mut table = self.live.borrow_mut();
        let live = &mut table[slot as usize];
        let input = if live.timed_out.replace(false) { Resume::TimedOut } else { Resume::Woken };
        live.header().set_run(Run::Running);
        match self.switch_to(cx, &mut live.coroutine, input, live.tp) {
            CoroutineResult::Yield(how) => self.suspended(live, slot, how),
            CoroutineResult::Return(()) => {
                let live = table.remove(slot as usize);
                drop(table);
                if let Some(timer) = live.timer.take() {
                    self.timers.borrow_mut().cancel(timer);
                }
                self.finish(live.task, live.coroutine.into_stack());
            }
        }
    }

    /// Drops a finished coroutine's task where the allocator may be called. A few at a time: the register is written once for all of
    /// them, and no more than malloc's cache for one size holds.
    #[inline]
    fn drop_at_home(&self, task: Arc<dyn Task>) {
        let mut finished = self.finished.borrow_mut();
        finished.push(task);
        if finished.len() == DROPS {
            self.come_home();
            finished.clear();
        }
    }

    /// Before a turn, at home: so that until its end no table has to grow, and the allocator is not called from another block.
    pub(super) fn make_room(&self) {
        let switches = SWITCHES_PER_TIMER_CHECK as usize;
        self.live.borrow_mut().reserve(switches);
        self.timers.borrow_mut().reserve(switches);
    }

    /// Switches to a coroutine. In Own mode its block stays in the thread register: what follows must not touch a thread-local
    /// before `come_home`. So it does no more than move numbers between tables that have room for them.
    #[inline(always)]
    fn switch_to(
        &self,
        cx: &Context,
        coroutine: &mut RawCoroutine,
        input: Resume,
        tp: usize,
    ) -> CoroutineResult<Suspend, ()> {
        match self.facts {
            // SAFETY: `tp` is that of the block on this coroutine's stack; thread-locals are left alone until `come_home`.
            Some(facts) => unsafe {
                self.away.set(true);
                tls::resume_on(coroutine, input, tp, facts.fsgsbase())
            },
            None => {
                let result = coroutine.resume(input);
                cx.reenter();
                result
            }
        }
    }

    /// Before anything but the next switch: back to the worker's own thread-locals.
    #[inline(always)]
    pub(super) fn come_home(&self) {
        if let (true, Some(facts)) = (self.away.get(), self.facts) {
            self.away.set(false);
            // SAFETY: read on this thread when it started.
            unsafe { tls::go_home(self.thread_pointer.get(), facts.fsgsbase()) };
        }
    }

    /// Puts a coroutine where it belongs that has just been suspended.
    #[inline(always)]
    fn suspended(&self, live: &Live, slot: u32, how: Suspend) {
        let header = live.header();
        if how.is_yield() {
            header.set_run(Run::Yielded);
            if self.queues.is_full() {
                self.come_home();
            }
            self.queues.push_ready(slot);
            return;
        }
        header.set_run(Run::Parked);
        let (deadline, timer) = (how.deadline(), live.timer.get());
        if deadline.is_none() && timer.is_none() {
            return;
        }
        let mut timers = self.timers.borrow_mut();
        live.deadline.set(deadline.unwrap_or(u64::MAX));
        if let Some(timer) = timer {
            if deadline.is_some_and(|deadline| timers.fires_by(timer, deadline)) {
                return;
            }
            timers.cancel(timer);
        }
        live.timer.set(deadline.map(|deadline| timers.insert(deadline, slot)));
    }

    /// A coroutine has returned from its root: nothing of it is left on its stack.
    #[inline]
    fn finish(&self, task: Arc<dyn Task>, stack: Stack) {
        if let (Some(facts), Some(block)) = (self.facts, &stack.block) {
            // SAFETY: the coroutine has ended, and its thread-locals' destructors have run.
            unsafe { block.reset(facts) };
        }
        task.header().set_run(Run::Finished);
        self.started.set(self.started.get() - 1);
        let mut stacks = self.stacks.borrow_mut();
        if !stacks.has_room(stack.reserved()) {
            // Elsewhere the stack, and the block that the thread register may still be at, is no longer ours.
            self.come_home();
        }
        stacks.put(stack);
        drop(stacks);
        if self.away.get() {
            self.drop_at_home(task);
        }
    }

    /// Asks everything that has started here to end. What has not is ended when its turn comes.
    pub(super) fn cancel_all(&self) {
        self.rise_all();
        for (_, live) in &*self.live.borrow() {
            if live.header().cancel.make() {
                self.unpark_local(live.header());
            }
        }
    }

    /// Ends the tasks in messages that nobody will read.
    pub(super) fn abandon(&self, letters: Vec<Message>) {
        let starts = letters.into_iter().filter_map(|letter| match letter {
            Message::Start(task) => Some(task),
            _ => None,
        });
        let queued = std::iter::from_fn(|| self.queues.next(|| ())).filter_map(|next| match next {
            Next::Start(task) => Some(task),
            Next::Resume(_) => None,
        });
        starts.chain(queued).for_each(|task| task.abandon(Box::new(Cancelled)));
    }
}
