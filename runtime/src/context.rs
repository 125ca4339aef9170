//! What runs on the calling thread: the coroutine and worker that blocking calls turn to.

use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Instant;

use crate::cancel::{self, Heed, Interrupt, Scopes};
use crate::coroutine::{Header, LocalMap, Resume, Suspend, Task, Yielder};
use crate::sys::fork;
use crate::worker::Worker;

thread_local! {
    /// In Own mode a coroutine's thread-locals hold its own context and a worker's hold the worker's. In Shared mode the two
    /// take turns in the one variable, which every switch sets.
    static CURRENT: Cell<*const Context> = const { Cell::new(std::ptr::null()) };
}

/// The context of a coroutine or, with no coroutine in it, of a worker's loop.
pub(crate) struct Context {
    worker: NonNull<Worker>,
    running: Option<Running>,
    /// Above zero, nothing may suspend: see [`crate::no_yield`].
    no_yield: Cell<u32>,
    /// Non-blocking operations left before a forced yield.
    budget: Cell<u32>,
    /// The budget ran out: before its next operation the coroutine is to look whether it is to end.
    looks: Cell<bool>,
    /// A call has passed what interrupted it on, and nobody has looked since.
    owes: Cell<bool>,
    call: Cell<Call>,
    shared_locals: bool,
    /// The process it runs in, see [`fork`].
    generation: u32,
    pub(crate) locals: LocalMap,
    /// What is around the code that runs, and ends its waits.
    pub(crate) scopes: Scopes,
}

/// Whether the code that runs is behind a function of another library: see [`crate::interpose`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    None,
    Running,
    /// It has waited, and may have had an unpark that was not meant for it.
    HasWaited,
}

/// The coroutine's part.
struct Running {
    yielder: NonNull<Yielder>,
    /// From an `Arc` that the worker holds while the coroutine lives.
    task: *const dyn Task,
    /// The task's, without going through its type.
    header: NonNull<Header>,
    stack_limit: usize,
    stack_base: usize,
}

/// The calling thread's context. Stays on the stack of the function that asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Current(NonNull<Context>);

impl std::ops::Deref for Current {
    type Target = Context;
    #[inline(always)]
    fn deref(&self) -> &Context {
        // SAFETY: `CURRENT` points to a context in the frame at the root of this very coroutine or worker, which outlives all that it
        // calls; `Current` is not `Send`, and nothing in this crate keeps one beyond the call that got it.
        unsafe { self.0.as_ref() }
    }
}

/// The context of the code that calls, if it runs on a worker.
#[inline(always)]
pub(crate) fn current() -> Option<Current> {
    NonNull::new(CURRENT.with(Cell::get).cast_mut()).map(Current)
}

/// The coroutine that calls, if it may suspend now.
#[inline(always)]
pub(crate) fn switchable() -> Option<Current> {
    current().filter(|cx| cx.may_switch())
}

/// Whether the caller is on a coroutine that may suspend now. Otherwise blocking calls block the OS thread.
///
/// False on a plain thread, on another stack than the coroutine's own, under [`no_yield`](crate::no_yield), in a forked child,
/// and with shared thread-locals while a panic unwinds.
#[inline]
pub fn may_switch() -> bool {
    switchable().is_some()
}

impl Context {
    pub(crate) fn of_worker(worker: &Worker) -> Context {
        Context {
            worker: NonNull::from(worker),
            running: None,
            no_yield: Cell::new(0),
            budget: Cell::new(0),
            looks: Cell::new(false),
            owes: Cell::new(false),
            call: Cell::new(Call::None),
            shared_locals: worker.shares_locals(),
            generation: fork::generation(),
            locals: LocalMap::default(),
            scopes: Scopes::new(),
        }
    }

    /// # Safety
    /// `task` comes from an `Arc`; it and the worker outlive the coroutine.
    pub(crate) unsafe fn of_coroutine(
        worker: NonNull<Worker>,
        yielder: &Yielder,
        task: *const dyn Task,
        (stack_limit, stack_base): (usize, usize),
    ) -> Context {
        // SAFETY: the worker that starts a coroutine outlives it: it leaves its loop only when none is left.
        let shared_locals = unsafe { worker.as_ref() }.shares_locals();
        Context {
            worker,
            running: Some(Running {
                yielder: NonNull::from(yielder),
                // SAFETY: the caller's promise.
                header: NonNull::from(unsafe { &*task }.header()),
                task,
                stack_limit,
                stack_base,
            }),
            no_yield: Cell::new(0),
            budget: Cell::new(crate::fairness::OPERATIONS_PER_TURN),
            looks: Cell::new(false),
            owes: Cell::new(false),
            call: Cell::new(Call::None),
            shared_locals,
            generation: fork::generation(),
            locals: LocalMap::default(),
            scopes: Scopes::new(),
        }
    }

    /// Makes this the calling thread's context until the guard goes.
    pub(crate) fn enter(&self) -> Entered<'_> {
        let previous = CURRENT.with(|c| c.replace(self));
        Entered { previous, _context: std::marker::PhantomData }
    }

    /// After a switch back to this context.
    #[inline(always)]
    pub(crate) fn reenter(&self) {
        CURRENT.with(|c| c.set(self));
    }

    #[inline(always)]
    pub(crate) fn worker(&self) -> &Worker {
        // SAFETY: as in `of_coroutine`; and the context never leaves the worker's thread.
        unsafe { self.worker.as_ref() }
    }

    /// What the worker's clock will show at `at`.
    #[inline(always)]
    pub(crate) fn reading(&self, at: Option<Instant>) -> Option<u64> {
        at.map(|at| self.worker().clock.reading(at))
    }

    #[inline(always)]
    fn may_switch(&self) -> bool {
        let Some(running) = &self.running else { return false };
        let here = &raw const running as usize;
        (running.stack_limit..running.stack_base).contains(&here)
            && self.no_yield.get() == 0
            && !self.is_forked()
            && !(self.shared_locals && std::thread::panicking())
    }

    /// The coroutine that runs, if it is one.
    pub(crate) fn task(&self) -> Option<Arc<dyn Task>> {
        self.running.as_ref().map(|running| {
            // SAFETY: the pointer is an `Arc`'s that the worker holds.
            unsafe {
                Arc::increment_strong_count(running.task);
                Arc::from_raw(running.task)
            }
        })
    }

    /// The coroutine that runs, if it is one, and its control block; both there for as long as it runs.
    #[inline(always)]
    pub(crate) fn pointers(&self) -> Option<(*const dyn Task, *const Header)> {
        self.running.as_ref().map(|r| (r.task, r.header.as_ptr().cast_const()))
    }

    /// Whether this is a child of the process that the coroutine was started in.
    #[inline(always)]
    pub(crate) fn is_forked(&self) -> bool {
        self.generation != fork::generation()
    }

    /// Its control block.
    #[inline(always)]
    pub(crate) fn header(&self) -> Option<&Header> {
        // SAFETY: inside the task that `running` keeps alive.
        self.running.as_ref().map(|r| unsafe { r.header.as_ref() })
    }

    /// Switches to the worker's loop, until it resumes this coroutine. The only place that leaves a coroutine's stack.
    ///
    /// To be called where [`switchable`] holds.
    #[inline(always)]
    pub(crate) fn suspend(&self, how: Suspend) -> Resume {
        let Some(running) = &self.running else { return Resume::Woken };
        // SAFETY: the yielder lives at the root of this coroutine's stack, on which we are.
        let yielder = unsafe { running.yielder.as_ref() };
        let resume = if self.shared_locals {
            let errno = self.worker().errno();
            let saved = errno.get();
            let resume = yielder.suspend(how);
            errno.set(saved);
            self.reenter();
            resume
        } else {
            yielder.suspend(how)
        };
        self.budget.set(crate::fairness::OPERATIONS_PER_TURN);
        resume
    }

    /// Accounts for one operation that did not block. False when it is the others' turn.
    #[inline]
    pub(crate) fn charge(&self) -> bool {
        self.worker().count_operation();
        match self.budget.get() {
            0 => {
                self.looks.set(true);
                false
            }
            n => {
                self.budget.set(n - 1);
                true
            }
        }
    }

    /// What is to end a coroutine that has used up its turn without ever having to wait.
    #[inline(always)]
    pub(crate) fn overdue(&self) -> Option<Interrupt> {
        if self.looks.get() { self.look() } else { None }
    }

    #[cold]
    fn look(&self) -> Option<Interrupt> {
        self.looks.set(false);
        self.owes.set(false);
        let clock = &self.worker().clock;
        let is_over = |at| clock.reading(at) <= clock.latest();
        cancel::pending(self.header().map(|h| &h.cancel), &self.scopes, Heed::All, is_over)
    }

    /// Has the next operation look, whether it waits or not.
    pub(crate) fn pass_on(&self) {
        self.looks.set(true);
        self.owes.set(true);
    }

    pub(crate) fn has_passed_on(&self) -> bool {
        self.owes.get()
    }

    /// False in a call already.
    #[inline(always)]
    pub(crate) fn begin_call(&self) -> bool {
        self.call.get() == Call::None && {
            self.call.set(Call::Running);
            true
        }
    }

    #[inline(always)]
    pub(crate) fn end_call(&self) {
        if self.call.replace(Call::None) == Call::HasWaited
            && let Some(header) = self.header()
        {
            header.leave_token();
        }
    }

    #[inline(always)]
    pub(crate) fn is_in_call(&self) -> bool {
        self.call.get() != Call::None
    }

    /// Takes note that the coroutine waits.
    #[inline(always)]
    pub(crate) fn note_wait(&self) {
        if self.is_in_call() {
            self.call.set(Call::HasWaited);
        }
    }

    pub(crate) fn raise_no_yield(&self) {
        self.no_yield.set(self.no_yield.get() + 1);
    }

    pub(crate) fn lower_no_yield(&self) {
        self.no_yield.set(self.no_yield.get() - 1);
    }

    /// The coroutine's id, 0 for a worker. Async-signal-safe, as the next ones are.
    pub(crate) fn id(&self) -> u64 {
        self.header().map_or(0, Header::id)
    }

    /// The coroutine's name.
    pub(crate) fn name(&self) -> Option<&str> {
        self.header()?.settings.as_ref()?.name.as_deref()
    }

    /// The lowest usable address of the coroutine's stack, 0 on a worker's own.
    pub(crate) fn stack_limit(&self) -> usize {
        self.running.as_ref().map_or(0, |r| r.stack_limit)
    }

    /// One past the highest address of the coroutine's stack, 0 on a worker's own.
    pub(crate) fn stack_base(&self) -> usize {
        self.running.as_ref().map_or(0, |r| r.stack_base)
    }
}

/// Puts the thread's former context back.
pub(crate) struct Entered<'a> {
    previous: *const Context,
    _context: std::marker::PhantomData<&'a Context>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        CURRENT.with(|c| c.set(self.previous));
    }
}
