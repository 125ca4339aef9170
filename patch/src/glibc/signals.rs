//! Signal handlers: they run in the middle of whatever they interrupt, which may be a coroutine, and must not suspend it there.
//!
//! A handler that is set while anything is patched is kept here; the kernel gets [`on_signal`] in its place, which calls it so that its
//! `write` or `nanosleep` blocks as it does elsewhere. Whoever asks for the handler is told the one that was set. All that the kernel keeps
//! besides (flags, mask, `SA_RESETHAND`'s return to the default) stays with the kernel, so there is one word a signal, written and read
//! by whoever comes: sigaction(2) may be called from a handler, and in a child of fork(2), where no lock could be waited for.

use std::cell::Cell;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use greenwood_runtime::interpose;
use libc::{SIG_DFL, SIG_ERR, SIG_IGN, c_int, sighandler_t, siginfo_t};

use crate::Patches;
use crate::glibc::hook::everywhere;

/// libc has a function of the same name.
type Action = libc::sigaction;

/// One more than the largest signal.
const SIGNALS: usize = 65;

/// What sigset(3) takes and returns instead of a handler for a blocked signal.
const SIG_HOLD: sighandler_t = 2;

/// The user's handler for each signal, if the kernel has [`on_signal`].
static HANDLERS: [AtomicUsize; SIGNALS] = [const { AtomicUsize::new(SIG_DFL) }; SIGNALS];

thread_local! {
    /// How many handlers the caller runs in.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

everywhere! {
    Patches::all() | Patches::FILES;
    fn sigaction(signal: c_int, new: *const Action, old: *mut Action) -> c_int => |_, signal, new, old| {
        // SAFETY: what the caller promised libc.
        unsafe { act(sigaction::next, signal, new, old) }
    };
    fn __sigaction(signal: c_int, new: *const Action, old: *mut Action) -> c_int => |_, signal, new, old| {
        // SAFETY: what the caller promised libc.
        unsafe { act(__sigaction::next, signal, new, old) }
    };
    fn signal(number: c_int, handler: sighandler_t) -> sighandler_t => |_, number, handler| {
        // SAFETY: what the caller promised libc.
        unsafe { set(signal::next, number, handler) }
    };
    fn ssignal(number: c_int, handler: sighandler_t) -> sighandler_t => |_, number, handler| {
        // SAFETY: what the caller promised libc.
        unsafe { set(ssignal::next, number, handler) }
    };
    fn bsd_signal(number: c_int, handler: sighandler_t) -> sighandler_t => |_, number, handler| {
        // SAFETY: what the caller promised libc.
        unsafe { set(bsd_signal::next, number, handler) }
    };
    fn sysv_signal(number: c_int, handler: sighandler_t) -> sighandler_t => |_, number, handler| {
        // SAFETY: what the caller promised libc.
        unsafe { set(sysv_signal::next, number, handler) }
    };
    fn __sysv_signal(number: c_int, handler: sighandler_t) -> sighandler_t => |_, number, handler| {
        // SAFETY: what the caller promised libc.
        unsafe { set(__sysv_signal::next, number, handler) }
    };
    fn sigset(number: c_int, handler: sighandler_t) -> sighandler_t => |_, number, handler| {
        // SAFETY: what the caller promised libc.
        unsafe { set(sigset::next, number, handler) }
    };
}

/// Whether the caller is in a handler, which may have interrupted anything: a holder of any lock, an allocator.
#[inline]
pub(crate) fn is_in_handler() -> bool {
    DEPTH.with(Cell::get) != 0
}

/// What the kernel calls.
unsafe extern "C-unwind" fn on_signal(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let Some(handler) = place(signal).map(|p| p.load(Ordering::Acquire)) else { return };
    // Only where something else than these functions has put ours there.
    if !is_handler(handler) {
        return;
    }
    // SAFETY: the user's handler. One that takes the signal only ignores the registers of the others.
    let handler: unsafe extern "C-unwind" fn(c_int, *mut siginfo_t, *mut c_void) =
        unsafe { std::mem::transmute(handler) };
    let _inside = Inside::new();
    // SAFETY: as the kernel calls it.
    interpose::in_signal_handler(|| unsafe { handler(signal, info, context) });
}

struct Inside;

impl Inside {
    fn new() -> Inside {
        DEPTH.with(|depth| depth.set(depth.get() + 1));
        Inside
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(depth.get() - 1));
    }
}

fn ours() -> sighandler_t {
    on_signal as *const () as sighandler_t
}

/// Whether it is a function of the user's.
fn is_handler(handler: sighandler_t) -> bool {
    !matches!(handler, SIG_DFL | SIG_IGN | SIG_HOLD | SIG_ERR) && handler != ours()
}

/// Where the user's handler is kept. None for signals that the code itself causes: their handlers (the runtime's for stack overflows among
/// them) as a rule do not return to it, but end the process or jump, and for numbers that are no signal.
fn place(signal: c_int) -> Option<&'static AtomicUsize> {
    match signal {
        libc::SIGSEGV
        | libc::SIGBUS
        | libc::SIGILL
        | libc::SIGFPE
        | libc::SIGTRAP
        | libc::SIGSYS => None,
        1.. => HANDLERS.get(signal as usize),
        _ => None,
    }
}

/// sigaction(2), by the function that is called `next`.
unsafe fn act(
    next: unsafe fn(c_int, *const Action, *mut Action) -> c_int,
    signal: c_int,
    new: *const Action,
    old: *mut Action,
) -> c_int {
    let Some(place) = place(signal) else {
        // SAFETY: what the caller promised libc.
        return unsafe { next(signal, new, old) };
    };
    // SAFETY: as above. A copy, for `old` may be the same place.
    let mut given = unsafe { new.as_ref() }.copied();
    let exchange = given
        .as_mut()
        .map(|given| Exchange::begin(place, &mut given.sa_sigaction))
        .unwrap_or_else(|| Exchange { place, before: place.load(Ordering::Acquire), new: None });
    // SAFETY: as above; null, or a structure of ours.
    let result = unsafe { next(signal, given.as_ref().map_or(ptr::null(), ptr::from_ref), old) };
    // SAFETY: as above; the kernel has just filled it.
    match unsafe { old.as_mut() } {
        _ if result != 0 => exchange.undo(),
        Some(old) if old.sa_sigaction == ours() => old.sa_sigaction = exchange.before,
        _ => {}
    }
    result
}

/// signal(2) and its kin, of which `next` is one.
unsafe fn set(
    next: unsafe fn(c_int, sighandler_t) -> sighandler_t,
    signal: c_int,
    mut new: sighandler_t,
) -> sighandler_t {
    let Some(place) = place(signal) else {
        // SAFETY: what the caller promised libc.
        return unsafe { next(signal, new) };
    };
    let exchange = Exchange::begin(place, &mut new);
    // SAFETY: as above.
    match unsafe { next(signal, new) } {
        SIG_ERR => {
            exchange.undo();
            SIG_ERR
        }
        old if old == ours() => exchange.before,
        old => old,
    }
}

/// A change of the kept handler, which comes before the kernel's: from then on a signal may call it.
struct Exchange {
    place: &'static AtomicUsize,
    before: sighandler_t,
    new: Option<sighandler_t>,
}

impl Exchange {
    /// Keeps `handler`, if it is one, and puts ours in its place.
    fn begin(place: &'static AtomicUsize, handler: &mut sighandler_t) -> Exchange {
        if !is_handler(*handler) {
            return Exchange { place, before: place.load(Ordering::Acquire), new: None };
        }
        let new = std::mem::replace(handler, ours());
        Exchange { place, before: place.swap(new, Ordering::AcqRel), new: Some(new) }
    }

    /// The kernel has refused it.
    fn undo(&self) {
        if let Some(new) = self.new {
            let _ =
                self.place.compare_exchange(new, self.before, Ordering::AcqRel, Ordering::Relaxed);
        }
    }
}

/// Wraps the handlers that there are.
pub(crate) fn adopt() {
    for signal in 1..SIGNALS as c_int {
        let Some(place) = place(signal) else { continue };
        let Some(mut wanted) = query(signal) else { continue };
        loop {
            if !is_handler(wanted.sa_sigaction) {
                break;
            }
            let mut given = wanted;
            let exchange = Exchange::begin(place, &mut given.sa_sigaction);
            let mut replaced = MaybeUninit::<Action>::uninit();
            // SAFETY: the kernel's own description with another handler.
            if unsafe { sigaction::next(signal, &raw const given, replaced.as_mut_ptr()) } != 0 {
                break;
            }
            // SAFETY: filled, as the call has succeeded.
            let replaced = unsafe { replaced.assume_init() };
            if replaced.sa_sigaction == wanted.sa_sigaction {
                break;
            }
            // Somebody has set another one meanwhile, or the signal has reset it: that is the one to stay.
            wanted = replaced;
            if !is_handler(wanted.sa_sigaction) {
                if wanted.sa_sigaction == ours() {
                    place.store(exchange.before, Ordering::Release);
                }
                // SAFETY: as above.
                unsafe { sigaction::next(signal, &raw const wanted, ptr::null_mut()) };
            }
        }
    }
}

/// What the kernel does on a signal. None for those that nobody may ask about.
fn query(signal: c_int) -> Option<Action> {
    let mut now = MaybeUninit::<Action>::uninit();
    // SAFETY: the kernel fills the structure, or fails.
    match unsafe { sigaction::next(signal, ptr::null(), now.as_mut_ptr()) } {
        // SAFETY: it has.
        0 => Some(unsafe { now.assume_init() }),
        _ => None,
    }
}
