//! The global runtime, and what concerns the runtime the caller is in.

use std::io;
use std::sync::Arc;

use super::{Pool, Runtime, builder::default_workers};
use crate::context;
use crate::sys::lock::Mutex;

/// The global runtime's pool, started at the first call. A failure is not remembered: the next call tries again.
pub(crate) fn global() -> io::Result<&'static Arc<Pool>> {
    static GLOBAL: std::sync::OnceLock<Runtime> = std::sync::OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    if let Some(runtime) = GLOBAL.get() {
        return Ok(&runtime.pool);
    }
    let _one_at_a_time = STARTING.lock();
    if GLOBAL.get().is_none() {
        let _ = GLOBAL.set(Runtime::new()?);
    }
    Ok(&GLOBAL.get().expect("set above").pool)
}

/// Starts a runtime with the default settings, runs `f` in its first coroutine, shuts the runtime down and returns `f`'s value.
///
/// What `f` leaves running is cancelled and waited for, see [`Runtime`]. For other settings, use [`Runtime::builder`].
///
/// # Panics
/// If `f` does, or if the OS has no threads or descriptors for the workers.
///
/// ```
/// let lengths = greenwood_runtime::run(|| {
///     let handles = ["a", "bb", "ccc"].map(|s| greenwood_runtime::spawn(move || s.len()));
///     handles.map(|h| h.join().unwrap())
/// });
/// assert_eq!(lengths, [1, 2, 3]);
/// ```
#[track_caller]
pub fn run<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let runtime =
        Runtime::new().unwrap_or_else(|e| panic!("the runtime could not be started: {e}"));
    runtime.run(f)
}

/// The number of workers of the runtime the caller is in; on an OS thread, of the global one. Does not start it.
pub fn worker_count() -> usize {
    match context::current() {
        Some(cx) => cx.worker().pool.shares().len(),
        None => default_workers(),
    }
}

/// The index of the worker that the calling coroutine runs on, `None` on an OS thread. It never changes while a coroutine
/// lives.
pub fn worker_index() -> Option<usize> {
    context::current().map(|cx| cx.worker().index)
}
