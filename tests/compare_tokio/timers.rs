//! Many timers, set in disorder, fire in the order of their deadlines.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use greenwood::{Builder, Placement};

use crate::harness::compare_runtimes;

const TIMERS: u32 = 200;

/// Wider than either's timer resolution (1 ms on tokio).
const GAP: Duration = Duration::from_millis(4);

#[test]
fn deadlines_decide_the_order() {
    compare_runtimes(
        (0..TIMERS).collect::<Vec<_>>(),
        |runtime| runtime.run(greenwood),
        // Between workers there is no order: one that the OS has stopped is late with its own.
        |_| {
            tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .unwrap()
                .block_on(tokio())
        },
    );
}

/// All places, in steps that have no divisor in common with their number.
fn disorder() -> impl Iterator<Item = u32> {
    (0..TIMERS).map(|i| i * 77 % TIMERS)
}

fn greenwood() -> Vec<u32> {
    let fired = Arc::new(Mutex::new(Vec::new()));
    let base = Instant::now() + Duration::from_millis(50);
    let timer = |place: u32| {
        let fired = fired.clone();
        let sleeper = move || {
            greenwood::sleep_until(base + GAP * place);
            fired.lock().unwrap().push(place);
        };
        Builder::new().placement(Placement::Here).spawn(sleeper).unwrap()
    };
    let timers: Vec<_> = disorder().map(timer).collect();
    timers.into_iter().for_each(|timer| timer.join().unwrap());
    fired.lock().unwrap().clone()
}

async fn tokio() -> Vec<u32> {
    let fired = Arc::new(Mutex::new(Vec::new()));
    let base = tokio::time::Instant::now() + Duration::from_millis(50);
    let timer = |place: u32| {
        let fired = fired.clone();
        tokio::spawn(async move {
            tokio::time::sleep_until(base + GAP * place).await;
            fired.lock().unwrap().push(place);
        })
    };
    let timers: Vec<_> = disorder().map(timer).collect();
    for timer in timers {
        timer.await.unwrap();
    }
    fired.lock().unwrap().clone()
}
