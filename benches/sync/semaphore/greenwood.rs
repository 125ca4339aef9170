//! Greenwood's semaphore.

use std::hint::black_box;
use std::sync::Arc;

use greenwood::sync::Semaphore;

use super::{MEMBERS, PERMITS};
use crate::crew;

pub fn acquire(n: usize) {
    let semaphore = Semaphore::new(PERMITS);
    (0..n).for_each(|_| drop(black_box(&semaphore).acquire().unwrap()));
}

pub fn contend(n: usize) {
    let semaphore = Arc::new(Semaphore::new(PERMITS));
    crew::greenwood(MEMBERS, || {
        let semaphore = semaphore.clone();
        move || {
            for _ in 0..n / MEMBERS {
                let _permit = semaphore.acquire().unwrap();
                greenwood::yield_now();
            }
        }
    });
}
