//! std's locks, unchanged, on one worker.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Others, patched};
use greenwood_runtime::{sleep, spawn};

#[test]
fn a_mutex_held_over_a_wait() {
    patched(|| {
        let others = Others::new();
        let mutex = Arc::new(Mutex::new(0));
        let handle = {
            let mutex = mutex.clone();
            spawn(move || {
                let mut held = mutex.lock().unwrap();
                sleep(Duration::from_millis(5));
                *held += 1;
            })
        };
        common::until(|| mutex.try_lock().is_err());
        others.run_during(|| *mutex.lock().unwrap() += 1);
        handle.join().unwrap();
        assert_eq!(*mutex.lock().unwrap(), 2);
    });
}
