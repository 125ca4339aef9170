//! Spawning: results, settings, identity, and from where.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{each_mode, each_runtime, until, watchdog};
use greenwood_runtime::{
    Builder, MIN_STACK_SIZE, Placement, current, may_switch, spawn, worker_count, worker_index,
    yield_now,
};

#[test]
fn results_come_back() {
    each_mode(|| {
        let handles: Vec<_> = (0..1_000).map(|n| spawn(move || vec![n; 10])).collect();
        for (n, handle) in handles.into_iter().enumerate() {
            assert_eq!(handle.join().unwrap(), vec![n; 10]);
        }
    });
}

#[test]
fn detached_ones_run_on_and_their_results_are_dropped() {
    struct Counts(Arc<AtomicUsize>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    each_mode(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        for n in 0..50 {
            let counts = Counts(dropped.clone());
            let handle = spawn(move || {
                (0..n % 3).for_each(|_| yield_now());
                counts
            });
            if n % 2 == 0 {
                until(|| handle.is_finished());
            }
            drop(handle);
        }
        until(|| dropped.load(Ordering::Relaxed) == 50);
    });
}

#[test]
fn nested_deeply() {
    fn level(n: usize) -> usize {
        if n == 0 { 0 } else { 1 + spawn(move || level(n - 1)).join().unwrap() }
    }
    each_mode(|| assert_eq!(level(500), 500));
}

#[test]
fn names_ids_and_places() {
    each_mode(|| {
        let line = line!() + 1;
        let handle = Builder::new().name("a name").spawn(|| current().unwrap()).unwrap();
        let outside = handle.coroutine();
        let inside = handle.join().unwrap();
        assert_eq!(inside.id(), outside.id());
        assert_eq!(inside.name(), Some("a name"));
        assert_eq!(inside.spawned_at().line(), line);
        assert!(inside.spawned_at().file().ends_with("spawn.rs"));
        assert_ne!(current().unwrap().id(), inside.id());
        assert_eq!(current().unwrap().name(), None);
        assert!(format!("{inside:?}").contains("a name"));
    });
    assert!(current().is_none());
}

#[test]
fn from_threads_to_the_global_runtime() {
    let _watched = watchdog();
    let threads: Vec<_> = (0..4)
        .map(|n| {
            std::thread::spawn(move || {
                let handles: Vec<_> = (0..250).map(|i| spawn(move || n * i)).collect();
                handles.into_iter().map(|h| h.join().unwrap()).sum::<usize>()
            })
        })
        .collect();
    let sum: usize = threads.into_iter().map(|t| t.join().unwrap()).sum();
    assert_eq!(sum, (0..4).map(|n| n * 249 * 250 / 2).sum());
    assert!(!may_switch());
    assert_eq!(worker_index(), None);
    let inside = spawn(|| (may_switch(), worker_index(), worker_count())).join().unwrap();
    assert!(inside.0 && inside.1.is_some());
    assert_eq!(inside.2, worker_count());
}

#[test]
fn stacks_of_any_size() {
    fn deep(bytes: usize) -> u8 {
        let frame = std::hint::black_box([1u8; 4096]);
        if bytes < 8192 { frame[5] } else { deep(bytes - 4096 - 512) & frame[9] }
    }
    each_mode(|| {
        for size in [MIN_STACK_SIZE, MIN_STACK_SIZE + 1, 100_000, 8 << 20] {
            let depth = (size - 12_000) / 2;
            let handle = Builder::new().stack_size(size).spawn(move || deep(depth)).unwrap();
            assert_eq!(handle.join().unwrap(), 1);
        }
    });
}

#[test]
fn placed_from_outside() {
    each_runtime(|runtime| {
        for worker in 0..runtime.workers() {
            let place = Builder::new().placement(Placement::Worker(worker));
            let handle = runtime.spawn_with(place, worker_index).unwrap();
            assert_eq!(handle.join().unwrap(), Some(worker));
        }
        let here = Builder::new().placement(Placement::Here);
        assert!(runtime.spawn_with(here, worker_index).unwrap().join().unwrap().is_some());
    });
}

#[test]
fn many_at_once() {
    each_mode(|| {
        let count = Arc::new(AtomicUsize::new(0));
        let handles: Vec<_> = (0..10_000)
            .map(|_| {
                let count = count.clone();
                spawn(move || {
                    count.fetch_add(1, Ordering::Relaxed);
                    until(|| count.load(Ordering::Relaxed) == 10_000);
                })
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().unwrap());
    });
}
