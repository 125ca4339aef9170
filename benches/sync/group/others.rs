//! The others' groups.

use std::hint::black_box;

use super::MEMBERS;

pub async fn tokio_groups(n: usize) {
    for _ in 0..n / MEMBERS {
        let mut set = tokio::task::JoinSet::new();
        (0..MEMBERS).for_each(|i| _ = set.spawn(async move { black_box(i) }));
        while let Some(result) = set.join_next().await {
            black_box(result.unwrap());
        }
    }
}

pub fn may_groups(n: usize) {
    for _ in 0..n / MEMBERS {
        may::coroutine::scope(|scope| {
            // SAFETY: the members use no thread-locals, and little stack.
            (0..MEMBERS).for_each(|i| _ = unsafe { scope.spawn(move || black_box(i)) });
        });
    }
}
