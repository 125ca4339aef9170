//! What the workers of one runtime share, and their common start and end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::time::Instant;

use crossbeam_deque::{Stealer, Worker as Deque};
use parking_lot::{Condvar, Mutex};

use super::Config;
use crate::cancel::Cancelled;
use crate::context;
use crate::coroutine::Task;
use crate::stack::overflow;
use crate::sys::{fork, memory, poller::Poller};
use crate::tls;
use crate::worker::{Inbox, Message, Parts, Shared, Worker};

/// One runtime's workers.
pub(crate) struct Pool {
    pub(crate) config: Config,
    pub(crate) facts: Option<&'static tls::Facts>,
    shares: Box<[&'static Shared]>,
    stealers: Box<[Stealer<Arc<dyn Task>>]>,
    /// Coroutines spawned by OS threads.
    injector: Inbox<Arc<dyn Task>>,
    closing: AtomicBool,
    /// Workers that are about to sleep, or asleep.
    sleepers: AtomicUsize,
    offloads: AtomicUsize,
    workers_left: Mutex<usize>,
    /// The last worker has ended.
    ended: Condvar,
    /// The process it was started in, see [`fork`].
    generation: u32,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Pool {
    /// Starts the workers.
    pub(super) fn start(
        config: Config,
        facts: Option<&'static tls::Facts>,
    ) -> io::Result<Arc<Pool>> {
        fork::watch();
        overflow::install_handler();
        let fallbacks = Fallbacks::from_environment();
        if fallbacks.protected_guards {
            memory::force_protected_guards();
        }
        let epoch = Instant::now();
        let mut parts = Vec::with_capacity(config.workers);
        for index in 0..config.workers {
            let made = Poller::new(fallbacks.portable_poller)
                .and_then(|poller| Ok((Shared::obtain(&poller)?, poller)));
            let (shared, poller) = made.inspect_err(|_| {
                for Parts { shared, .. } in &parts {
                    shared.retire();
                    shared.recycle();
                }
            })?;
            parts.push(Parts { index, shared, poller, queue: Deque::new_fifo(), epoch });
        }
        let pool = Arc::new(Pool {
            facts,
            shares: parts.iter().map(|p| p.shared).collect(),
            stealers: parts.iter().map(|p| p.queue.stealer()).collect(),
            injector: Inbox::new(),
            closing: AtomicBool::new(false),
            sleepers: AtomicUsize::new(0),
            offloads: AtomicUsize::new(0),
            workers_left: Mutex::new(config.workers),
            ended: Condvar::new(),
            generation: fork::generation(),
            config,
        });
        let mut parts = parts.into_iter();
        while let Some(part) = parts.next() {
            let (own, shared) = (pool.clone(), part.shared);
            let name = format!("greenwood-{}", part.index);
            if let Err(e) =
                std::thread::Builder::new().name(name).spawn(move || Worker::new(part, own).main())
            {
                // This one's part was consumed; the rest never runs.
                *pool.workers_left.lock() -= 1 + parts.len();
                shared.retire();
                parts.for_each(|part| part.shared.retire());
                pool.shut_down();
                return Err(e);
            }
        }
        Ok(pool)
    }

    pub(crate) fn shares(&self) -> &[&'static Shared] {
        &self.shares
    }

    pub(crate) fn stealers(&self) -> &[Stealer<Arc<dyn Task>>] {
        &self.stealers
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Hands a new coroutine to whichever worker comes first.
    ///
    /// # Errors
    /// Gives it back if the runtime is closed.
    pub(crate) fn inject(&self, task: Arc<dyn Task>) -> Result<(), Arc<dyn Task>> {
        self.injector.push(task)?;
        self.rouse_one();
        Ok(())
    }

    /// A worker takes its share of what was injected.
    #[inline]
    pub(crate) fn share_out(&self, worker: &Worker) {
        if !self.injector.is_pending() {
            return;
        }
        let share = |len: usize| len / self.shares.len() + 1;
        self.injector.take_some(share, |task| worker.queues.push_stealable(task));
        if self.injector.is_pending() {
            self.rouse_one();
        }
    }

    /// Whether a worker that is about to sleep could start something.
    pub(crate) fn has_new_work(&self) -> bool {
        self.injector.is_pending() || self.stealers.iter().any(|s| !s.is_empty())
    }

    /// Wakes a worker that sleeps, if any does, to take new work that was made visible before.
    #[inline]
    pub(crate) fn rouse_one(&self) {
        // As in `Bell::ring`: the worker counts itself before its own fence.
        fence(Ordering::SeqCst);
        if self.sleepers.load(Ordering::Relaxed) > 0 {
            self.shares.iter().any(|shared| shared.rouse());
        }
    }

    pub(crate) fn enter_sleep(&self) {
        self.sleepers.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn leave_sleep(&self) {
        self.sleepers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Calls that run on other threads for coroutines of this runtime.
    pub(crate) fn offloads(&self) -> usize {
        self.offloads.load(Ordering::Acquire)
    }

    pub(crate) fn count_offload(self: &Arc<Self>) -> OffloadGuard {
        self.offloads.fetch_add(1, Ordering::AcqRel);
        OffloadGuard(self.clone())
    }

    /// Whether it was started by an ancestor of this process, and so has no workers here.
    #[inline]
    pub(crate) fn is_a_parents(&self) -> bool {
        self.generation != fork::generation()
    }

    /// A worker with nothing left to do says good-bye.
    pub(crate) fn take_leave(&self) {
        let mut left = self.workers_left.lock();
        *left -= 1;
        if *left == 0 {
            self.ended.notify_all();
        }
    }

    /// Blocks the OS thread until the workers have ended, or the time-out has passed. By the real clock: a paused one may have no other
    /// timers, and would jump to the deadline.
    fn await_end(&self) -> bool {
        let deadline = Instant::now().checked_add(self.config.shutdown_timeout);
        let mut left = self.workers_left.lock();
        while *left > 0 {
            match deadline {
                None => self.ended.wait(&mut left),
                Some(deadline) if self.ended.wait_until(&mut left, deadline).timed_out() => {
                    return *left == 0;
                }
                Some(_) => {}
            }
        }
        true
    }

    /// Cancels everything and waits for the workers to end, up to the time-out.
    pub(super) fn shut_down(self: &Arc<Self>) {
        if self.is_a_parents() || self.closing.swap(true, Ordering::AcqRel) {
            return;
        }
        for task in self.injector.close() {
            task.abandon(Box::new(Cancelled));
        }
        for shared in &self.shares {
            // Refused by a worker that has ended already.
            let _ = shared.send(Message::Close);
        }
        let ended = match context::current() {
            // One of our own coroutines: its worker cannot end before it.
            Some(cx) if Arc::ptr_eq(&cx.worker().pool, self) => true,
            Some(_) => {
                let pool = self.clone();
                // A caller who is cancelled meanwhile leaves the workers to end by themselves.
                crate::try_offload(move || pool.await_end()).unwrap_or(true)
            }
            None => self.await_end(),
        };
        if ended {
            return;
        }
        eprintln!(
            "greenwood: coroutines of a runtime did not end within {:?}: their stacks and {} worker threads are leaked",
            self.config.shutdown_timeout,
            self.workers_left.lock(),
        );
        for shared in &self.shares {
            let _ = shared.send(Message::Abandon);
            shared.give_up_sources();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // Not earlier: until the last reference is gone, somebody may send Close, Abandon or a new coroutine, meant for our workers.
        // A worker that was given up holds a reference for ever.
        if !self.is_a_parents() {
            self.shares.iter().for_each(|shared| shared.recycle());
        }
    }
}

/// Counts a call on another thread while it lives.
pub(crate) struct OffloadGuard(Arc<Pool>);

impl Drop for OffloadGuard {
    fn drop(&mut self) {
        self.0.offloads.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Paths that only old systems take, forced on to be tested: `GREENWOOD_FALLBACK=guards,poller`.
struct Fallbacks {
    protected_guards: bool,
    portable_poller: bool,
}

impl Fallbacks {
    fn from_environment() -> Fallbacks {
        let value = std::env::var("GREENWOOD_FALLBACK").unwrap_or_default();
        let has = |name: &str| value.split(',').any(|part| part == name);
        Fallbacks { protected_guards: has("guards"), portable_poller: has("poller") }
    }
}
