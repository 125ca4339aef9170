//! Scenarios whose parts run as coroutines of one worker or several, as OS threads, and as both.
#![allow(dead_code)] // Each test file uses its part.

use greenwood_runtime::{Builder, JoinHandle, Placement, Runtime};

use crate::common::{own, shared, until, watchdog};

pub type Part = Box<dyn FnOnce() + Send>;

/// Runs the parts that `scenario` makes at once, in every mix.
#[track_caller]
pub fn each_mix(scenario: impl Fn() -> Vec<Part>) {
    let _watched = watchdog();
    let on = |runtime: &Runtime, worker: usize, part: Part| {
        let place = Builder::new().placement(Placement::Worker(worker));
        runtime.spawn_with(place, part).unwrap()
    };
    for runtime in [own(1), shared().build().unwrap(), own(2)] {
        let workers = runtime.workers();
        let parts = scenario().into_iter().enumerate();
        let handles: Vec<_> = parts.map(|(i, part)| on(&runtime, i % workers, part)).collect();
        handles.into_iter().for_each(|h| h.join().unwrap());
    }
    let threads: Vec<_> = scenario().into_iter().map(std::thread::spawn).collect();
    threads.into_iter().for_each(|t| t.join().unwrap());

    let runtime = own(2);
    let (mut threads, mut handles) = (Vec::new(), Vec::new());
    for (i, part) in scenario().into_iter().enumerate() {
        match i % 3 {
            0 => threads.push(std::thread::spawn(part)),
            n => handles.push(on(&runtime, n - 1, part)),
        }
    }
    threads.into_iter().for_each(|t| t.join().unwrap());
    handles.into_iter().for_each(|h| h.join().unwrap());
}

/// Until it waits for `reason`.
pub fn waits<T: Send>(handle: &JoinHandle<T>, reason: &str) {
    until(|| handle.coroutine().waits_for() == Some(reason));
}

/// A small generator of numbers, the same for the same seed.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % bound
    }
}
