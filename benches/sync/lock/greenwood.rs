//! Greenwood's locks.

use std::hint::black_box;
use std::sync::Arc;

use greenwood::sync::{Mutex, RwLock};

use super::MEMBERS;
use crate::crew;

pub fn lock(n: usize) {
    let mutex = Mutex::new(0);
    (0..n).for_each(|_| *black_box(&mutex).lock() += 1);
    assert_eq!(mutex.into_inner(), n);
}

pub fn contend(yield_every: usize, n: usize) {
    let mutex = Arc::new(Mutex::new(0));
    crew::greenwood(MEMBERS, || {
        let mutex = mutex.clone();
        move || {
            for i in 1..=n / MEMBERS {
                let mut guard = mutex.lock();
                *guard += 1;
                if i % yield_every == 0 {
                    greenwood::yield_now();
                }
            }
        }
    });
    assert_eq!(*mutex.lock(), n / MEMBERS * MEMBERS);
}

pub fn read(n: usize) {
    let lock = RwLock::new(1);
    (0..n).for_each(|_| _ = black_box(*black_box(&lock).read()));
}
