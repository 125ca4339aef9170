//! Two coroutines of one worker yield to each other.

use crate::support::children::report;
use crate::support::contender::{Contender, go, on_may};
use crate::support::process::cpu_time;
use crate::support::process::nanos_each;

pub fn measure(contender: Contender, count: usize) {
    let each = match contender {
        Contender::Own | Contender::Shared => {
            contender.on_greenwood(1, move || greenwood_twice(count))
        }
        Contender::TokioCurrent | Contender::Tokio => contender.on_tokio(1, tokio_twice(count)),
        Contender::May => on_may(1, move || may_twice(count)),
    };
    report("each", each);
}

/// The other coroutine exists before the clock starts, and both do as many yields.
fn greenwood_twice(count: usize) -> f64 {
    let yields = move || (0..count).for_each(|_| greenwood::yield_now());
    let other = greenwood::spawn(yields);
    greenwood::yield_now();
    let before = cpu_time();
    yields();
    other.join().unwrap();
    nanos_each(2 * count, before)
}

async fn tokio_twice(count: usize) -> f64 {
    let other = tokio::spawn(tokio_yields(count));
    tokio::task::yield_now().await;
    let before = cpu_time();
    tokio_yields(count).await;
    other.await.unwrap();
    nanos_each(2 * count, before)
}

async fn tokio_yields(count: usize) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

fn may_twice(count: usize) -> f64 {
    let yields = move || (0..count).for_each(|_| may::coroutine::yield_now());
    let other = go(yields);
    may::coroutine::yield_now();
    let before = cpu_time();
    yields();
    other.join().unwrap();
    nanos_each(2 * count, before)
}
