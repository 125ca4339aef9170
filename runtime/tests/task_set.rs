//! Sets: order of completion, every way to take a result, and what becomes of coroutines that are left.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, own, until, watchdog};
use greenwood_runtime::{
    Builder, Cancelled, Elapsed, Placement, TaskSet, join_all, sleep, spawn, timeout, yield_now,
};

/// Opens when told.
#[derive(Clone, Default)]
struct Gate(Arc<AtomicBool>);

impl Gate {
    fn open(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn pass(&self) {
        until(|| self.0.load(Ordering::Acquire));
    }
}

/// Counts what was dropped.
#[derive(Clone)]
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn in_the_order_of_completion() {
    let on_all = || {
        let gates: Vec<Gate> = (0..5).map(|_| Gate::default()).collect();
        let mut set = TaskSet::new();
        let ids: Vec<_> = gates
            .iter()
            .enumerate()
            .map(|(n, gate)| {
                let gate = gate.clone();
                set.spawn(move || {
                    gate.pass();
                    n
                })
            })
            .collect();
        assert_eq!((set.len(), set.is_empty()), (5, false));
        assert!(set.try_join_next().is_none());
        for n in [3, 0, 4, 1, 2] {
            gates[n].open();
            assert!(set.wait_any() && set.wait_any());
            let (id, result) = set.join_next_with_id().unwrap();
            assert_eq!((id, result.unwrap()), (ids[n], n));
        }
        assert!(set.is_empty() && !set.wait_any());
        assert!(set.join_next().is_none() && set.try_join_next().is_none());
    };
    each_mode(on_all);
    on_all();
}

#[test]
fn waiting_suspends() {
    each_mode(|| {
        let mut set = TaskSet::new();
        let turns = Arc::new(AtomicUsize::new(0));
        let (count, seen) = (turns.clone(), turns.clone());
        let here = || Builder::new().placement(Placement::Here);
        set.spawn_with(here(), move || until(|| seen.load(Ordering::Relaxed) == 1)).unwrap();
        here().spawn(move || count.fetch_add(1, Ordering::Relaxed)).unwrap();
        set.join_next().unwrap().unwrap();
        assert_eq!(turns.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn across_workers_nothing_is_lost() {
    let _watched = watchdog();
    let runtime = own(2);
    let sum = || {
        let mut set = TaskSet::new();
        let mut sum = 0;
        for round in 0..50u64 {
            for n in 0..40 {
                set.spawn(move || {
                    match n % 3 {
                        0 => yield_now(),
                        1 => sleep(Duration::from_micros(n)),
                        _ => {}
                    }
                    round + n
                });
            }
            (0..20).for_each(|_| sum += set.join_next().unwrap().unwrap());
            while let Some(result) = set.try_join_next() {
                sum += result.unwrap();
            }
        }
        sum + set.into_iter().map(Result::unwrap).sum::<u64>()
    };
    let expected = (0..50u64).flat_map(|round| (0..40).map(move |n| round + n)).sum::<u64>();
    assert_eq!(runtime.run(sum), expected);
    // From a thread, the global runtime's.
    assert_eq!(sum(), expected);
}

#[test]
fn panics_and_cancellations_are_results() {
    each_mode(|| {
        let mut set = TaskSet::new();
        let bad = set.spawn(|| resume_unwind(Box::new(5)));
        let (id, result) = set.join_next_with_id().unwrap();
        assert_eq!((id, *result.unwrap_err().downcast::<i32>().unwrap()), (bad, 5));
        set.spawn(|| sleep(Duration::MAX));
        set.cancel_all();
        assert!(set.join_next().unwrap().unwrap_err().is::<Cancelled>());
        // Never started.
        let captured = Counted(Arc::default());
        let count = captured.0.clone();
        let here = Builder::new().placement(Placement::Here);
        set.spawn_with(here, move || drop(captured)).unwrap();
        set.cancel_all();
        assert!(set.join_next().unwrap().unwrap_err().is::<Cancelled>());
        assert_eq!(count.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn join_all_of_a_set() {
    each_mode(|| {
        let set: TaskSet<u32> = (0..50).map(|n| move || n).collect();
        let mut all = set.join_all();
        all.sort_unstable();
        assert_eq!(all, (0..50).collect::<Vec<_>>());

        let ended = Arc::new(AtomicUsize::new(0));
        for cancelled in [false, true] {
            let mut set = TaskSet::new();
            let count = Counted(ended.clone());
            set.spawn(move || {
                let _count = count;
                sleep(Duration::MAX);
            });
            if cancelled {
                set.cancel_all();
            } else {
                set.spawn(|| resume_unwind(Box::new("why")));
            }
            let payload = catch_unwind(AssertUnwindSafe(|| set.join_all())).unwrap_err();
            let text = *payload.downcast::<&str>().unwrap();
            assert_eq!(text, if cancelled { "the coroutine was cancelled" } else { "why" });
        }
        until(|| ended.load(Ordering::Relaxed) == 2);
    });
}

#[test]
fn with_a_deadline() {
    let on_all = || {
        let gate = Gate::default();
        let mut set = TaskSet::new();
        assert!(matches!(set.join_next_timeout(Duration::MAX), Ok(None)));
        let opened = gate.clone();
        set.spawn(move || opened.pass());
        assert!(matches!(set.join_next_timeout(Duration::from_millis(1)), Err(Elapsed)));
        assert!(timeout(Duration::from_millis(1), || set.join_next().is_some()).is_err());
        assert!(timeout(Duration::from_millis(1), || set.wait_any()).is_err());
        assert_eq!(set.len(), 1);
        gate.open();
        assert!(matches!(set.join_next_timeout(Duration::MAX), Ok(Some(Ok(())))));
    };
    each_mode(on_all);
    on_all();
}

#[test]
fn a_cancelled_joiner() {
    each_mode(|| {
        let ended = Arc::new(AtomicUsize::new(0));
        let count = Counted(ended.clone());
        let joiner = spawn(move || {
            let mut set = TaskSet::new();
            set.spawn(move || {
                let _count = count;
                sleep(Duration::MAX);
            });
            set.join_next().unwrap().unwrap();
        });
        until(|| joiner.coroutine().waits_for() == Some("task set"));
        joiner.cancel();
        assert!(joiner.join().unwrap_err().is::<Cancelled>());
        // Its set went with it.
        until(|| ended.load(Ordering::Relaxed) == 1);
    });
}

#[test]
fn shutdown() {
    let on_all = || {
        let gate = Gate::default();
        let mut set = TaskSet::new();
        for _ in 0..5 {
            set.spawn(|| sleep(Duration::MAX));
        }
        let stubborn = gate.clone();
        let started = Gate::default();
        let start = started.clone();
        set.spawn(move || {
            start.open();
            stubborn.pass();
        });
        started.pass();
        while set.shutdown(Duration::from_millis(1)) != 1 {}
        assert_eq!(set.len(), 1);
        gate.open();
        assert_eq!(set.shutdown(Duration::MAX), 0);
        assert!(set.is_empty());
        assert_eq!(set.shutdown(Duration::ZERO), 0);
    };
    each_mode(on_all);
    on_all();
}

#[test]
fn dropped_and_detached() {
    each_mode(|| {
        let ended = Arc::new(AtomicUsize::new(0));
        let gate = Gate::default();
        let mut set = TaskSet::new();
        for _ in 0..3 {
            let (count, gate) = (Counted(ended.clone()), gate.clone());
            set.spawn(move || {
                gate.pass();
                sleep(Duration::from_micros(50));
                drop(count);
            });
        }
        set.detach_all();
        assert!(set.is_empty() && set.join_next().is_none());
        // It can be used again, and hears nothing of those.
        set.spawn(|| sleep(Duration::from_micros(10)));
        gate.open();
        set.join_next().unwrap().unwrap();
        until(|| ended.load(Ordering::Relaxed) == 3);
        assert!(set.try_join_next().is_none());

        for _ in 0..3 {
            let count = Counted(ended.clone());
            set.spawn(move || {
                let _count = count;
                sleep(Duration::MAX);
            });
        }
        drop(set);
        until(|| ended.load(Ordering::Relaxed) == 6);
    });
}

#[test]
fn as_an_iterator() {
    each_mode(|| {
        let mut set: TaskSet<usize> = (0..10).map(|n| move || n).collect();
        assert_eq!((&mut set).into_iter().len(), 10);
        let some: Vec<_> = (&mut set).into_iter().take(4).map(Result::unwrap).collect();
        assert_eq!((some.len(), set.len()), (4, 6));
        assert_eq!(set.into_iter().filter(Result::is_ok).count(), 6);
    });
}

#[test]
fn handles_joined_together() {
    let on_all = || {
        let mut handles: Vec<_> = (0..5).map(|n| spawn(move || n)).collect();
        handles.push(spawn(|| resume_unwind(Box::new(1))));
        let results = join_all(handles);
        assert!(results[5].is_err());
        assert_eq!(results.into_iter().flatten().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    };
    each_mode(on_all);
    on_all();
}
