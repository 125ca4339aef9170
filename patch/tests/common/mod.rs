//! What the tests share.
#![allow(dead_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use greenwood_patch::{Patches, install};
use greenwood_runtime::Runtime;

/// Ends the process, with a message, if a test hangs.
pub fn watchdog() -> Watchdog {
    let (alive, ended) = std::sync::mpsc::channel::<()>();
    let name = std::thread::current().name().unwrap_or("?").to_owned();
    std::thread::spawn(move || {
        if let Err(std::sync::mpsc::RecvTimeoutError::Timeout) =
            ended.recv_timeout(std::time::Duration::from_secs(60))
        {
            eprintln!("{name} hangs");
            std::process::abort();
        }
    });
    Watchdog(alive)
}

pub struct Watchdog(#[allow(unused)] std::sync::mpsc::Sender<()>);

/// Runs `f` on a runtime of one worker, with everything patched: whatever blocks the worker blocks all.
pub fn patched<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    with(Patches::all(), f)
}

pub fn with<T: Send + 'static>(patches: Patches, f: impl FnOnce() -> T + Send + 'static) -> T {
    let _watchdog = watchdog();
    install(patches).unwrap();
    Runtime::builder().workers(1).build().unwrap().run(f)
}

/// Counts the turns that others get.
pub struct Others {
    turns: Arc<AtomicUsize>,
    ends: Arc<AtomicBool>,
}

impl Others {
    /// Starts a coroutine that does nothing but take its turns: from now on, one whenever another waits.
    pub fn new() -> Others {
        let others = Others { turns: Arc::default(), ends: Arc::default() };
        let (turns, ends) = (others.turns.clone(), others.ends.clone());
        greenwood_runtime::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                turns.fetch_add(1, Ordering::Relaxed);
                greenwood_runtime::yield_now();
            }
        });
        until(|| others.turns.load(Ordering::Relaxed) > 0);
        others
    }

    /// A way to wait until they have had their turns. For who ends the wait of somebody who is to see that they had.
    pub fn pause(&self) -> Pause {
        Pause(Box::leak(Box::new(self.turns.clone())))
    }

    /// Calls `f`, and makes sure that others ran meanwhile.
    pub fn run_during<T>(&self, f: impl FnOnce() -> T) -> T {
        let before = self.turns.load(Ordering::Relaxed);
        let value = f();
        assert!(self.turns.load(Ordering::Relaxed) > before, "nobody else ran meanwhile");
        value
    }
}

/// See [`Others::pause`].
#[derive(Clone, Copy)]
pub struct Pause(&'static Arc<AtomicUsize>);

impl Pause {
    /// On a coroutine or a thread. Some of the turns may come before the other begins to wait.
    pub fn wait(self) {
        let enough = self.0.load(Ordering::Relaxed) + 6;
        while self.0.load(Ordering::Relaxed) < enough {
            greenwood_runtime::sleep(std::time::Duration::from_micros(100));
        }
    }
}

impl Drop for Others {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}

/// Lets the others run until `done`.
pub fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        greenwood_runtime::yield_now();
    }
}
