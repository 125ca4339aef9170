//! Offloaded calls: panics, cancellation, many at once, and on threads.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{each_mode, own, until, watchdog};
use greenwood_runtime::{Runtime, may_switch, offload, sleep, spawn};

#[test]
fn it_yields_and_runs_on_another_thread() {
    each_mode(|| {
        let here = std::thread::current().id();
        let (send, receive) = channel();
        // Needs the other coroutine to have run.
        spawn(move || send.send(6).unwrap());
        let (value, there) = offload(move || {
            assert!(!may_switch());
            (receive.recv().unwrap(), std::thread::current().id())
        });
        assert_eq!(value, 6);
        assert_ne!(here, there);
    });
}

#[test]
fn panics_pass() {
    each_mode(|| {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            offload(|| resume_unwind(Box::new("there")));
        }));
        assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "there");
        assert_eq!(offload(|| 1), 1);
    });
}

#[test]
fn on_a_thread_it_is_a_call() {
    let mine = std::thread::current().id();
    assert_eq!(offload(|| std::thread::current().id()), mine);
}

/// More than the pool has threads: the rest wait in line, and none is lost.
#[test]
fn more_than_there_are_threads() {
    let _watched = watchdog();
    let runtime = own(2);
    runtime.run(|| {
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let gate = Arc::new(Mutex::new(()));
        let closed = gate.lock().unwrap();
        let handles: Vec<_> = (0..600)
            .map(|n| {
                let (running, most, gate) = (running.clone(), most.clone(), gate.clone());
                spawn(move || {
                    offload(move || {
                        let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(now, Ordering::SeqCst);
                        drop(gate.lock());
                        running.fetch_sub(1, Ordering::SeqCst);
                        n
                    })
                })
            })
            .collect();
        until(|| handles.iter().all(|h| h.coroutine().waits_for() == Some("offload")));
        // Other tests of this program use the same pool.
        until(|| running.load(Ordering::SeqCst) >= 200);
        assert!(most.load(Ordering::SeqCst) <= 256);
        drop(closed);
        let sum: usize = handles.into_iter().map(|h| h.join().unwrap()).sum();
        assert_eq!(sum, 599 * 600 / 2);
    });
}

/// The caller is gone; the call's value is dropped all the same, on its thread.
#[test]
fn a_cancelled_caller_leaves_the_call_behind() {
    struct Notes(Arc<AtomicUsize>);
    impl Drop for Notes {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    each_mode(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let (go, gone) = channel::<()>();
        let notes = Notes(dropped.clone());
        let caller = spawn(move || {
            offload(move || {
                let _ = gone.recv();
                notes
            });
        });
        until(|| caller.coroutine().waits_for() == Some("offload"));
        caller.cancel();
        assert!(caller.join().is_err());
        assert_eq!(dropped.load(Ordering::SeqCst), 0);
        go.send(()).unwrap();
        until(|| dropped.load(Ordering::SeqCst) == 1);
    });
}

/// A paused clock waits for offloaded calls, and goes on when the last of them has ended.
#[test]
fn a_paused_clock_goes_on_after_a_call() {
    let _watched = watchdog();
    let runtime = Runtime::builder().workers(1).paused_clock().build().unwrap();
    runtime.run(|| {
        for _ in 0..20_000 {
            offload(|| ());
            sleep(Duration::from_secs(1));
        }
    });
}
