//! Many tasks at once, their results joined in the order of spawning.

use crate::harness::compare;

const TASKS: u64 = 5_000;

#[test]
fn results_come_in_the_order_of_the_handles() {
    compare((0..TASKS).map(|i| i * i).collect::<Vec<_>>(), greenwood, tokio);
}

/// They yield a different number of times each, so that they end in another order than they began.
fn yields(task: u64) -> u64 {
    (TASKS - task) % 7
}

fn greenwood() -> Vec<u64> {
    let task = |i| {
        greenwood::spawn(move || {
            (0..yields(i)).for_each(|_| greenwood::yield_now());
            i * i
        })
    };
    let tasks: Vec<_> = (0..TASKS).map(task).collect();
    tasks.into_iter().map(|task| task.join().unwrap()).collect()
}

async fn tokio() -> Vec<u64> {
    let task = |i| {
        tokio::spawn(async move {
            for _ in 0..yields(i) {
                tokio::task::yield_now().await;
            }
            i * i
        })
    };
    let tasks: Vec<_> = (0..TASKS).map(task).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}
