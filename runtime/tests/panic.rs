//! Panics: they end their coroutine, go to whoever joins it, and nowhere else.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, each_runtime, until};
use greenwood_runtime::{sleep, spawn, yield_now};

#[test]
fn the_payload_goes_to_the_joiner() {
    each_mode(|| {
        let handle = spawn(|| {
            yield_now();
            resume_unwind(Box::new(String::from("reason")));
        });
        let ended: std::thread::Result<()> = handle.join();
        assert_eq!(*ended.unwrap_err().downcast::<String>().unwrap(), "reason");
    });
}

#[test]
fn run_passes_it_on() {
    each_runtime(|runtime| {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            runtime.run(|| resume_unwind(Box::new(7)));
        }));
        assert_eq!(*caught.unwrap_err().downcast::<i32>().unwrap(), 7);
        assert_eq!(runtime.run(|| 8), 8);
    });
}

#[test]
fn nobody_else_notices() {
    each_mode(|| {
        let count = Arc::new(AtomicUsize::new(0));
        let handles: Vec<_> = (0..200)
            .map(|n| {
                let count = count.clone();
                spawn(move || {
                    sleep(Duration::from_micros(n % 50));
                    if n % 2 == 0 {
                        resume_unwind(Box::new(n));
                    }
                    assert!(!std::thread::panicking());
                    count.fetch_add(1, Ordering::Relaxed);
                })
            })
            .collect();
        let failed = handles.into_iter().filter_map(|h| h.join().err()).count();
        assert_eq!((failed, count.load(Ordering::Relaxed)), (100, 100));
    });
}

/// Values that panic when they are dropped: results, payloads, captures of what never started.
#[test]
fn destructors_that_panic() {
    struct Bomb(Arc<AtomicUsize>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
            if !std::thread::panicking() {
                resume_unwind(Box::new("dropped"));
            }
        }
    }
    each_mode(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let bomb = || Bomb(dropped.clone());
        let result = bomb();
        drop(spawn(move || result));
        let payload = bomb();
        drop(spawn(move || resume_unwind(Box::new(payload))));
        until(|| dropped.load(Ordering::Relaxed) == 2);
        let captured = bomb();
        let ended = spawn(move || {
            let _captured = captured;
        });
        assert_eq!(*ended.join().unwrap_err().downcast::<&str>().unwrap(), "dropped");
        let captured = bomb();
        let here = greenwood_runtime::Builder::new()
            .placement(greenwood_runtime::Placement::Here)
            .spawn(move || drop(captured))
            .unwrap();
        here.cancel();
        assert!(here.join().is_err());
        assert_eq!(dropped.load(Ordering::Relaxed), 4);
        assert_eq!(spawn(|| 1).join().unwrap(), 1);
    });
}
