//! Coroutines on one worker, and how to tell that others run.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use greenwood_patch::{Patches, install};
use greenwood_runtime::{JoinHandle, Runtime, sleep, spawn, yield_now};

/// Nothing here takes a tenth of it, but on a machine that does much else.
const HANGS: Duration = Duration::from_secs(120);

/// Runs `f` on a runtime of one worker, with everything patched: whatever blocks the worker blocks all. A test that hangs ends the process.
pub fn patched<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    let name = std::thread::current().name().unwrap_or("?").to_owned();
    let (alive, ended) = channel::<()>();
    std::thread::spawn(move || {
        if let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(HANGS) {
            eprintln!("{name} hangs");
            std::process::abort();
        }
    });
    install(Patches::all()).unwrap();
    let value = Runtime::builder().workers(1).build().unwrap().run(f);
    drop(alive);
    value
}

/// Starts `f(0)` to `f(count - 1)`, each on its coroutine.
pub fn spawn_all<T: Send + 'static>(
    count: usize,
    f: impl Fn(usize) -> T + Send + Sync + 'static,
) -> Vec<JoinHandle<T>> {
    let f = Arc::new(f);
    (0..count)
        .map(|i| {
            let f = f.clone();
            spawn(move || f(i))
        })
        .collect()
}

/// Waits for all.
pub fn join_all<T>(handles: Vec<JoinHandle<T>>) -> Vec<T> {
    handles.into_iter().map(|handle| handle.join().unwrap()).collect()
}

/// Has many ask at once, each `ask(number)` for its number back, and cancels every other one at some time. The rest are to be answered as ever, and
/// nobody is to get what somebody else asked for.
pub fn cancel_half<E: Debug>(ask: impl Fn(usize) -> Result<usize, E> + Send + Sync + 'static) {
    const ASKERS: usize = 40;
    const ROUNDS: usize = 15;
    let answered = Arc::new(AtomicUsize::new(0));
    let count = answered.clone();
    let askers = spawn_all(ASKERS, move |i| {
        for number in (0..ROUNDS).map(|round| i * ROUNDS + round) {
            match ask(number) {
                Ok(answer) => assert_eq!(answer, number, "somebody else's answer"),
                Err(_) if i % 2 == 0 => return,
                Err(error) => panic!("{i} was not cancelled: {error:?}"),
            }
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    for i in (0..ASKERS).step_by(2) {
        // The others alone get as far.
        until(|| answered.load(Ordering::Relaxed) >= i * ROUNDS / 2 / 2);
        askers[i].cancel();
    }
    for (i, asker) in askers.into_iter().enumerate() {
        if let Err(panic) = asker.join() {
            assert!(i % 2 == 0 && panic.is::<greenwood_runtime::Cancelled>(), "{i} panicked");
        }
    }
}

/// Lets the others run until `done`.
pub fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        yield_now();
    }
}

/// Counts the turns that others get.
#[derive(Debug)]
pub struct Others {
    turns: Arc<AtomicUsize>,
    handle: JoinHandle<()>,
}

impl Others {
    /// Starts a coroutine that does nothing but take its turns.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Others {
        let turns = Arc::new(AtomicUsize::new(0));
        let count = turns.clone();
        let handle = spawn(move || {
            loop {
                count.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_micros(100));
            }
        });
        Others { turns, handle }
    }

    /// The turns so far.
    pub fn turns(&self) -> usize {
        self.turns.load(Ordering::Relaxed)
    }

    /// Calls `f`, and makes sure that others ran meanwhile.
    pub fn run_during<T>(&self, f: impl FnOnce() -> T) -> T {
        let before = self.turns();
        let value = f();
        assert!(self.turns() > before, "nobody else ran meanwhile");
        value
    }
}

impl Drop for Others {
    fn drop(&mut self) {
        self.handle.cancel();
    }
}
