//! What the channels' tests share: who takes part.
#![allow(dead_code)] // Each test file uses its part.

use super::common::{each_mode, watchdog};
use greenwood_runtime::{Builder, JoinHandle, Placement, worker_count};

/// Who takes part in a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// Coroutines, over all workers.
    Coroutines,
    Threads,
    /// Turn and turn about.
    Both,
}

/// One that takes part.
pub enum Party<T> {
    Coroutine(JoinHandle<T>),
    Thread(std::thread::JoinHandle<T>),
}

/// Runs `f` for every mix: on coroutines in every mode of a runtime, and on threads outside any.
#[track_caller]
pub fn each_mix(f: impl Fn(Mix) + Sync) {
    each_mode(|| f(Mix::Coroutines));
    each_mode(|| f(Mix::Both));
    let _watched = watchdog();
    f(Mix::Threads);
}

impl Mix {
    /// Starts number `n`.
    pub fn start<T: Send + 'static>(
        self,
        n: usize,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> Party<T> {
        if self == Mix::Threads || self == Mix::Both && n % 2 == 1 {
            return Party::Thread(std::thread::spawn(f));
        }
        let place = Builder::new().placement(Placement::Worker(n % worker_count()));
        Party::Coroutine(place.spawn(f).unwrap())
    }
}

impl<T> Party<T> {
    #[track_caller]
    pub fn join(self) -> T {
        match self {
            Party::Coroutine(handle) => handle.join().unwrap(),
            Party::Thread(handle) => handle.join().unwrap(),
        }
    }
}
