//! Coroutines that do nothing: joined one by one, and all at the end.

use std::hint::black_box;

use crate::support::children::report;
use crate::support::contender::{Contender, go, on_may};
use crate::support::process::{cpu_nanos_each, cpu_time, nanos_each};
use crate::support::table::median;

/// Waves after the first one, whose memory is warm.
const WARM_WAVES: usize = 4;

/// Spawns and joins one coroutine after the other, on its own worker. A tenth of them warm up first.
pub fn join_each(contender: Contender, count: usize) {
    let each = match contender {
        Contender::Own | Contender::Shared => contender.on_greenwood(1, move || {
            let spawns = |n| {
                (0..n).for_each(|i: usize| {
                    black_box(greenwood::spawn(move || black_box(i)).join().unwrap());
                })
            };
            spawns(count / 10);
            cpu_nanos_each(count, || spawns(count))
        }),
        Contender::TokioCurrent | Contender::Tokio => contender.on_tokio(1, async move {
            let spawns = async |n: usize| {
                for i in 0..n {
                    black_box(tokio::spawn(async move { black_box(i) }).await.unwrap());
                }
            };
            spawns(count / 10).await;
            let before = cpu_time();
            spawns(count).await;
            nanos_each(count, before)
        }),
        Contender::May => on_may(1, move || {
            let spawns = |n| {
                (0..n).for_each(|i: usize| {
                    black_box(go(move || black_box(i)).join().unwrap());
                })
            };
            spawns(count / 10);
            cpu_nanos_each(count, || spawns(count))
        }),
    };
    report("each", each);
}

/// Spawns `count` coroutines, then joins all of them, in waves.
pub fn join_all(contender: Contender, count: usize) {
    let waves: Vec<f64> = match contender {
        Contender::Own | Contender::Shared => contender.on_greenwood(1, move || {
            let wave = |_| {
                cpu_nanos_each(count, || {
                    let spawn = |i: usize| greenwood::spawn(move || black_box(i));
                    let handles: Vec<_> = (0..count).map(spawn).collect();
                    handles.into_iter().for_each(|handle| {
                        black_box(handle.join().unwrap());
                    });
                })
            };
            (0..=WARM_WAVES).map(wave).collect()
        }),
        Contender::TokioCurrent | Contender::Tokio => contender.on_tokio(1, async move {
            let mut waves = Vec::new();
            for _ in 0..=WARM_WAVES {
                let before = cpu_time();
                let spawn = |i: usize| tokio::spawn(async move { black_box(i) });
                let handles: Vec<_> = (0..count).map(spawn).collect();
                for handle in handles {
                    black_box(handle.await.unwrap());
                }
                waves.push(nanos_each(count, before));
            }
            waves
        }),
        Contender::May => on_may(1, move || {
            let wave = |_| {
                cpu_nanos_each(count, || {
                    let handles: Vec<_> =
                        (0..count).map(|i: usize| go(move || black_box(i))).collect();
                    handles.into_iter().for_each(|handle| {
                        black_box(handle.join().unwrap());
                    });
                })
            };
            (0..=WARM_WAVES).map(wave).collect()
        }),
    };
    report("first", waves[0]);
    report("warm", median(&waves[1..]));
}
