//! Wake-ups without a value: one for somebody, or one for everybody who waits.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

use crate::model::atomic::{AtomicUsize, Ordering};
use crate::model::const_fn;
use crate::park::{Place, Queue, Reason, Stopped, serve_all};

/// Wakes one who waits, or all of them. A wake-up for one that finds nobody is kept, up to one, for whoever waits next.
///
/// Like a [`Semaphore`](super::Semaphore) that begins with no permit and has room for one. As in
/// [tokio](https://docs.rs/tokio/latest/tokio/sync/struct.Notify.html), those who wait are woken in the order in which they came.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use greenwood_runtime::{spawn, sync::Notify};
/// use std::sync::{Arc, Mutex};
///
/// // A queue with one reader.
/// let queue = Arc::new((Mutex::new(Vec::new()), Notify::new()));
/// let writer = queue.clone();
/// spawn(move || {
///     for n in 0..3 {
///         writer.0.lock().unwrap().push(n);
///         writer.1.notify_one();
///     }
/// });
/// let mut seen = 0;
/// while seen < 3 {
///     queue.1.wait();
///     seen += queue.0.lock().unwrap().drain(..).count();
/// }
/// # });
/// ```
pub struct Notify {
    /// [`PERMIT`], [`WAITERS`], and in units of [`CALL`] how often everybody was notified.
    ///
    /// `WAITERS` only changes under the queue's lock, and is set exactly while somebody is in the queue. Then there is no permit.
    state: AtomicUsize,
    queue: Queue<(), ()>,
}

const PERMIT: usize = 1;
const WAITERS: usize = 2;
const CALL: usize = 4;

const REASON: &Reason = &Reason("notify");

impl Notify {
    const_fn! {
        /// Nobody was notified yet.
        pub fn new() -> Notify {
            Notify { state: AtomicUsize::new(0), queue: Queue::new(()) }
        }
    }

    /// Ends the longest wait, or if nobody waits, that of whoever waits next. Does not suspend.
    pub fn notify_one(&self) {
        // Written even where there is a permit: who takes it then sees what was done before.
        let store = |state| (state & WAITERS == 0).then_some(state | PERMIT);
        if self.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, store).is_ok() {
            return;
        }
        // Goes after the lock.
        let _wakeup;
        let mut locked = self.queue.lock();
        _wakeup = locked.serve(0, |()| ());
        if _wakeup.is_none() {
            self.state.fetch_or(PERMIT, Ordering::AcqRel);
        } else if locked.is_empty(0) {
            self.state.fetch_and(!WAITERS, Ordering::AcqRel);
        }
    }

    /// Ends the wait of everybody who waits now. Does not suspend.
    ///
    /// Nothing is kept for those who come later: let them look at what they wait for in [`wait_while`](Notify::wait_while), which misses none.
    pub fn notify_waiters(&self) {
        let alone = |state: usize| (state & WAITERS == 0).then_some(state.wrapping_add(CALL));
        if self.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, alone).is_ok() {
            return;
        }
        let mut locked = self.queue.lock();
        let call = |state: usize| Some(state.wrapping_add(CALL) & !WAITERS);
        let _ = self.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, call);
        let wakeups = serve_all(&mut locked, 0, |()| ());
        drop(locked);
        drop(wakeups);
    }

    /// Waits until notified. Returns at once if a [`notify_one`](Notify::notify_one) was kept; else suspends the calling coroutine, or on an OS
    /// thread, blocks that thread. A cancelled caller that has to wait unwinds.
    #[doc(alias = "notified")]
    #[inline(always)]
    pub fn wait(&self) {
        self.wait_for(None, None);
    }

    /// [`Notify::wait`] for at most `timeout`. Says whether it was notified.
    ///
    /// ```
    /// use greenwood_runtime::sync::Notify;
    /// use std::time::Duration;
    ///
    /// let notify = Notify::new();
    /// notify.notify_one();
    /// notify.notify_one();
    /// assert!(notify.wait_timeout(Duration::from_millis(1)));
    /// assert!(!notify.wait_timeout(Duration::from_millis(1)), "one is kept");
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_for(None, crate::now().checked_add(timeout))
    }

    /// [`Notify::wait`] until `deadline`, by the clock of [`now`](crate::now). Says whether it was notified.
    pub fn wait_until(&self, deadline: Instant) -> bool {
        self.wait_for(None, Some(deadline))
    }

    /// Waits until `condition` is false, looking at it at first and after each notification, of one or of all.
    ///
    /// A [`notify_waiters`](Notify::notify_waiters) between a look and the wait that follows is not missed.
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// use greenwood_runtime::{scope, sync::Notify};
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// let (progress, changed) = (AtomicU32::new(0), Notify::new());
    /// scope(|s| {
    ///     for goal in 1..=3 {
    ///         let (progress, changed) = (&progress, &changed);
    ///         s.spawn(move || changed.wait_while(|| progress.load(Ordering::Relaxed) < goal));
    ///     }
    ///     for _ in 0..3 {
    ///         progress.fetch_add(1, Ordering::Relaxed);
    ///         changed.notify_waiters();
    ///     }
    /// });
    /// # });
    /// ```
    pub fn wait_while(&self, condition: impl FnMut() -> bool) {
        self.wait_while_for(condition, None);
    }

    /// [`Notify::wait_while`] for at most `timeout`. Says whether the condition became false.
    pub fn wait_while_timeout(&self, condition: impl FnMut() -> bool, timeout: Duration) -> bool {
        self.wait_while_for(condition, crate::now().checked_add(timeout))
    }

    fn wait_while_for(
        &self,
        mut condition: impl FnMut() -> bool,
        deadline: Option<Instant>,
    ) -> bool {
        loop {
            let calls = self.state.load(Ordering::Acquire) / CALL;
            if !condition() {
                return true;
            }
            if !self.wait_for(Some(calls), deadline) {
                return !condition();
            }
        }
    }

    /// Waits, unless everybody was notified `since` there were so many calls. False if the time was over first.
    #[inline(always)]
    fn wait_for(&self, since: Option<usize>, deadline: Option<Instant>) -> bool {
        let notified = |state: usize| since.is_some_and(|calls| state / CALL != calls);
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        let permit =
            |state: usize| (state & PERMIT != 0 && !notified(state)).then_some(state & !PERMIT);
        match self.state.fetch_update(success, failure, permit) {
            Ok(_) => return true,
            Err(state) if notified(state) => return true,
            Err(_) => {}
        }
        let locked = self.queue.lock();
        let join = |state| match notified(state) {
            true => None,
            false if state & PERMIT != 0 => Some(state & !PERMIT),
            false => Some(state | WAITERS),
        };
        match self.state.fetch_update(success, failure, join) {
            Ok(state) if state & PERMIT == 0 => {}
            _ => return true,
        }
        match locked.wait(0, Place::Back, (), REASON, deadline) {
            Ok(()) => true,
            Err((stopped, (), locked)) => {
                if locked.is_empty(0) {
                    self.state.fetch_and(!WAITERS, Ordering::AcqRel);
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
impl UnwindSafe for Notify {}
impl RefUnwindSafe for Notify {}

impl Default for Notify {
    fn default() -> Notify {
        Notify::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let notified = self.state.load(Ordering::Relaxed) & PERMIT != 0;
        f.debug_struct("Notify").field("notified", &notified).finish_non_exhaustive()
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

    /// One for each: with one who may leave in between, the permit is taken or still there.
    #[test]
    fn loom_notify_one_is_not_lost() {
        model(|| {
            let notify = Arc::new(Notify::new());
            let other = notify.clone();
            let waits = thread::spawn(move || other.wait_until(Instant::now()));
            notify.notify_one();
            let notified = waits.join().unwrap();
            assert_eq!(notify.wait_until(Instant::now()), !notified);
            assert_eq!(notify.state.load(Ordering::Acquire), 0);
        });
    }

    #[test]
    fn loom_a_condition_that_changes_is_noticed() {
        model(|| {
            let shared = Arc::new((Notify::new(), AtomicBool::new(true)));
            let waits = [(); 2].map(|()| {
                let shared = shared.clone();
                thread::spawn(move || shared.0.wait_while(|| shared.1.load(Ordering::Relaxed)))
            });
            shared.1.store(false, Ordering::Relaxed);
            shared.0.notify_waiters();
            waits.into_iter().for_each(|w| w.join().unwrap());
        });
    }
}
