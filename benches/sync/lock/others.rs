//! The others' locks.

use std::hint::black_box;
use std::sync::Arc;

use super::MEMBERS;
use crate::crew;

pub async fn tokio_lock(n: usize) {
    let mutex = tokio::sync::Mutex::new(0);
    for _ in 0..n {
        *black_box(&mutex).lock().await += 1;
    }
    assert_eq!(mutex.into_inner(), n);
}

pub async fn tokio_contend(yield_every: usize, n: usize) {
    let mutex = Arc::new(tokio::sync::Mutex::new(0));
    crew::tokio(MEMBERS, || {
        let mutex = mutex.clone();
        async move {
            for i in 1..=n / MEMBERS {
                let mut guard = mutex.lock().await;
                *guard += 1;
                if i % yield_every == 0 {
                    tokio::task::yield_now().await;
                }
            }
        }
    })
    .await;
    assert_eq!(*mutex.lock().await, n / MEMBERS * MEMBERS);
}

pub async fn tokio_read(n: usize) {
    let lock = tokio::sync::RwLock::new(1);
    for _ in 0..n {
        black_box(*black_box(&lock).read().await);
    }
}

pub fn may_lock(n: usize) {
    let mutex = may::sync::Mutex::new(0);
    (0..n).for_each(|_| *black_box(&mutex).lock().unwrap() += 1);
    assert_eq!(mutex.into_inner().unwrap(), n);
}

pub fn may_contend(yield_every: usize, n: usize) {
    let mutex = Arc::new(may::sync::Mutex::new(0));
    crew::may(MEMBERS, || {
        let mutex = mutex.clone();
        move || {
            for i in 1..=n / MEMBERS {
                let mut guard = mutex.lock().unwrap();
                *guard += 1;
                if i % yield_every == 0 {
                    may::coroutine::yield_now();
                }
            }
        }
    });
    assert_eq!(*mutex.lock().unwrap(), n / MEMBERS * MEMBERS);
}

pub fn may_read(n: usize) {
    let lock = may::sync::RwLock::new(1);
    (0..n).for_each(|_| _ = black_box(*black_box(&lock).read().unwrap()));
}

pub fn std_lock(n: usize) {
    let mutex = std::sync::Mutex::new(0);
    (0..n).for_each(|_| *black_box(&mutex).lock().unwrap() += 1);
    assert_eq!(mutex.into_inner().unwrap(), n);
}

pub fn std_read(n: usize) {
    let lock = std::sync::RwLock::new(1);
    (0..n).for_each(|_| _ = black_box(*black_box(&lock).read().unwrap()));
}
