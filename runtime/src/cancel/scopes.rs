//! What surrounds a piece of code and can end its waits: a linked list of frames on the stack, one for each time-out, token or shield.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::{CancelToken, Cancelled, Interruption, Request, Why};
use crate::context;

thread_local! {
    /// The innermost frame of code that does not run on a coroutine.
    static OF_THREAD: Scopes = const { Scopes::new() };
}

/// Which interruptions end a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heed {
    All,
    /// Those that no call has reported yet.
    New,
}

/// The innermost frame around the code that runs on one coroutine or OS thread.
#[derive(Debug, Default)]
pub(crate) struct Scopes(Cell<Option<NonNull<Frame>>>);

impl Scopes {
    pub(crate) const fn new() -> Scopes {
        Scopes(Cell::new(None))
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.get().is_none()
    }

    /// The deadline that the frames set to a wait of the caller.
    pub(crate) fn deadline(&self, heed: Heed) -> Option<Instant> {
        let mut earliest: Option<Instant> = None;
        self.applying(std::thread::panicking(), |frame| {
            if let Kind::Deadline(at) = &frame.kind
                && (heed == Heed::All || !frame.reported.get())
            {
                earliest = Some(earliest.map_or(*at, |e| e.min(*at)));
            }
        });
        earliest
    }

    /// Calls `each` with the frames that a wait heeds, from the innermost on, up to a shield. True if there is none.
    ///
    /// Waits of destructors that run while unwinding heed what such a destructor has entered itself, and nothing else. If that unwinds in
    /// turn, what runs next may be a destructor inside, which must not unwind; there is no telling. So nothing that it passes, nor what is
    /// around that, is heeded again until it has arrived.
    fn applying(&self, panicking: bool, mut each: impl FnMut(&Frame)) -> bool {
        let mut next = self.0.get();
        while let Some(frame) = next {
            // SAFETY: a frame is in the list for as long as `run` has it on its stack.
            let frame = unsafe { frame.as_ref() };
            if matches!(frame.kind, Kind::Shield) {
                return false;
            }
            if panicking && frame.passed.get() {
                break;
            }
            if frame.in_panic == panicking {
                each(frame);
            }
            next = frame.around.get();
        }
        true
    }

    /// An unwinding to `end` begins, in a destructor that runs while unwinding.
    fn pass(&self, end: &Frame) {
        let mut next = self.0.get();
        while let Some(frame) = next {
            // SAFETY: as in `applying`.
            let frame = unsafe { frame.as_ref() };
            frame.passed.set(true);
            if std::ptr::eq(frame, end) {
                return;
            }
            next = frame.around.get();
        }
    }

    /// Takes off a frame that ends.
    fn remove(&self, ends: &Frame) {
        let mut place = &self.0;
        loop {
            match place.get() {
                Some(frame) if std::ptr::eq(frame.as_ptr(), ends) => {
                    return place.set(ends.around.get());
                }
                // Not the innermost: code has left this stack for another in between, as coroutines of other libraries do.
                // SAFETY: as in `applying`.
                Some(frame) => place = unsafe { &(*frame.as_ptr()).around },
                None => lost(),
            }
        }
    }
}

/// A frame ends, and elsewhere than it began.
#[cold]
fn lost() -> ! {
    // Whoever still has it in his list would use it when it is gone.
    eprintln!(
        "greenwood: a time-out, token or shield was entered on one coroutine or thread and left on another"
    );
    std::process::abort();
}

/// Calls `f` with the caller's scopes.
fn with_scopes<T>(f: impl FnOnce(&Scopes) -> T) -> T {
    match context::current().filter(|cx| cx.header().is_some()) {
        Some(cx) => f(&cx.scopes),
        None => OF_THREAD.with(f),
    }
}

/// [`pending`] where the caller cannot be cancelled, only be bound.
pub(crate) fn pending_on_thread(is_over: impl Fn(Instant) -> bool) -> Option<Interrupt> {
    with_scopes(|scopes| pending(None, scopes, Heed::All, is_over))
}

/// The deadline that what is around the caller sets to its waits.
pub(crate) fn deadline_around() -> Option<Instant> {
    with_scopes(|scopes| scopes.deadline(Heed::All))
}

/// Whether anything is around the caller that may end its waits.
pub(crate) fn is_surrounded() -> bool {
    let mut any = false;
    with_scopes(|scopes| {
        if !scopes.is_empty() {
            scopes.applying(std::thread::panicking(), |_| any = true);
        }
    });
    any
}

/// What a frame does.
#[derive(Debug)]
pub(super) enum Kind {
    Deadline(Instant),
    Token(CancelToken),
    Shield,
}

#[derive(Debug)]
struct Frame {
    around: Cell<Option<NonNull<Frame>>>,
    kind: Kind,
    /// A call has failed because of it; whatever blocks next unwinds.
    reported: Cell<bool>,
    /// What it is unwound with, 0 before that.
    id: Cell<u64>,
    /// Entered by a destructor that runs while a panic unwinds.
    in_panic: bool,
    /// An unwinding in such a destructor goes, or went, through it or to it: see [`Scopes::applying`].
    passed: Cell<bool>,
}

/// The payload that carries an unwinding to its frame and no further.
pub(super) struct Unwinding(u64);

/// The frame was left by an unwinding that was meant for it.
#[derive(Debug)]
pub(super) struct Left;

/// Runs `f` in a frame. An error if a wait in it had to end and unwound.
pub(super) fn run<T>(kind: Kind, f: impl FnOnce() -> T) -> Result<T, Left> {
    struct Leave<'a>(&'a Frame);
    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            with_scopes(|s| s.remove(self.0));
        }
    }
    let frame = Frame {
        around: Cell::new(with_scopes(|s| s.0.get())),
        kind,
        reported: Cell::new(false),
        id: Cell::new(0),
        in_panic: std::thread::panicking(),
        passed: Cell::new(false),
    };
    with_scopes(|s| s.0.set(Some(NonNull::from(&frame))));
    let leave = Leave(&frame);
    let result = catch_unwind(AssertUnwindSafe(f));
    drop(leave);
    result.or_else(|payload| match payload.downcast_ref::<Unwinding>() {
        Some(Unwinding(id)) if *id == frame.id.get() => Err(Left),
        _ => resume_unwind(payload),
    })
}

/// Something that ends the caller's wait. It stays pending until it has been reported or unwound; a wait whose condition came true at
/// the same time just drops this.
///
/// Never kept beyond the call that got it: it refers to the caller's own frames.
#[derive(Debug)]
#[must_use]
pub(crate) struct Interrupt(Cause);

#[derive(Debug)]
enum Cause {
    Request(NonNull<Request>),
    Frame(NonNull<Frame>),
}

/// What ends a wait of the caller now, if anything does. `is_over` tells whether a time has come.
///
/// The outermost of several: the code inside ends with it.
#[inline(always)]
pub(crate) fn pending(
    request: Option<&Request>,
    scopes: &Scopes,
    heed: Heed,
    is_over: impl Fn(Instant) -> bool,
) -> Option<Interrupt> {
    let request = request.filter(|r| r.is_pending());
    if request.is_none() && scopes.is_empty() {
        return None;
    }
    outermost(request, scopes, heed, is_over)
}

#[cold]
fn outermost(
    request: Option<&Request>,
    scopes: &Scopes,
    heed: Heed,
    is_over: impl Fn(Instant) -> bool,
) -> Option<Interrupt> {
    let panicking = std::thread::panicking();
    let request = request.filter(|r| heed == Heed::All || !r.is_reported());
    let mut found = None;
    let unshielded = scopes.applying(panicking, |frame| {
        let over = match &frame.kind {
            Kind::Deadline(at) => is_over(*at),
            Kind::Token(token) => token.is_cancelled(),
            Kind::Shield => false,
        };
        if over && (heed == Heed::All || !frame.reported.get()) {
            found = Some(Interrupt(Cause::Frame(NonNull::from(frame))));
        }
    });
    match request {
        Some(request) if unshielded && !panicking => {
            Some(Interrupt(Cause::Request(NonNull::from(request))))
        }
        _ => found,
    }
}

impl Interrupt {
    /// For calls that can fail. Unwinds if one has failed with it before, unless it is foreign code that calls.
    pub(crate) fn report(self) -> Interruption {
        let (first, why) = match self.0 {
            // SAFETY: in the caller's control block.
            Cause::Request(request) => (unsafe { request.as_ref() }.report(), Why::Cancelled),
            Cause::Frame(frame) => {
                // SAFETY: on the caller's stack.
                let frame = unsafe { frame.as_ref() };
                let deadline = matches!(frame.kind, Kind::Deadline(_));
                let why = if deadline { Why::Elapsed } else { Why::Cancelled };
                (!frame.reported.replace(true), why)
            }
        };
        if !first {
            match context::current() {
                // As in `unwind`: it goes on regardless.
                Some(cx) if cx.is_in_call() => crate::yield_now(),
                _ => self.unwind(),
            }
        }
        Interruption(why)
    }

    /// For calls that cannot: unwinds, quietly, to what is to end. Destructors run, no panic hook does. May suspend.
    pub(crate) fn unwind(self) -> ! {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let (first, payload): (bool, Box<dyn Any + Send>) = match self.0 {
            // SAFETY: in the caller's control block.
            Cause::Request(request) => (unsafe { request.as_ref() }.report(), Box::new(Cancelled)),
            Cause::Frame(frame) => {
                // SAFETY: on the caller's stack.
                let frame = unsafe { frame.as_ref() };
                if frame.id.get() == 0 {
                    frame.id.set(IDS.fetch_add(1, Ordering::Relaxed));
                }
                if frame.in_panic {
                    with_scopes(|scopes| scopes.pass(frame));
                }
                (!frame.reported.replace(true), Box::new(Unwinding(frame.id.get())))
            }
        };
        if !first {
            // Whoever catches everything and tries again waits no more. The others must have their turns all the same.
            crate::yield_now();
        }
        resume_unwind(payload)
    }
}
