//! For code that stands in for another library's functions, as `greenwood-patch` does for libc's: the difference between a call that foreign
//! code made and one that the runtime itself makes.
//!
//! A function that foreign code calls must not unwind, for C has no destructors, and must not wait when it is the runtime that calls it,
//! perhaps in the middle of a switch. [`enter`] tells them apart.

use std::io;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use crate::cancel::Interruption;
use crate::context::{self, Current};
use crate::offload;
use crate::park::{self, Reason, Wake};
use crate::tls;

/// A lock for what such functions keep: held for a few instructions, never over a wait. Who waits for it blocks the OS thread, by no
/// function that could be interposed.
pub use crate::sys::lock::Mutex as Lock;

/// A coroutine's call of a function that may now wait. See [`enter`].
#[derive(Debug)]
pub struct Call {
    cx: Current,
    /// Belongs to the coroutine.
    _not_send: PhantomData<*mut ()>,
}

/// Begins a foreign call on the calling coroutine. `None` where the function is to do what it always did: where
/// [`may_switch`](crate::may_switch) is false, and in what the runtime, or such a call, calls in turn.
///
/// While the result lives, waits never unwind: each that is interrupted reports it
/// ([`Wake::Interrupted`], `ECANCELED`, `ETIMEDOUT`), however often it was before. Whoever goes on
/// regardless gives the others a turn each time. Afterwards waits unwind as ever. An unpark that was meant for a wait of the caller's, outside
/// of the call, is not lost.
///
/// Costs a few nanoseconds, allocates nothing, and does not suspend.
///
/// # Safety
/// The result is dropped before the function that got it returns: it refers to what goes with the coroutine.
///
/// ```
/// use greenwood_runtime::interpose;
///
/// // SAFETY: each is dropped here.
/// let enter = || unsafe { interpose::enter() };
/// assert!(enter().is_none(), "not on a coroutine");
/// greenwood_runtime::run(|| {
///     let call = enter().unwrap();
///     assert!(enter().is_none(), "within a call");
///     assert!(enter().is_none(), "still within it");
///     drop(call);
///     assert!(enter().is_some());
/// });
/// ```
#[inline(always)]
pub unsafe fn enter() -> Option<Call> {
    let cx = context::switchable()?;
    // Not `then_some`: a call that is made and dropped ends the one around it.
    cx.begin_call().then(|| Call { cx, _not_send: PhantomData })
}

impl Call {
    /// Whether the coroutine has thread-locals of its own: see [`Runtime::has_own_thread_locals`](crate::Runtime::has_own_thread_locals).
    #[inline]
    pub fn has_own_thread_locals(&self) -> bool {
        !self.cx.worker().shares_locals()
    }

    /// [`park`](park::park) for calls that nobody expects to fail, like a sleep or a lock: an interruption that was reported before, here or by
    /// another call, ends no further wait. So one ends early, and whoever goes on regardless waits in full.
    ///
    /// ```
    /// use std::time::Duration;
    /// use greenwood_runtime::park::{Reason, Wake};
    /// use greenwood_runtime::{interpose, now, timeout};
    ///
    /// # greenwood_runtime::run(|| {
    /// let _ = timeout(Duration::ZERO, || {
    ///     // SAFETY: dropped at the end of this closure.
    ///     let call = unsafe { interpose::enter() }.unwrap();
    ///     assert!(matches!(call.park(&Reason("an example"), None), Wake::Interrupted(_)));
    ///     let soon = now() + Duration::from_millis(1);
    ///     assert_eq!(call.park(&Reason("an example"), Some(soon)), Wake::TimedOut);
    /// });
    /// # });
    /// ```
    pub fn park(&self, reason: &'static Reason, deadline: Option<Instant>) -> Wake {
        park::park_heeding_new(reason, deadline)
    }

    /// Leaves it to the next call to report what has interrupted this one: [`Call::check`] does, and every transfer of the runtime's own. For
    /// calls whose errors are taken for something else than the end of what they are about.
    pub fn pass_on(&self) {
        self.cx.pass_on();
    }

    /// Whether an interruption was passed on that no call has reported since.
    pub fn has_passed_on(&self) -> bool {
        self.cx.has_passed_on()
    }

    /// For calls that never have to wait: whether the coroutine, which has used up its turn more than once, is to end; or an earlier call has
    /// [passed on](Call::pass_on) that it is.
    ///
    /// # Errors
    /// `ECANCELED` or `ETIMEDOUT`, as a wait would have reported.
    #[inline]
    pub fn check(&self) -> io::Result<()> {
        self.cx.overdue().map_or(Ok(()), |interrupt| Err(interrupt.report().into()))
    }
}

impl Drop for Call {
    #[inline(always)]
    fn drop(&mut self) {
        self.cx.end_call();
    }
}

/// Runs `f`, a signal's handler, so that nothing in it suspends the code that it interrupted: waits in there block the OS thread, and
/// [`enter`] says no.
///
/// Async-signal-safe, wherever the signal came: on a coroutine, on a worker's own stack, in the middle of a switch, on a thread of somebody
/// else's. Handlers nest. Allocates nothing, and leaves `errno` to `f`. A handler that is left by `siglongjmp` instead of a return leaves its
/// coroutine unable to suspend for good.
///
/// ```
/// use greenwood_runtime::{interpose, may_switch};
///
/// greenwood_runtime::run(|| {
///     interpose::in_signal_handler(|| assert!(!may_switch()));
///     assert!(may_switch());
/// });
/// ```
#[inline]
pub fn in_signal_handler<T>(f: impl FnOnce() -> T) -> T {
    // A handler that comes in the middle of a switch finds the context of one side with the stack of the other, where nothing may
    // suspend anyway. It is always the same one that is raised and lowered: by the time the interrupted code goes on, the handler has returned.
    crate::no_yield(f)
}

/// Keeps the calling coroutine from suspending while it lives. See [`hold`].
#[derive(Debug)]
#[must_use = "suspends again when dropped"]
pub struct Hold {
    cx: Current,
    /// Belongs to the coroutine.
    _not_send: PhantomData<*mut ()>,
}

/// What [`no_yield`](crate::no_yield) does, for functions that cannot wrap what they hold in a closure. `None` where nothing ever suspends: on a plain
/// thread. Holds nest. Costs a nanosecond or two, allocates nothing, and does not suspend.
///
/// # Safety
/// It is dropped before the function that got it returns.
///
/// ```
/// use greenwood_runtime::{interpose, may_switch};
///
/// greenwood_runtime::run(|| {
///     // SAFETY: dropped here.
///     let hold = unsafe { interpose::hold() };
///     assert!(!may_switch());
///     drop(hold);
///     assert!(may_switch());
/// });
/// ```
#[inline(always)]
pub unsafe fn hold() -> Option<Hold> {
    let cx = context::current()?;
    cx.raise_no_yield();
    Some(Hold { cx, _not_send: PhantomData })
}

impl Drop for Hold {
    #[inline(always)]
    fn drop(&mut self) {
        self.cx.lower_no_yield();
    }
}

/// [`try_offload`](crate::try_offload) for a call that waits for what others do: a thread or a process that ends. It has an OS thread for itself, so
/// that however many such calls wait, those which they wait for never wait for a thread.
///
/// # Errors
/// As for [`try_offload`](crate::try_offload).
///
/// # Panics
/// As [`try_offload`](crate::try_offload).
///
/// ```
/// # greenwood_runtime::run(|| {
/// let thread = std::thread::spawn(|| 5);
/// let joined = greenwood_runtime::interpose::wait_on_thread(|| thread.join());
/// assert_eq!(joined.unwrap().unwrap(), 5);
/// # });
/// ```
pub fn wait_on_thread<F, T>(f: F) -> Result<T, Interruption>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    offload::try_offload_alone(f)
}

/// Whether this machine gives coroutines thread-locals of their own, and otherwise, why not.
///
/// # Errors
/// What is missing, for a person to read.
pub fn own_thread_locals() -> Result<(), String> {
    tls::facts().map(drop).map_err(ToString::to_string)
}

/// Every pthread key below this was there when the allocator was ready.
static ALLOCATORS_KEYS: AtomicU32 = AtomicU32::new(0);

/// For the wrapper of an allocator that keeps something for each thread: to be called once, right after its first allocation. The pthread keys that
/// exist by then may be the allocator's own. Their destructors, which run when a coroutine ends, suspend nothing, for they take locks that the worker's own next
/// allocation needs. Allocates nothing, and does not suspend.
pub fn allocator_is_ready() {
    let mut key = 0;
    // Keys are given out from the lowest number on, so the next one tells how many there are.
    // SAFETY: a key without a destructor, which nobody sets a value for.
    unsafe {
        if libc::pthread_key_create(&raw mut key, None) == 0 {
            libc::pthread_key_delete(key);
            #[allow(clippy::unnecessary_cast, reason = "not the same type everywhere")]
            ALLOCATORS_KEYS.store(key as u32, Ordering::Relaxed);
        }
    }
}

/// Whether a key existed when [`allocator_is_ready`] was called.
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")),
    allow(dead_code)
)]
#[cfg_attr(greenwood_no_own_locals, allow(dead_code))]
pub(crate) fn is_older_than_allocator(key: usize) -> bool {
    key < ALLOCATORS_KEYS.load(Ordering::Relaxed) as usize
}

/// Runs `f`, a system call of the runtime's own, so that no function called in it takes it for somebody else's.
#[inline(always)]
pub(crate) fn directly<T>(f: impl FnOnce() -> T) -> T {
    let call = context::current().filter(|cx| cx.begin_call());
    let result = f();
    if let Some(cx) = call {
        cx.end_call();
    }
    result
}
