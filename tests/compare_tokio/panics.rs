//! A task that panics: its join tells, the others live on.

use std::any::Any;

use crate::harness::compare;

const TASKS: usize = 50;

#[test]
fn a_panic_ends_one_task() {
    let outcome = |i| if i % 10 == 3 { Err(format!("task {i} fails")) } else { Ok(i) };
    compare((0..TASKS).map(outcome).collect::<Vec<_>>(), greenwood, tokio);
}

/// They pass through a wait first, so that the panic unwinds a stack that has been suspended.
fn finish(i: usize) -> usize {
    if i % 10 == 3 {
        panic!("task {i} fails");
    }
    i
}

fn text(payload: Box<dyn Any + Send>) -> String {
    *payload.downcast().expect("a formatted message")
}

fn greenwood() -> Vec<Result<usize, String>> {
    let task = |i| {
        greenwood::spawn(move || {
            greenwood::yield_now();
            finish(i)
        })
    };
    let tasks: Vec<_> = (0..TASKS).map(task).collect();
    tasks.into_iter().map(|task| task.join().map_err(text)).collect()
}

async fn tokio() -> Vec<Result<usize, String>> {
    let task = |i| {
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            finish(i)
        })
    };
    let tasks: Vec<_> = (0..TASKS).map(task).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.map_err(|error| text(error.into_panic())));
    }
    results
}
