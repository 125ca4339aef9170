//! Running something once, after [`std::sync::Once`], without poisoning.

use std::convert::Infallible;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr;
use std::time::{Duration, Instant};

use super::deadline::{after, timed_out};
use crate::context;
use crate::model::atomic::{AtomicBool, Ordering};
use crate::model::const_fn;
use crate::park::{Place, Queue, Reason, Wakeup};

const REASON: &Reason = &Reason("once");

/// Those who would run it themselves.
const CALLERS: usize = 0;
/// Those who only wait until it was run.
const WATCHERS: usize = 1;

/// Runs an initialiser once, like [`std::sync::Once`], for coroutines and OS threads in any mix: who comes while it runs is suspended, or blocks
/// its OS thread where it is not on a coroutine.
///
/// # No poisoning
/// An initialiser that panics, or unwinds as its caller is cancelled, has not run: the next caller runs its own, those who wait already in the
/// order of their coming. So there is no `call_once_force`.
///
/// ```
/// use greenwood_runtime::sync::Once;
///
/// static START: Once = Once::new();
///
/// START.call_once(|| println!("once"));
/// START.call_once(|| unreachable!());
/// assert!(START.is_completed());
/// ```
pub struct Once {
    completed: AtomicBool,
    queue: Queue<Runner, Caller, 2>,
}

/// Who runs an initialiser.
type Runner = Option<Identity>;

/// One who waits for somebody else's initialiser.
#[derive(Debug)]
struct Caller {
    identity: Identity,
    /// Set if that has failed, and this one is to run its own.
    has_turn: bool,
}

// No user code runs under the queue's lock.
impl UnwindSafe for Once {}
impl RefUnwindSafe for Once {}

impl Once {
    const_fn! {
        /// One that has not run. Does not suspend.
        pub fn new() -> Once {
            Once { completed: AtomicBool::new(false), queue: Queue::new(None) }
        }
    }

    /// Runs `f` if none was run to its end before, and suspends while somebody else's runs. Interrupted meanwhile, by a cancellation or a
    /// [`timeout`](crate::timeout) around it, the caller unwinds. What the initialiser did is visible when this returns.
    ///
    /// # Panics
    /// If `f` does; and if it is called by the initialiser that runs, which could only wait for itself (std leaves open what happens then).
    #[inline]
    pub fn call_once(&self, f: impl FnOnce()) {
        if !self.is_completed() {
            let Ok(()) = self.run(|| -> Result<(), Infallible> {
                f();
                Ok(())
            });
        }
    }

    /// Whether an initialiser has run to its end. Does not suspend.
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.completed.load(Ordering::Acquire)
    }

    /// Suspends until somebody's initialiser has run to its end. Interrupted meanwhile, the caller unwinds.
    ///
    /// # Panics
    /// If it is called by the initialiser that runs.
    pub fn wait(&self) {
        self.wait_by(None);
    }

    /// [`Once::wait`] for at most `duration`: false if none had run to its end by then. An extension of std's.
    ///
    /// # Panics
    /// As [`Once::wait`].
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// use std::time::Duration;
    ///
    /// let never = greenwood_runtime::sync::Once::new();
    /// assert!(!never.wait_timeout(Duration::from_millis(1)));
    /// # });
    /// ```
    pub fn wait_timeout(&self, duration: Duration) -> bool {
        self.wait_by(after(duration))
    }

    fn wait_by(&self, deadline: Option<Instant>) -> bool {
        if self.is_completed() {
            return true;
        }
        let identity = Identity::of_caller();
        let queue = self.queue.lock();
        if self.completed.load(Ordering::Acquire) {
            return true;
        }
        if *queue == Some(identity) {
            drop(queue);
            waits_for_itself();
        }
        let watcher = Caller { identity, has_turn: false };
        match queue.wait(WATCHERS, Place::Back, watcher, REASON, deadline) {
            Ok(_) => true,
            Err((stopped, _, queue)) => {
                drop(queue);
                timed_out(stopped);
                false
            }
        }
    }

    /// [`Once::call_once`] with an initialiser that may fail: then the next caller runs its own.
    #[cold]
    pub(super) fn run<E>(&self, f: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let identity = Identity::of_caller();
        let mut queue = self.queue.lock();
        if self.completed.load(Ordering::Acquire) {
            return Ok(());
        }
        match *queue {
            None => {
                *queue = Some(identity);
                drop(queue);
            }
            Some(runner) if runner == identity => {
                drop(queue);
                waits_for_itself();
            }
            Some(_) => {
                let caller = Caller { identity, has_turn: false };
                match queue.wait(CALLERS, Place::Back, caller, REASON, None) {
                    Ok(Caller { has_turn: true, .. }) => {}
                    Ok(_) => return Ok(()),
                    Err((stopped, _, queue)) => {
                        drop(queue);
                        timed_out(stopped);
                        unreachable!("a wait without a deadline");
                    }
                }
            }
        }
        let mut turn = Turn { once: self, completed: false };
        let result = f();
        turn.completed = result.is_ok();
        result
    }
}

/// An initialiser that runs. Dropped when it has ended, one way or another.
struct Turn<'a> {
    once: &'a Once,
    completed: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut queue = self.once.queue.lock();
        let mut wakeups: Vec<Wakeup> = Vec::new();
        if self.completed {
            self.once.completed.store(true, Ordering::Release);
            *queue = None;
            for list in [CALLERS, WATCHERS] {
                while let Some(((), wakeup)) = queue.serve(list, |_| ()) {
                    wakeups.push(wakeup);
                }
            }
        } else {
            // It stays taken if there is somebody to go on.
            let next = queue.serve(CALLERS, |caller| {
                caller.has_turn = true;
                caller.identity
            });
            *queue = next.as_ref().map(|(identity, _)| *identity);
            wakeups.extend(next.map(|(_, wakeup)| wakeup));
        }
        drop(queue);
        drop(wakeups);
    }
}

/// A coroutine or an OS thread, by an address that no other has while it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity(usize);

impl Identity {
    fn of_caller() -> Identity {
        thread_local! {
            static OF_THREAD: u8 = const { 0 };
        }
        let coroutine =
            context::current().and_then(|cx| cx.header().map(|h| ptr::from_ref(h).addr()));
        Identity(coroutine.unwrap_or_else(|| OF_THREAD.with(|byte| ptr::from_ref(byte).addr())))
    }
}

fn waits_for_itself() -> ! {
    panic!("an initialiser that runs once waits for itself")
}

impl Default for Once {
    fn default() -> Once {
        Once::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").field("completed", &self.is_completed()).finish_non_exhaustive()
    }
}
