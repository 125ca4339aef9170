//! Settings of a runtime.

use std::io;
use std::time::Duration;

use super::{Pool, Runtime};
use crate::stack;
use crate::tls;

/// More workers than this are a mistake: each costs a thread and an epoll instance.
const MAX_WORKERS: usize = 1024;

/// Settings for a new [`Runtime`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct RuntimeBuilder {
    workers: Option<usize>,
    stack_size: usize,
    shutdown_timeout: Duration,
    shared_thread_locals: bool,
    paused_clock: bool,
    seed: Option<u64>,
}

/// Checked settings.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) workers: usize,
    pub(crate) stack_reserved: usize,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) paused_clock: bool,
    pub(crate) seed: Option<u64>,
}

impl RuntimeBuilder {
    pub(super) fn new() -> RuntimeBuilder {
        RuntimeBuilder {
            workers: None,
            stack_size: stack::DEFAULT_STACK_SIZE,
            shutdown_timeout: Duration::from_secs(5),
            shared_thread_locals: false,
            paused_clock: false,
            seed: None,
        }
    }

    /// How many workers, from 1. Default: the number of cores this process may use.
    pub fn workers(mut self, count: usize) -> RuntimeBuilder {
        self.workers = Some(count);
        self
    }

    /// Usable bytes of each coroutine's stack, unless it asks for its own size: see [`Builder::stack_size`](crate::Builder::stack_size).
    /// Default: [`DEFAULT_STACK_SIZE`](crate::DEFAULT_STACK_SIZE).
    pub fn stack_size(mut self, bytes: usize) -> RuntimeBuilder {
        self.stack_size = bytes;
        self
    }

    /// How long dropping the runtime waits for cancelled coroutines to unwind. Default: 5 s.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> RuntimeBuilder {
        self.shutdown_timeout = timeout;
        self
    }

    /// Shared mode: coroutines of a worker share its OS thread's thread-locals, which makes each smaller and each switch
    /// cheaper. For millions of small coroutines whose code is known.
    ///
    /// # Safety
    /// At any suspension point another coroutine may run on the same thread-locals, even within a thread-local's initialiser or a
    /// `LocalKey::with`. No code that runs on these coroutines may rest its safety on "nothing else runs on this thread until I return"
    /// over a call that can suspend: lazily initialised thread-locals whose initialiser waits, `scoped-tls`, per-thread
    /// parkers (parking_lot held over a wait), GIL-like pools.
    pub unsafe fn shared_thread_locals(mut self) -> RuntimeBuilder {
        self.shared_thread_locals = true;
        self
    }

    /// A clock that stands still while anything can run, and jumps to the next deadline when nothing can: tests with sleeps and
    /// time-outs take no time. Needs one worker; [`now`](crate::now) tells the time.
    pub fn paused_clock(mut self) -> RuntimeBuilder {
        self.paused_clock = true;
        self
    }

    /// Runs ready coroutines in an order drawn from `seed` instead of first come, first served: tests can explore orders, and
    /// repeat one. Needs one worker.
    pub fn seed(mut self, seed: u64) -> RuntimeBuilder {
        self.seed = Some(seed);
        self
    }

    /// Starts the runtime. Does not suspend.
    ///
    /// # Errors
    /// `InvalidInput`, naming the setting, for what is out of range; what the OS says if it has no more threads or descriptors.
    pub fn build(self) -> io::Result<Runtime> {
        let invalid = |text: String| Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        let workers = match self.workers {
            Some(n) if (1..=MAX_WORKERS).contains(&n) => n,
            Some(n) => return invalid(format!("{n} workers are outside 1..={MAX_WORKERS}")),
            None => default_workers(),
        };
        if workers != 1 && (self.paused_clock || self.seed.is_some()) {
            return invalid(format!("a paused clock or a seed needs workers(1), not {workers}"));
        }
        let config = Config {
            workers,
            stack_reserved: stack::reservation(self.stack_size)?,
            shutdown_timeout: self.shutdown_timeout,
            paused_clock: self.paused_clock,
            seed: self.seed,
        };
        let facts = if self.shared_thread_locals { None } else { own_thread_locals() };
        Ok(Runtime { pool: Pool::start(config, facts)? })
    }
}

/// A worker for each core that this process may use.
pub(super) fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get()).min(MAX_WORKERS)
}

/// Own mode's facts where its self-test passes; elsewhere one line says what is missing.
fn own_thread_locals() -> Option<&'static tls::Facts> {
    static SAID: std::sync::Once = std::sync::Once::new();
    tls::facts()
        .inspect_err(|why| {
            SAID.call_once(|| {
                eprintln!("greenwood: coroutines share their worker's thread-locals here: {why}")
            });
        })
        .ok()
}
