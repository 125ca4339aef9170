//! A coroutine's control block, and the job (closure, then result) that it carries.

use std::any::Any;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::thread;

use super::parent::Child;
use crate::cancel::{self, Cancelled};
use crate::park::{Reason, Unparker};
use crate::worker::Shared;

/// What a coroutine is doing, as its worker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Run {
    /// It runs, or has not started.
    Running,
    /// In the run queue, after a yield.
    Yielded,
    Parked,
    /// In the run queue, after a park.
    Woken,
    /// Not started, nor in the run queue: it waits for an unpark.
    Dormant,
    Finished,
}

/// What a spawner can set. Boxed: most coroutines have none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) name: Option<Box<str>>,
    /// Bytes to reserve for the stack, checked.
    pub(crate) reserved: Option<usize>,
}

/// The control block. Fields marked *home* are used on the home worker's thread only; they are relaxed atomics because the
/// block as a whole is shared.
#[derive(Debug)]
pub(crate) struct Header {
    /// Given out at the first question.
    id: AtomicU64,
    pub(crate) settings: Option<Box<Settings>>,
    pub(crate) spawned_at: &'static Location<'static>,
    /// The worker it started on, or will for certain. Null before that is known.
    home: AtomicPtr<Shared>,
    /// *Home.* Its index in the worker's table, once it has been suspended, or while it is dormant in that of those.
    pub(crate) slot: AtomicU32,
    /// *Home.* A [`Run`].
    run: AtomicU8,
    /// *Home.* An unpark that came while it was not parked.
    token: AtomicBool,
    /// A message to the home worker is on its way.
    pub(crate) wake_pending: AtomicBool,
    /// The bits below.
    life: AtomicU8,
    pub(crate) cancel: cancel::Request,
    /// *Home.* The label of the current or latest wait.
    reason: AtomicPtr<Reason>,
    /// Belongs to the handle until JOINER is set; then to the worker.
    joiner: UnsafeCell<Option<Unparker>>,
}

// SAFETY: `joiner` passes from handle to worker by `life`'s release and acquire; everything else is atomic or immutable.
unsafe impl Sync for Header {}

/// The result is in place.
const RESULT: u8 = 1;
/// The handle is gone: nobody will ask for the result.
const DETACHED: u8 = 2;
/// Everything has ended, thread-locals included.
const FINISHED: u8 = 4;
/// `joiner` is set.
const JOINER: u8 = 8;

impl Header {
    pub(crate) fn new(
        settings: Option<Box<Settings>>,
        spawned_at: &'static Location<'static>,
    ) -> Header {
        Header {
            id: AtomicU64::new(0),
            settings,
            spawned_at,
            home: AtomicPtr::new(std::ptr::null_mut()),
            slot: AtomicU32::new(u32::MAX),
            run: AtomicU8::new(Run::Running as u8),
            token: AtomicBool::new(false),
            wake_pending: AtomicBool::new(false),
            life: AtomicU8::new(0),
            cancel: cancel::Request::default(),
            reason: AtomicPtr::new(std::ptr::null_mut()),
            joiner: UnsafeCell::new(None),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        match self.id.load(Ordering::Relaxed) {
            0 => {
                let new = NEXT.fetch_add(1, Ordering::Relaxed);
                self.id
                    .compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed)
                    .map_or_else(|id| id, |_| new)
            }
            id => id,
        }
    }

    #[inline]
    pub(crate) fn home(&self) -> Option<&'static Shared> {
        // SAFETY: only ever set from a `&'static Shared`.
        unsafe { self.home.load(Ordering::SeqCst).as_ref() }
    }

    /// Set by a spawner that knows where it will start, before anybody else has the task.
    pub(crate) fn preset_home(&self, home: &'static Shared) {
        self.home.store(std::ptr::from_ref(home).cast_mut(), Ordering::Relaxed);
    }

    pub(crate) fn set_home(&self, home: &'static Shared) {
        // Sequentially consistent, as is the request to cancel: whoever cancels sees the home and sends a wake-up, or the coroutine sees
        // the request before its first wait.
        self.home.swap(std::ptr::from_ref(home).cast_mut(), Ordering::SeqCst);
    }

    #[inline]
    pub(crate) fn run(&self) -> Run {
        match self.run.load(Ordering::Relaxed) {
            0 => Run::Running,
            1 => Run::Yielded,
            2 => Run::Parked,
            3 => Run::Woken,
            4 => Run::Dormant,
            _ => Run::Finished,
        }
    }

    #[inline]
    pub(crate) fn set_run(&self, run: Run) {
        self.run.store(run as u8, Ordering::Relaxed);
    }

    pub(crate) fn set_slot(&self, slot: u32) {
        self.slot.store(slot, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn leave_token(&self) {
        self.token.store(true, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn take_token(&self) -> bool {
        let had = self.token.load(Ordering::Relaxed);
        if had {
            self.token.store(false, Ordering::Relaxed);
        }
        had
    }

    #[inline]
    pub(crate) fn is_finished(&self) -> bool {
        self.life.load(Ordering::Acquire) & FINISHED != 0
    }

    /// Has `unparker` woken when the coroutine finishes. False if it already has.
    ///
    /// # Safety
    /// Called by the handle, once, or again after `clear_joiner`.
    pub(crate) unsafe fn set_joiner(&self, unparker: Unparker) -> bool {
        // SAFETY: JOINER is not set, so the field is the handle's.
        unsafe { *self.joiner.get() = Some(unparker) };
        self.life.fetch_or(JOINER, Ordering::AcqRel) & FINISHED == 0
    }

    pub(crate) fn has_joiner(&self) -> bool {
        self.life.load(Ordering::Relaxed) & JOINER != 0
    }

    /// Undoes `set_joiner`. The joiner may be woken all the same, if the coroutine has finished.
    ///
    /// # Safety
    /// Called by the handle.
    pub(crate) unsafe fn clear_joiner(&self) {
        if self.life.fetch_and(!JOINER, Ordering::AcqRel) & FINISHED == 0 {
            // SAFETY: the worker had not come to it when JOINER was taken away, so the field is the handle's again.
            unsafe { *self.joiner.get() = None };
        }
    }

    fn finish(&self) {
        if self.life.fetch_or(FINISHED, Ordering::AcqRel) & JOINER != 0
            // SAFETY: JOINER is set, so the field is the worker's.
            && let Some(joiner) = unsafe { &mut *self.joiner.get() }.take()
        {
            joiner.unpark();
        }
    }

    #[inline]
    pub(crate) fn set_reason(&self, reason: &'static Reason) {
        self.reason.store(std::ptr::from_ref(reason).cast_mut(), Ordering::Relaxed);
    }

    /// What it waits for, or waited for last.
    pub(crate) fn reason(&self) -> Option<&'static Reason> {
        // SAFETY: only ever set from a `&'static Reason`.
        unsafe { self.reason.load(Ordering::Relaxed).as_ref() }
    }
}

/// A coroutine's job, whatever its types.
pub(crate) trait Task: Send + Sync {
    fn header(&self) -> &Header;

    /// Runs the closure and keeps its result or panic. Called once, on the coroutine.
    fn run(&self);

    /// Ends a task that is not going to run, with `why` for its result.
    fn abandon(&self, why: Box<dyn Any + Send>);

    fn parent(&self) -> Option<&Child>;

    /// Tells joiner and parent that everything has ended. Called once, at the very end of the coroutine.
    fn complete(&self);
}

/// A task whose result can be asked for.
pub(crate) trait Joinable<T>: Task {
    /// The result.
    ///
    /// # Safety
    /// Called once, by the handle, after `is_finished`.
    unsafe fn take(&self) -> thread::Result<T>;

    /// The handle goes without having taken the result.
    fn detach(&self);
}

enum Stage<F, T> {
    Pending(F),
    Done(thread::Result<T>),
    Empty,
}

/// Control block, closure, result: one allocation a coroutine.
pub(crate) struct Job<F, T> {
    header: Header,
    parent: Option<Child>,
    /// Belongs to the worker until RESULT is set; then to the handle, or to whoever finds it detached.
    stage: UnsafeCell<Stage<F, T>>,
}

// SAFETY: `stage` has one user at a time (see there), and passes between threads by `life`'s acquire and release; what it
// holds may be sent.
unsafe impl<F: Send, T: Send> Sync for Job<F, T> {}

impl<F, T> Job<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    pub(crate) fn new(f: F, header: Header, parent: Option<Child>) -> Job<F, T> {
        Job { header, parent, stage: UnsafeCell::new(Stage::Pending(f)) }
    }

    fn set_result(&self, result: thread::Result<T>) {
        // SAFETY: RESULT is not set yet, so `stage` is the worker's.
        unsafe { *self.stage.get() = Stage::Done(result) };
        if self.header.life.fetch_or(RESULT, Ordering::AcqRel) & DETACHED != 0 {
            self.drop_result();
        }
    }

    /// Drops a result nobody asks for. A panic in that destructor was reported by the hook, and has nowhere to go.
    fn drop_result(&self) {
        // SAFETY: called by the second of RESULT and DETACHED, so by one party only.
        let stage = unsafe { std::mem::replace(&mut *self.stage.get(), Stage::Empty) };
        if let (Some(parent), Stage::Done(Err(payload))) = (&self.parent, &stage)
            && !payload.is::<Cancelled>()
        {
            parent.panicked();
        }
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(stage))) {
            std::mem::forget(payload);
        }
    }
}

impl<F, T> Task for Job<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    fn header(&self) -> &Header {
        &self.header
    }

    fn parent(&self) -> Option<&Child> {
        self.parent.as_ref()
    }

    fn run(&self) {
        // SAFETY: RESULT is not set yet, so `stage` is the worker's.
        let stage = unsafe { std::mem::replace(&mut *self.stage.get(), Stage::Empty) };
        let Stage::Pending(f) = stage else { return };
        let result = if self.header.cancel.is_made() {
            // Cancelled before it started. What it captured is dropped here, where destructors wait as ever.
            self.header.cancel.end();
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(f)));
            dropped.and(Err(Box::new(Cancelled) as Box<dyn Any + Send>))
        } else {
            catch_unwind(AssertUnwindSafe(f))
        };
        // Destructors of locals follow, and that of a result which nobody asks for. One that unwound would abort the process.
        self.header.cancel.end();
        self.set_result(result);
    }

    fn abandon(&self, why: Box<dyn Any + Send>) {
        // SAFETY: as in `run`. The closure's destructor is the user's code.
        let stage = unsafe { std::mem::replace(&mut *self.stage.get(), Stage::Empty) };
        let _ = catch_unwind(AssertUnwindSafe(|| drop(stage))).map_err(std::mem::forget);
        self.set_result(Err(why));
        self.complete();
    }

    fn complete(&self) {
        self.header.finish();
        if let Some(parent) = &self.parent {
            parent.finished(&self.header);
        }
    }
}

impl<F, T> Joinable<T> for Job<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    unsafe fn take(&self) -> thread::Result<T> {
        // SAFETY: RESULT is set and the handle has not detached, so `stage` is the handle's.
        match unsafe { std::mem::replace(&mut *self.stage.get(), Stage::Empty) } {
            Stage::Done(result) => result,
            _ => Err(Box::new(Cancelled)),
        }
    }

    fn detach(&self) {
        if self.header.life.fetch_or(DETACHED, Ordering::AcqRel) & RESULT != 0 {
            self.drop_result();
        }
    }
}
