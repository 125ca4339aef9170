//! What surrounds a piece of code and can end its waits: a linked list of frames on the stack, one for each time-out, token or shield.

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
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let mut earliest: Option<Instant> = None;
        let panicking = std::thread::panicking();
        self.until_shield(|frame| {
            if let (Kind::Deadline(at), true) = (&frame.kind, frame.applies(panicking)) {
                earliest = Some(earliest.map_or(*at, |e| e.min(*at)));
            }
        });
        earliest
    }

    /// Calls `each` with the frames from the innermost on, up to a shield. True if there is none.
    fn until_shield(&self, mut each: impl FnMut(&Frame)) -> bool {
        let mut next = self.0.get();
        while let Some(frame) = next {
            // SAFETY: a frame is in the list for as long as `run` has it on its stack, which is the caller's own.
            let frame = unsafe { frame.as_ref() };
            if matches!(frame.kind, Kind::Shield) {
                return false;
            }
            each(frame);
            next = frame.around;
        }
        true
    }
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
    with_scopes(|scopes| pending(None, scopes, is_over))
}

/// The deadline that what is around the caller sets to its waits.
pub(crate) fn deadline_around() -> Option<Instant> {
    with_scopes(Scopes::deadline)
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
    around: Option<NonNull<Frame>>,
    kind: Kind,
    /// A call has failed because of it; whatever blocks next unwinds.
    reported: Cell<bool>,
    /// What it is unwound with, 0 before that.
    id: Cell<u64>,
    /// Entered by a destructor that runs while a panic unwinds.
    in_panic: bool,
}

impl Frame {
    /// Whether waits heed it. Those of destructors that run while unwinding do not, except for what such a destructor has entered
    /// itself; and that unwinds once only, as there is no telling a second time from a destructor inside, which must not unwind.
    fn applies(&self, panicking: bool) -> bool {
        self.in_panic == panicking && !(panicking && self.id.get() != 0)
    }
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
            with_scopes(|s| s.0.set(self.0.around));
        }
    }
    let frame = Frame {
        around: with_scopes(|s| s.0.get()),
        kind,
        reported: Cell::new(false),
        id: Cell::new(0),
        in_panic: std::thread::panicking(),
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
    is_over: impl Fn(Instant) -> bool,
) -> Option<Interrupt> {
    let request = request.filter(|r| r.is_pending());
    if request.is_none() && scopes.is_empty() {
        return None;
    }
    outermost(request, scopes, is_over)
}

#[cold]
fn outermost(
    request: Option<&Request>,
    scopes: &Scopes,
    is_over: impl Fn(Instant) -> bool,
) -> Option<Interrupt> {
    let panicking = std::thread::panicking();
    let mut found = None;
    let unshielded = scopes.until_shield(|frame| {
        let over = match &frame.kind {
            Kind::Deadline(at) => is_over(*at),
            Kind::Token(token) => token.is_cancelled(),
            Kind::Shield => false,
        };
        if over && frame.applies(panicking) {
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
    /// For calls that can fail. Unwinds if one has failed with it before.
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
            self.unwind();
        }
        Interruption(why)
    }

    /// For calls that cannot: unwinds, quietly, to what is to end. Destructors run, no panic hook does.
    pub(crate) fn unwind(self) -> ! {
        static IDS: AtomicU64 = AtomicU64::new(1);
        match self.0 {
            Cause::Request(request) => {
                // SAFETY: in the caller's control block.
                unsafe { request.as_ref() }.report();
                resume_unwind(Box::new(Cancelled))
            }
            Cause::Frame(frame) => {
                // SAFETY: on the caller's stack.
                let frame = unsafe { frame.as_ref() };
                if frame.id.get() == 0 {
                    frame.id.set(IDS.fetch_add(1, Ordering::Relaxed));
                }
                frame.reported.set(true);
                resume_unwind(Box::new(Unwinding(frame.id.get())))
            }
        }
    }
}
