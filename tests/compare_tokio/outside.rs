//! Tasks spawned by OS threads, which also wait for them.

use std::thread;

use crate::harness::compare_runtimes;

const THREADS: u64 = 4;
const EACH: u64 = 500;

#[test]
fn threads_spawn_and_collect() {
    let total = THREADS * EACH;
    compare_runtimes(
        total * (total - 1),
        |runtime| {
            on_threads(|numbers| {
                let tasks: Vec<_> = numbers
                    .map(|i| runtime.spawn(move || greenwood::spawn(move || i * 2).join().unwrap()))
                    .collect();
                tasks.into_iter().map(|task| task.join().unwrap()).sum()
            })
        },
        |runtime| {
            on_threads(|numbers| {
                let tasks: Vec<_> = numbers
                    .map(|i| runtime.spawn(async move { tokio::spawn(async move { i * 2 }).await }))
                    .collect();
                let join = |task| runtime.block_on(task);
                tasks.into_iter().map(|task| join(task).unwrap().unwrap()).sum()
            })
        },
    );
}

/// Gives each thread its share of the numbers, and adds up what they return.
fn on_threads(work: impl Fn(std::ops::Range<u64>) -> u64 + Sync) -> u64 {
    thread::scope(|scope| {
        let start = |t| {
            scope.spawn({
                let work = &work;
                move || work(t * EACH..(t + 1) * EACH)
            })
        };
        let threads: Vec<_> = (0..THREADS).map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}
