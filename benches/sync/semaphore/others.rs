//! The others' semaphores.

use std::hint::black_box;
use std::sync::Arc;

use super::{MEMBERS, PERMITS};
use crate::crew;

pub async fn tokio_acquire(n: usize) {
    let semaphore = tokio::sync::Semaphore::new(PERMITS);
    for _ in 0..n {
        drop(black_box(&semaphore).acquire().await.unwrap());
    }
}

pub async fn tokio_contend(n: usize) {
    let semaphore = Arc::new(tokio::sync::Semaphore::new(PERMITS));
    crew::tokio(MEMBERS, || {
        let semaphore = semaphore.clone();
        async move {
            for _ in 0..n / MEMBERS {
                let _permit = semaphore.acquire().await.unwrap();
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
}

pub fn may_acquire(n: usize) {
    let semaphore = may::sync::Semphore::new(PERMITS);
    for _ in 0..n {
        black_box(&semaphore).wait();
        semaphore.post();
    }
}

pub fn may_contend(n: usize) {
    let semaphore = Arc::new(may::sync::Semphore::new(PERMITS));
    crew::may(MEMBERS, || {
        let semaphore = semaphore.clone();
        move || {
            for _ in 0..n / MEMBERS {
                semaphore.wait();
                may::coroutine::yield_now();
                semaphore.post();
            }
        }
    });
}
