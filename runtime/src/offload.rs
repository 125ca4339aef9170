//! Running what cannot be made to yield on a pool of OS threads.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Condvar;

use crate::cancel::{Interrupt, Interruption};
use crate::context;
use crate::park::{self, Reason, Unparker, Woken};
use crate::runtime::OffloadGuard;
use crate::sys::lock::Mutex;

/// Threads of the pool at most. Calls beyond wait in line: what blocks here is usually a disk or a name server, which more
/// threads would not speed up.
const MAX_THREADS: usize = 256;

/// How long a thread stays without work.
const IDLE: Duration = Duration::from_secs(10);

type Call = Box<dyn FnOnce() + Send>;

/// Runs `f` on a pool of OS threads and returns its value. Suspends the calling coroutine meanwhile, so that the others of its worker
/// run; on an OS thread, where there is nobody to make room for, it just calls `f`.
///
/// For what blocks and cannot be made to yield: file I/O on slow disks, long computations, C libraries. The pool grows as needed up to 256
/// threads, beyond which calls wait in line; idle threads leave after ten seconds. A caller that is cancelled, or
/// whose time is over, unwinds at once, while `f` runs to its end and its value is dropped there. On an OS thread nothing ends it early.
///
/// # Panics
/// If `f` does, with its payload.
///
/// ```
/// # greenwood_runtime::run(|| {
/// let text = greenwood_runtime::offload(|| std::fs::read_to_string("/proc/self/comm")).unwrap();
/// # assert!(!text.is_empty());
/// # });
/// ```
pub fn offload<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    if !context::may_switch() {
        return f();
    }
    let _running = count();
    let reply = start(f, submit);
    reply.wait().unwrap_or_else(|interrupt| interrupt.unwind())
}

/// [`offload`] for functions that return errors: a cancellation is reported the first time, and unwinds only after that. `f` runs to its
/// end all the same, and its value is dropped there.
///
/// # Errors
/// [`Interruption`] if the coroutine was cancelled or the time of a [`timeout`](crate::timeout) around the call is over.
///
/// # Panics
/// As [`offload`].
///
/// ```
/// # greenwood_runtime::run(|| {
/// assert_eq!(greenwood_runtime::try_offload(|| 6 * 7), Ok(42));
/// # });
/// ```
pub fn try_offload<F, T>(f: F) -> Result<T, Interruption>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    if !context::may_switch() {
        return Ok(f());
    }
    let _running = count();
    let reply = start(f, submit);
    reply.wait().map_err(Interrupt::report)
}

/// [`try_offload`] on a thread that nobody else waits for, nor it for others.
pub(crate) fn try_offload_alone<F, T>(f: F) -> Result<T, Interruption>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    if !context::may_switch() {
        return Ok(f());
    }
    let _running = count();
    let reply = start(f, run_alone);
    reply.wait().map_err(Interrupt::report)
}

/// Counted by the caller, on its worker: a paused clock then neither jumps before the caller goes on, nor waits for a call whose
/// caller has gone.
fn count() -> Option<OffloadGuard> {
    context::current().map(|cx| cx.worker().pool.count_offload())
}

/// Hands `f` to threads by `submit`, for the calling coroutine.
fn start<F, T>(f: F, submit: fn(Call)) -> Arc<Reply<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let reply = Arc::new(Reply { result: Mutex::new(None), caller: park::unparker() });
    let sender = reply.clone();
    // The pool's lock is not the runtime's own kind. Its user must not be suspended for it between here and its wait.
    crate::no_yield(|| {
        submit(Box::new(move || {
            let result = catch_unwind(AssertUnwindSafe(f));
            *sender.result.lock() = Some(result);
            sender.caller.unpark();
        }))
    });
    reply
}

struct Reply<T> {
    result: Mutex<Option<Result<T, Box<dyn Any + Send>>>>,
    caller: Unparker,
}

impl<T> Reply<T> {
    /// Waits for the value. An error if the wait was interrupted before it came.
    fn wait(&self) -> Result<T, Interrupt> {
        loop {
            if let Some(value) = self.take() {
                return Ok(value);
            }
            if let Woken::Interrupted(interrupt) = park::wait(&Reason("offload"), None) {
                return self.take().ok_or(interrupt);
            }
        }
    }

    /// The value, once it is there. Goes on with the panic if there was one.
    fn take(&self) -> Option<T> {
        let result = self.result.lock().take()?;
        Some(result.unwrap_or_else(|payload| resume_unwind(payload)))
    }
}

struct Threads {
    queue: VecDeque<Call>,
    idle: usize,
    count: usize,
}

static THREADS: parking_lot::Mutex<Threads> =
    parking_lot::Mutex::new(Threads { queue: VecDeque::new(), idle: 0, count: 0 });
static ARRIVED: Condvar = Condvar::new();

fn submit(call: Call) {
    let mut threads = THREADS.lock();
    threads.queue.push_back(call);
    // Idle threads may already be spoken for by calls in the queue that they have not taken yet.
    if threads.queue.len() <= threads.idle {
        ARRIVED.notify_one();
        return;
    }
    if threads.count >= MAX_THREADS {
        return;
    }
    threads.count += 1;
    drop(threads);
    if std::thread::Builder::new().name("greenwood-offload".into()).spawn(work).is_ok() {
        return;
    }
    let mut threads = THREADS.lock();
    threads.count -= 1;
    // Other threads will get to it. Where there is none, nor can be, the calls are made here, at the price of a blocked worker.
    if threads.count == 0 {
        let stranded = std::mem::take(&mut threads.queue);
        drop(threads);
        stranded.into_iter().for_each(|call| call());
    }
}

/// Runs `call` on a thread of its own. Where there can be none, it waits in line.
fn run_alone(call: Call) {
    // Comes back from a thread that is not there.
    let place = Arc::new(Mutex::new(Some(call)));
    let theirs = place.clone();
    let take = |place: &Mutex<Option<Call>>| place.lock().take();
    let started = std::thread::Builder::new()
        .name("greenwood-wait".into())
        .spawn(move || take(&theirs).into_iter().for_each(|call| call()));
    if started.is_err() {
        take(&place).into_iter().for_each(submit);
    }
}

fn work() {
    let mut threads = THREADS.lock();
    loop {
        if let Some(call) = threads.queue.pop_front() {
            drop(threads);
            // A value nobody waits for any more is dropped in there, and may panic.
            let _ = catch_unwind(AssertUnwindSafe(call)).map_err(std::mem::forget);
            threads = THREADS.lock();
            continue;
        }
        threads.idle += 1;
        let timed_out = ARRIVED.wait_for(&mut threads, IDLE).timed_out();
        threads.idle -= 1;
        if timed_out && threads.queue.is_empty() {
            threads.count -= 1;
            return;
        }
    }
}
