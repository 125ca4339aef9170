//! Runtimes: a set of workers that share work, started and shut down together.

mod builder;
mod global;
mod pool;

use std::io;
use std::panic::Location;
use std::sync::Arc;

pub use builder::RuntimeBuilder;
pub use global::{run, worker_count, worker_index};

pub(crate) use builder::Config;
pub(crate) use global::global;
pub(crate) use pool::{OffloadGuard, Pool};

use crate::coroutine::{Builder, JoinHandle, Placement, run_borrowed};
use crate::worker::Target;

/// A set of workers of its own. Dropping it shuts it down.
///
/// Most programs need only [`run`](crate::run), or no runtime at all: [`spawn`](crate::spawn) outside any starts a global one.
///
/// # Shutdown
/// New coroutines end at once as [`Cancelled`](crate::Cancelled). Those that run are cancelled and waited for, up to
/// [`RuntimeBuilder::shutdown_timeout`]; a stack whose coroutine has not unwound by then is leaked, with its worker's thread, and a
/// line on stderr says so. Dropping a runtime from one of its own coroutines does not wait.
///
/// ```
/// let runtime = greenwood_runtime::Runtime::builder().workers(1).build()?;
/// let answer = runtime.run(|| greenwood_runtime::spawn(|| 42).join().unwrap());
/// assert_eq!(answer, 42);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Runtime {
    pool: Arc<Pool>,
}

impl Runtime {
    /// Settings for a new runtime.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::new()
    }

    /// A runtime with the default settings.
    ///
    /// # Errors
    /// As for [`RuntimeBuilder::build`].
    pub fn new() -> io::Result<Runtime> {
        Runtime::builder().build()
    }

    /// Runs `f` in a coroutine of this runtime and returns its value. Suspends or blocks the caller until then; that cannot be
    /// cancelled, since `f` may borrow from the caller.
    ///
    /// # Panics
    /// If `f` does.
    #[track_caller]
    pub fn run<F, T>(&self, f: F) -> T
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        run_borrowed(f, Location::caller(), Target::Any(self.pool.clone()))
    }

    /// Spawns a coroutine in this runtime, from anywhere. Does not suspend.
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        crate::coroutine::launch_in(Target::Any(self.pool.clone()), f, Location::caller())
    }

    /// Spawns a coroutine in this runtime with settings. [`Placement::Here`] means anywhere. Does not suspend.
    ///
    /// # Errors
    /// As for [`Builder::spawn`].
    #[track_caller]
    pub fn spawn_with<F, T>(&self, builder: Builder, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let target = |placement: Placement| Target::in_pool(&self.pool, placement);
        builder.spawn_at(target, f, Location::caller())
    }

    /// How many workers it has.
    pub fn workers(&self) -> usize {
        self.pool.shares().len()
    }

    /// Whether its coroutines have thread-locals of their own.
    pub fn has_own_thread_locals(&self) -> bool {
        self.pool.facts.is_some()
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.pool.shut_down();
    }
}
