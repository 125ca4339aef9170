//! The same work on coroutines of one worker, of two, on OS threads, and on both at once.

use std::sync::Arc;

use greenwood_runtime::{Builder, JoinHandle, Placement, Runtime};

use super::common::{own, shared, watchdog};

/// Runs `body` with 0 to `n - 1`, all at the same time, in every mix, each with a fresh state from `make`; and then `check`.
#[track_caller]
pub fn in_every_mix<S: Send + Sync + 'static>(
    n: usize,
    make: impl Fn() -> S,
    body: impl Fn(&S, usize) + Clone + Send + Sync + 'static,
    check: impl Fn(&S),
) {
    let _watched = watchdog();
    // By which workers the bodies run; no worker means an OS thread.
    type Place = fn(usize) -> Option<usize>;
    let mixes: [(Option<Runtime>, Place); 5] = [
        (Some(own(1)), |_| Some(0)),
        (Some(shared().build().unwrap()), |_| Some(0)),
        (Some(own(2)), |i| Some(i % 2)),
        (None, |_| None),
        (Some(own(2)), |i| [Some(0), None, Some(1)][i % 3]),
    ];
    for (runtime, place) in mixes {
        let state = Arc::new(make());
        let (mut threads, mut coroutines): (Vec<_>, Vec<JoinHandle<()>>) = Default::default();
        for i in 0..n {
            let (state, body) = (state.clone(), body.clone());
            let job = move || body(&state, i);
            match (&runtime, place(i)) {
                (Some(runtime), Some(worker)) => {
                    let there = Builder::new().placement(Placement::Worker(worker));
                    coroutines.push(runtime.spawn_with(there, job).unwrap());
                }
                _ => threads.push(std::thread::spawn(job)),
            }
        }
        coroutines.into_iter().for_each(|c| c.join().unwrap());
        threads.into_iter().for_each(|t| t.join().unwrap());
        check(&state);
    }
}
