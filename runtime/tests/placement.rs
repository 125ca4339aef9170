//! Where coroutines run: what has not started is stolen, what has started stays.

mod common;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{own, watchdog};
use greenwood_runtime::{
    Builder, Placement, no_yield, offload, sleep, spawn, worker_index, yield_now,
};

/// One worker computes and never looks up; the other runs what it has spawned.
#[test]
fn the_idle_worker_takes_what_the_busy_one_spawned() {
    let _watched = watchdog();
    let runtime = own(2);
    let ran = runtime.run(|| {
        let me = worker_index();
        let ran = Arc::new(AtomicUsize::new(0));
        let handles: Vec<_> = (0..100)
            .map(|_| {
                let ran = ran.clone();
                spawn(move || {
                    ran.fetch_add(1, Ordering::Relaxed);
                    worker_index()
                })
            })
            .collect();
        no_yield(|| {
            while ran.load(Ordering::Relaxed) < 100 {
                std::hint::spin_loop();
            }
        });
        assert!(handles.into_iter().all(|h| h.join().unwrap() != me));
        ran.load(Ordering::Relaxed)
    });
    assert_eq!(ran, 100);
}

#[test]
fn placed_ones_are_not_taken() {
    let _watched = watchdog();
    let runtime = own(2);
    runtime.run(|| {
        let me = worker_index();
        let other = 1 - me.unwrap();
        let place = |p| Builder::new().placement(p).spawn(worker_index).unwrap();
        let here: Vec<_> = (0..50).map(|_| place(Placement::Here)).collect();
        let mine: Vec<_> = (0..50).map(|_| place(Placement::Worker(me.unwrap()))).collect();
        let theirs: Vec<_> = (0..50).map(|_| place(Placement::Worker(other))).collect();
        // While this worker is held, the other one does its own only.
        no_yield(|| {
            while !theirs.iter().all(|h| h.is_finished()) {
                std::hint::spin_loop();
            }
        });
        assert!(here.iter().chain(&mine).all(|h| !h.is_finished()));
        assert!(here.into_iter().chain(mine).all(|h| h.join().unwrap() == me));
        assert!(theirs.into_iter().all(|h| h.join().unwrap() == Some(other)));
    });
}

#[test]
fn what_has_started_stays() {
    let _watched = watchdog();
    let runtime = own(2);
    let handles: Vec<_> = (0..200)
        .map(|n| {
            runtime.spawn(move || {
                // SAFETY: a system call without preconditions.
                let thread = || unsafe { libc::syscall(libc::SYS_gettid) };
                let (worker, started_on) = (worker_index(), thread());
                for _ in 0..20 {
                    match n % 4 {
                        0 => yield_now(),
                        1 => sleep(Duration::from_micros(100)),
                        2 => offload(|| ()),
                        _ => spawn(yield_now).join().unwrap(),
                    }
                    assert_eq!((worker_index(), thread()), (worker, started_on));
                }
                started_on
            })
        })
        .collect();
    let threads: HashSet<_> = handles.into_iter().map(|h| h.join().unwrap()).collect();
    assert!(threads.len() <= 2);
}
