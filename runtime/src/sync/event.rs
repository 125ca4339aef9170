//! An event that happens once, or until it is reset.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

use crate::model::atomic::{AtomicU8, Ordering};
use crate::model::const_fn;
use crate::park::{Place, Queue, Reason, Stopped, serve_all};

/// A flag that many wait for: all waits end when it is set, and none begins while it is.
///
/// Python's `threading.Event`, also known as a manual-reset event. What was done before [`set`](Event::set) is visible to whoever finds
/// the event set.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use greenwood_runtime::{scope, sync::Event};
///
/// let ready = Event::new();
/// scope(|s| {
///     for _ in 0..3 {
///         s.spawn(|| ready.wait());
///     }
///     ready.set();
/// });
/// assert!(ready.is_set());
/// # });
/// ```
pub struct Event {
    /// [`SET`], and [`WAITERS`], which only changes under the queue's lock, and is set exactly while somebody is in the queue.
    state: AtomicU8,
    queue: Queue<(), ()>,
}

const SET: u8 = 1;
const WAITERS: u8 = 2;

const REASON: &Reason = &Reason("event");

impl Event {
    const_fn! {
        /// An event that is not set.
        pub fn new() -> Event {
            Event { state: AtomicU8::new(0), queue: Queue::new(()) }
        }
    }

    /// Sets the event, and ends the wait of everybody who waits now, even if it is reset before they run. Does not suspend.
    pub fn set(&self) {
        // Written even where it is set: who resets it after this sees what was done before.
        let alone = |state| (state & WAITERS == 0).then_some(SET);
        if self.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, alone).is_ok() {
            return;
        }
        // Go after the lock.
        let _wakeups;
        let mut locked = self.queue.lock();
        self.state.swap(SET, Ordering::AcqRel);
        _wakeups = serve_all(&mut locked, 0, |()| ());
    }

    /// Makes the event one that has not happened: waits that begin from now on wait for the next [`set`](Event::set). Does not suspend.
    ///
    /// Whoever resets the event, then finds nothing to do, and then waits, misses nothing that was done before a `set`.
    #[doc(alias = "clear")]
    pub fn reset(&self) {
        self.state.fetch_and(!SET, Ordering::AcqRel);
    }

    /// Whether it is set. Does not suspend.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.state.load(Ordering::Acquire) & SET != 0
    }

    /// Waits until the event is set. Returns at once if it is; else suspends the calling coroutine, or on an OS thread, blocks that thread. A
    /// cancelled caller that has to wait unwinds.
    #[inline(always)]
    pub fn wait(&self) {
        if !self.is_set() {
            self.wait_slowly(None);
        }
    }

    /// [`Event::wait`] for at most `timeout`. Says whether the event was set.
    ///
    /// ```
    /// use greenwood_runtime::sync::Event;
    /// use std::time::Duration;
    ///
    /// let event = Event::new();
    /// assert!(!event.wait_timeout(Duration::from_millis(1)));
    /// event.set();
    /// assert!(event.wait_timeout(Duration::ZERO));
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.is_set() || self.wait_slowly(crate::now().checked_add(timeout))
    }

    /// [`Event::wait`] until `deadline`, by the clock of [`now`](crate::now). Says whether the event was set.
    pub fn wait_until(&self, deadline: Instant) -> bool {
        self.is_set() || self.wait_slowly(Some(deadline))
    }

    #[inline(always)]
    fn wait_slowly(&self, deadline: Option<Instant>) -> bool {
        let locked = self.queue.lock();
        let join = |state| (state & SET == 0).then_some(state | WAITERS);
        if self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, join).is_err() {
            return true;
        }
        match locked.wait(0, Place::Back, (), REASON, deadline) {
            Ok(()) => true,
            Err((stopped, (), locked)) => {
                if locked.is_empty(0) {
                    self.state.fetch_and(!WAITERS, Ordering::Relaxed);
                }
                drop(locked);
                match stopped {
                    Stopped::TimedOut => false,
                    Stopped::Interrupted(interrupt) => interrupt.unwind(),
                }
            }
        }
    }
}

// No user code runs while it is being changed.
impl UnwindSafe for Event {}
impl RefUnwindSafe for Event {}

impl Default for Event {
    fn default() -> Event {
        Event::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("set", &self.is_set()).finish_non_exhaustive()
    }
}

#[cfg(all(test, greenwood_loom))]
mod models {
    use super::*;
    use crate::model::atomic::AtomicBool;
    use loom::thread;
    use std::sync::Arc;

    fn model(f: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(f);
    }

    #[test]
    fn loom_set_reaches_everybody_though_reset_follows() {
        model(|| {
            let event = Arc::new(Event::new());
            let waiter = event.clone();
            let waits = thread::spawn(move || waiter.wait_until(Instant::now()));
            let another = event.clone();
            let waits_too = thread::spawn(move || another.wait());
            event.set();
            event.reset();
            let state = || event.state.load(Ordering::Acquire);
            waits.join().unwrap();
            // It may have come after the reset.
            event.set();
            waits_too.join().unwrap();
            assert_eq!(state(), SET);
        });
    }

    /// Reset, look for work, wait: what was announced meanwhile is found, or the wait ends.
    #[test]
    fn loom_work_is_found_after_reset() {
        model(|| {
            let shared = Arc::new((Event::new(), AtomicBool::new(false)));
            shared.0.set();
            let other = shared.clone();
            let worker = thread::spawn(move || {
                other.0.reset();
                while !other.1.load(Ordering::Relaxed) {
                    other.0.wait();
                }
            });
            shared.1.store(true, Ordering::Relaxed);
            shared.0.set();
            worker.join().unwrap();
        });
    }
}
