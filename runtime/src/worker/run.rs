//! Starting, resuming and finishing coroutines.

use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use corosensei::CoroutineResult;

use super::{Message, Worker};
use crate::cancel::Cancelled;
use crate::context::Context;
use crate::coroutine::{self, Header, RawCoroutine, Resume, Run, Suspend, Task};
use crate::stack::Stack;
use crate::time::wheel::Key;
use crate::tls;

/// A coroutine that has been suspended.
pub(super) struct Live {
    task: Arc<dyn Task>,
    /// The task's, without going through its type.
    header: NonNull<Header>,
    coroutine: RawCoroutine,
    /// Its block's thread pointer, in Own mode.
    tp: usize,
    timer: Cell<Option<Key>>,
    timed_out: Cell<bool>,
}

impl Live {
    /// Its deadline has passed.
    pub(super) fn time_out(&self) {
        self.timer.set(None);
        self.timed_out.set(true);
        self.header().set_run(Run::Woken);
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
        if self.pool.is_closing() || header.cancel.is_made() {
            return task.abandon(Box::new(Cancelled));
        }
        let reserved =
            header.settings.as_ref().and_then(|s| s.reserved).unwrap_or(self.stack_reserved);
        let mut stack = match self.stacks.borrow_mut().get(reserved) {
            Ok(stack) => stack,
            Err(e) => return task.abandon(Box::new(e)),
        };
        if let Some(facts) = self.facts
            && let Err(e) = stack.own_thread_locals(facts)
        {
            self.stacks.borrow_mut().put(stack);
            return task.abandon(Box::new(e));
        }
        header.set_home(self.shared);
        self.started.set(self.started.get() + 1);
        let tp = stack.block.as_ref().map_or(0, |b| b.tp());
        // SAFETY: `task` stays here, or in the table, until the coroutine has returned.
        let mut coroutine = unsafe { coroutine::start(&task, stack, self) };
        match self.switch_to(cx, &mut coroutine, Resume::Woken, tp) {
            CoroutineResult::Return(()) => self.finish(&task, coroutine.into_stack()),
            CoroutineResult::Yield(how) => {
                let mut live = self.live.borrow_mut();
                let entry = live.vacant_entry();
                let slot = entry.key() as u32;
                task.header().slot.store(slot, Ordering::Relaxed);
                let entry = entry.insert(Live {
                    header: NonNull::from(task.header()),
                    task,
                    coroutine,
                    tp,
                    timer: Cell::new(None),
                    timed_out: Cell::new(false),
                });
                self.suspended(entry, slot, how);
            }
        }
    }

    /// Runs a suspended coroutine until it suspends again or ends.
    #[inline]
    pub(super) fn resume(&self, cx: &Context, slot: u32) {
        let mut table = self.live.borrow_mut();
        let live = &mut table[slot as usize];
        if let Some(timer) = live.timer.take() {
            self.timers.borrow_mut().cancel(timer);
        }
        let input = if live.timed_out.replace(false) { Resume::TimedOut } else { Resume::Woken };
        live.header().set_run(Run::Running);
        match self.switch_to(cx, &mut live.coroutine, input, live.tp) {
            CoroutineResult::Yield(how) => self.suspended(live, slot, how),
            CoroutineResult::Return(()) => {
                self.come_home();
                let live = table.remove(slot as usize);
                drop(table);
                self.finish(&live.task, live.coroutine.into_stack());
            }
        }
    }

    /// Switches to a coroutine. In Own mode its block stays in the thread register: what follows touches no thread-local before
    /// `come_home`, which is why this and its callers only move numbers between the worker's own tables.
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
            self.queues.push_ready(slot);
            return;
        }
        header.set_run(Run::Parked);
        if let Some(deadline) = how.deadline() {
            live.timer.set(Some(self.timers.borrow_mut().insert(deadline, slot)));
        }
    }

    /// A coroutine has returned from its root: nothing of it is left on its stack.
    #[inline]
    fn finish(&self, task: &Arc<dyn Task>, stack: Stack) {
        self.come_home();
        if let (Some(facts), Some(block)) = (self.facts, &stack.block) {
            // SAFETY: the coroutine has ended, and its thread-locals' destructors have run.
            unsafe { block.reset(facts) };
        }
        self.stacks.borrow_mut().put(stack);
        self.started.set(self.started.get() - 1);
        task.header().set_run(Run::Finished);
        task.complete();
    }

    /// Asks everything that has started here to end. What has not is ended when its turn comes.
    pub(super) fn cancel_all(&self) {
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
        let queued = std::iter::from_fn(|| self.queues.next_new());
        starts.chain(queued).for_each(|task| task.abandon(Box::new(Cancelled)));
    }
}
