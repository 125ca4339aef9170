//! The end of a runtime: leftovers, stuck coroutines, late spawns, and what other runtimes must not notice.

mod common;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use common::{each_mode, each_runtime, in_child, own, shared, text, until, watchdog};
use greenwood_runtime::{
    Builder, Cancelled, Placement, Runtime, RuntimeBuilder, offload, sleep, spawn, yield_now,
};

/// Counts its drops.
#[derive(Clone)]
struct Counts(Arc<AtomicUsize>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn impatient() -> RuntimeBuilder {
    Runtime::builder().workers(1).shutdown_timeout(Duration::from_millis(20))
}

/// Spawns a coroutine that yields until told to end, whatever it is asked.
fn stubborn(runtime: &Runtime) -> Arc<AtomicBool> {
    let end = Arc::new(AtomicBool::new(false));
    let (told, (tell, started)) = (end.clone(), channel());
    runtime.spawn(move || {
        tell.send(()).unwrap();
        until(|| told.load(Ordering::Relaxed));
    });
    started.recv().unwrap();
    end
}

#[test]
fn leftovers_are_unwound() {
    let _watched = watchdog();
    for build in [|| own(1), || own(2), || shared().build().unwrap()] {
        let dropped = Arc::new(AtomicUsize::new(0));
        let runtime = build();
        let sleepers: Vec<_> = (0..50)
            .map(|_| {
                let counts = Counts(dropped.clone());
                runtime.spawn(move || {
                    let _counts = counts;
                    sleep(Duration::MAX);
                })
            })
            .collect();
        runtime.run(|| until(|| sleepers.iter().all(|s| s.coroutine().waits_for().is_some())));
        drop(runtime);
        assert_eq!(dropped.load(Ordering::Relaxed), 50);
        for sleeper in sleepers {
            assert!(sleeper.join().unwrap_err().is::<Cancelled>());
        }
    }
}

#[test]
fn what_has_not_started_never_does() {
    let _watched = watchdog();
    let runtime = own(1);
    let dropped = Arc::new(AtomicUsize::new(0));
    let (tell, started) = channel();
    let blocker = runtime.spawn(move || {
        tell.send(()).unwrap();
        std::thread::sleep(Duration::from_millis(20));
    });
    started.recv().unwrap();
    let handles: Vec<_> = (0..10)
        .map(|_| {
            let counts = Counts(dropped.clone());
            runtime.spawn(move || {
                let _counts = counts;
                panic!("it must not start");
            })
        })
        .collect();
    drop(runtime);
    for handle in handles {
        let ended: std::thread::Result<()> = handle.join();
        assert!(ended.unwrap_err().is::<Cancelled>());
    }
    assert_eq!(dropped.load(Ordering::Relaxed), 10);
    blocker.join().unwrap();
}

#[test]
fn blocking_in_destructors_is_waited_for() {
    struct Slow(Arc<AtomicUsize>);
    impl Drop for Slow {
        fn drop(&mut self) {
            sleep(Duration::from_millis(3));
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    each_runtime(|_| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let runtime = own(1);
        let slow = Slow(dropped.clone());
        let handle = runtime.spawn(move || {
            let _slow = slow;
            sleep(Duration::MAX)
        });
        runtime.run(|| until(|| handle.coroutine().waits_for().is_some()));
        drop(runtime);
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_stuck_coroutine_does_not_hold_drop_for_ever() {
    let _watched = watchdog();
    let runtime = impatient().build().unwrap();
    let end = stubborn(&runtime);
    drop(runtime);
    end.store(true, Ordering::Relaxed);
}

/// The documentation promises a line on stderr when stacks are leaked.
#[test]
fn a_leaked_stack_is_reported() {
    let name = "a_leaked_stack_is_reported";
    let report = || {
        let runtime = impatient().build().unwrap();
        let _end = stubborn(&runtime);
        drop(runtime);
    };
    let Some(out) = in_child(name, report) else { return };
    assert!(out.status.success(), "{}", text(&out));
    assert!(String::from_utf8_lossy(&out.stderr).contains("greenwood"), "{}", text(&out));
}

/// A worker that ended lends its shared part to a later runtime, while the first still waits for its other worker.
#[test]
fn giving_up_on_one_runtime_spares_another() {
    let name = "giving_up_on_one_runtime_spares_another";
    let scenario = || {
        let first = impatient().workers(2).shutdown_timeout(Duration::from_millis(300)).build();
        let first = first.unwrap();
        let end = stubborn(&first);
        let dropping = std::thread::spawn(move || drop(first));
        // The idle worker ends soon; then its part is free to be taken.
        std::thread::sleep(Duration::from_millis(100));
        let second = own(4);
        dropping.join().unwrap();
        for worker in 0..4 {
            let place = Builder::new().placement(Placement::Worker(worker));
            second.spawn_with(place, || sleep(Duration::from_millis(1))).unwrap().join().unwrap();
        }
        end.store(true, Ordering::Relaxed);
    };
    let Some(out) = in_child(name, scenario) else { return };
    assert!(out.status.success(), "{}", text(&out));
}

#[test]
fn dropping_a_runtime_in_its_own_coroutine() {
    let _watched = watchdog();
    for workers in [1, 2] {
        let runtime = Arc::new(own(workers));
        let inner = runtime.clone();
        let (tell, told) = channel();
        let handle = runtime.spawn(move || {
            told.recv().unwrap();
            drop(inner);
            let late = spawn(|| 1).join();
            assert!(late.unwrap_err().is::<Cancelled>());
            7
        });
        // The last reference is the coroutine's.
        drop(runtime);
        tell.send(()).unwrap();
        // Its joins may report the cancellation instead of the child's.
        match handle.join() {
            Ok(seven) => assert_eq!(seven, 7),
            Err(payload) => assert!(payload.is::<Cancelled>()),
        }
    }
}

#[test]
fn handles_outlive_the_runtime() {
    let _watched = watchdog();
    let runtime = own(2);
    let done: Vec<_> = (0..20).map(|n| runtime.spawn(move || n)).collect();
    runtime.run(|| until(|| done.iter().all(|d| d.is_finished())));
    drop(runtime);
    for (n, handle) in done.into_iter().enumerate() {
        handle.cancel();
        assert_eq!(handle.join().unwrap(), n);
    }
}

#[test]
fn many_runtimes_one_after_the_other_and_at_once() {
    let _watched = watchdog();
    for _ in 0..20 {
        let runtimes: Vec<_> = (1..=3).map(|n| own(n % 2 + 1)).collect();
        let sum: usize = runtimes.iter().map(|r| r.run(|| spawn(|| 2).join().unwrap())).sum();
        assert_eq!(sum, 6);
    }
}

/// Runtimes that start and end on several threads do not disturb each other.
#[test]
fn runtimes_end_while_others_begin() {
    let _watched = watchdog();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(|| {
                for _ in 0..100 {
                    let runtime = own(2);
                    let slept = runtime.spawn(|| sleep(Duration::from_micros(50)));
                    slept.join().expect("nobody cancelled it");
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
}

#[test]
fn a_runtime_within_a_runtime() {
    each_mode(|| {
        let beside = Arc::new(AtomicBool::new(false));
        let flag = beside.clone();
        spawn(move || flag.store(true, Ordering::Relaxed));
        let inner = own(1);
        let value = inner.run(|| {
            sleep(Duration::from_millis(1));
            3
        });
        // The outer coroutine was suspended meanwhile.
        assert!(beside.load(Ordering::Relaxed));
        drop(inner);
        assert_eq!(value, 3);
    });
}

/// A paused clock must not let the other runtime's time to end pass in an instant.
#[test]
fn a_paused_clock_gives_another_runtime_time_to_end() {
    let _watched = watchdog();
    let paused = Runtime::builder().workers(1).paused_clock().build().unwrap();
    for _ in 0..20 {
        let handle = paused.run(|| {
            let inner = own(1);
            let handle = inner.spawn(|| {
                let _slow = Slowly;
                sleep(Duration::MAX)
            });
            inner.run(|| until(|| handle.coroutine().waits_for().is_some()));
            drop(inner);
            handle
        });
        assert!(handle.is_finished(), "given up on at once");
    }
    struct Slowly;
    impl Drop for Slowly {
        fn drop(&mut self) {
            sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn offloaded_calls_do_not_hold_the_end() {
    let _watched = watchdog();
    let (end, ended) = channel::<()>();
    let runtime = own(1);
    let handle = runtime.spawn(move || offload(move || ended.recv().unwrap()));
    runtime.run(|| until(|| handle.coroutine().waits_for() == Some("offload")));
    drop(runtime);
    assert!(handle.join().unwrap_err().is::<Cancelled>());
    end.send(()).unwrap();
}

/// What could not be built leaves no descriptors behind.
#[test]
fn a_failed_start_leaves_nothing() {
    let name = "a_failed_start_leaves_nothing";
    let scenario = || {
        drop(own(1));
        let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let limit = libc::rlimit { rlim_cur: count() as u64 + 40, rlim_max: 4096 };
        // SAFETY: lowers a limit of this child, from a value that lives over the call.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
        let failure = Runtime::builder().workers(500).build().unwrap_err();
        assert_eq!(failure.raw_os_error(), Some(libc::EMFILE), "{failure}");
        // A second failure finds as many descriptors as the first, and a small runtime starts.
        let before = count();
        Runtime::builder().workers(500).build().unwrap_err();
        assert_eq!(count(), before);
        own(1).run(yield_now);
    };
    let Some(out) = in_child(name, scenario) else { return };
    assert!(out.status.success(), "{}", text(&out));
}

#[test]
fn a_coroutine_that_cannot_have_a_stack_says_why() {
    let name = "a_coroutine_that_cannot_have_a_stack_says_why";
    let scenario = || {
        let runtime = own(1);
        runtime.run(yield_now);
        let limit = libc::rlimit { rlim_cur: 1 << 30, rlim_max: 1 << 40 };
        // SAFETY: as above.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
        let builder = Builder::new().stack_size(4 << 30);
        let ended = runtime.spawn_with(builder, || ()).unwrap().join().unwrap_err();
        let error = ended.downcast::<io::Error>().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
        // Both limits that can be the cause are named with lightweight guards; with protected ones it is the likelier.
        assert!(error.to_string().contains("vm.max_map_count"), "{error}");
        runtime.run(yield_now);
    };
    let Some(out) = in_child(name, scenario) else { return };
    assert!(out.status.success(), "{}", text(&out));
}
