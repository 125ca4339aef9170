//! Once, OnceLock and LazyLock: one initialiser runs, those that fail leave nothing behind, and who waits hears of it.

mod common;
#[path = "common/mix.rs"]
mod mix;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, each_runtime, until};
use greenwood_runtime::sync::{LazyLock, Mutex, Once, OnceLock};
use greenwood_runtime::{Cancelled, Elapsed, JoinHandle, now, sleep, spawn, timeout, yield_now};
use mix::in_every_mix;

const BRIEF: Duration = Duration::from_millis(2);

fn waits(handle: &JoinHandle<impl Send>) {
    until(|| handle.coroutine().waits_for() == Some("once"));
}

#[test]
fn one_runs() {
    let make = || (0..50).map(|_| (Once::new(), AtomicUsize::new(0))).collect::<Vec<_>>();
    let work = |onces: &Vec<(Once, AtomicUsize)>, who: usize| {
        for (once, runs) in onces {
            match who % 4 {
                0 => once.wait(),
                _ => once.call_once(|| {
                    yield_now();
                    runs.fetch_add(1, Ordering::Relaxed);
                }),
            }
            assert!(once.is_completed());
            assert_eq!(runs.load(Ordering::Relaxed), 1);
        }
    };
    in_every_mix(8, make, work, |_| ());
}

/// Initialisers that fail half the time, by a panic or an error, while others wait.
#[test]
fn failures_pass_the_turn_on() {
    let make = || (0..30).map(|_| OnceLock::new()).collect::<Vec<OnceLock<usize>>>();
    let work = |cells: &Vec<OnceLock<usize>>, who: usize| {
        for (i, cell) in cells.iter().enumerate() {
            let init = || {
                yield_now();
                match (who + i) % 6 {
                    0 | 1 => Err(()),
                    2 => resume_unwind(Box::new("a test")),
                    _ => Ok(i),
                }
            };
            match catch_unwind(AssertUnwindSafe(|| cell.get_or_try_init(init).copied())) {
                Ok(Ok(value)) => assert_eq!(value, i),
                _ => assert_eq!(*cell.wait(), i),
            }
        }
    };
    in_every_mix(8, make, work, |cells| {
        assert!(cells.iter().enumerate().all(|(i, cell)| cell.get() == Some(&i)));
    });
}

#[test]
fn those_who_wait_are_next_in_order() {
    each_mode(|| {
        let once = Arc::new(Once::new());
        let (go, log) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (cell, gone) = (once.clone(), go.clone());
        let running = Arc::new(AtomicBool::new(false));
        let started = running.clone();
        let first = spawn(move || {
            cell.call_once(|| {
                started.store(true, Ordering::Relaxed);
                until(|| gone.load(Ordering::Relaxed));
                resume_unwind(Box::new("a test"));
            })
        });
        until(|| running.load(Ordering::Relaxed));
        let watcher = once.clone();
        let watcher = spawn(move || watcher.wait());
        waits(&watcher);
        let others: Vec<_> = (0..4)
            .map(|i| {
                let (once, log) = (once.clone(), log.clone());
                let other = spawn(move || {
                    once.call_once(|| {
                        log.lock().push(i);
                        if i < 2 {
                            resume_unwind(Box::new("a test"));
                        }
                    })
                });
                waits(&other);
                other
            })
            .collect();
        go.store(true, Ordering::Relaxed);
        assert!(first.join().is_err());
        let failed = others.into_iter().map(|o| o.join().is_err());
        assert_eq!(failed.collect::<Vec<_>>(), [true, true, false, false]);
        assert_eq!(*log.lock(), [0, 1, 2]);
        watcher.join().unwrap();
    });
}

/// A cancelled initialiser has not run; a cancelled waiter leaves the queue.
#[test]
fn cancelled() {
    each_mode(|| {
        let cell = Arc::new(OnceLock::new());
        let other = cell.clone();
        let sleeper = spawn(move || {
            *other.get_or_init(|| {
                sleep(Duration::MAX);
                1
            })
        });
        until(|| sleeper.coroutine().waits_for() == Some("sleep"));
        let start = |value| {
            let other = cell.clone();
            let waiter = spawn(move || *other.get_or_init(|| value));
            waits(&waiter);
            waiter
        };
        let (leaves, stays, watches) = (start(2), start(3), cell.clone());
        let watches = spawn(move || *watches.wait());
        waits(&watches);
        leaves.cancel();
        assert!(leaves.join().unwrap_err().is::<Cancelled>());
        watches.cancel();
        assert!(watches.join().unwrap_err().is::<Cancelled>());
        sleeper.cancel();
        assert!(sleeper.join().unwrap_err().is::<Cancelled>());
        assert_eq!(stays.join().unwrap(), 3);
    });
}

#[test]
fn time_limits_pass() {
    each_mode(|| {
        let once = Once::new();
        let start = now();
        assert!(!once.wait_timeout(BRIEF));
        assert!(now() >= start + BRIEF);
        assert!(timeout(BRIEF, || once.wait()).is_err());
        once.call_once(|| ());
        assert!(once.wait_timeout(Duration::ZERO));
        once.wait();

        let cell = OnceLock::new();
        assert_eq!(cell.wait_timeout(BRIEF), None);
        assert_eq!(
            timeout(BRIEF, || *cell.get_or_init(|| {
                sleep(Duration::MAX);
                1
            })),
            Err(Elapsed)
        );
        assert_eq!(cell.set(2), Ok(()));
        assert_eq!(cell.wait_timeout(BRIEF), Some(&2));
    });
}

#[test]
fn waiting_for_oneself_panics() {
    each_runtime(|runtime| {
        let scenario = || {
            let cell = OnceLock::new();
            type Again = fn(&OnceLock<u8>) -> u8;
            let agains: [Again; 2] = [|c| *c.get_or_init(|| 1), |c| *c.wait()];
            for again in agains {
                let inner = catch_unwind(AssertUnwindSafe(|| *cell.get_or_init(|| again(&cell))));
                let message = *inner.unwrap_err().downcast::<&str>().unwrap();
                assert!(message.contains("waits for itself"));
            }
            assert_eq!(cell.get_or_init(|| 3), &3);
        };
        scenario();
        runtime.run(scenario);
    });
}

#[test]
fn once_lock_owns_its_value() {
    let value = Arc::new(());
    let mut cell = OnceLock::from(value.clone());
    assert_eq!(cell.set(value.clone()), Err(value.clone()));
    assert_eq!(Arc::strong_count(&value), 2);
    assert_eq!(cell.clone(), cell);
    assert!(cell.get_mut().is_some());
    assert!(cell.take().is_some());
    assert!(cell.get().is_none() && cell.get_mut().is_none());
    assert_eq!(Arc::strong_count(&value), 1);
    assert_eq!(cell.set(value.clone()), Ok(()));
    assert_eq!(format!("{cell:?} {:?}", OnceLock::<u8>::new()), "OnceLock(()) OnceLock(<uninit>)");
    assert!(cell.into_inner().is_some());
    drop(OnceLock::from(value.clone()));
    assert_eq!(Arc::strong_count(&value), 1);
}

static MADE: AtomicUsize = AtomicUsize::new(0);
static LAZY: LazyLock<String> = LazyLock::new(|| {
    MADE.fetch_add(1, Ordering::Relaxed);
    yield_now();
    "made".to_string()
});

#[test]
fn a_static_lazy_lock_is_made_once() {
    in_every_mix(8, || (), |(), _| assert_eq!(*LAZY, "made"), |()| ());
    assert_eq!(MADE.load(Ordering::Relaxed), 1);
}

#[test]
fn a_lazy_lock_that_panicked_panics() {
    each_mode(|| {
        let lazy: LazyLock<u8> = LazyLock::new(|| resume_unwind(Box::new("a test")));
        let force = || *catch_unwind(|| *lazy).unwrap_err().downcast::<&str>().unwrap();
        assert_eq!(force(), "a test");
        assert!(force().contains("panicked before"));
        assert!(force().contains("panicked before"));
        assert_eq!(format!("{lazy:?}"), "LazyLock(<uninit>)");
    });
}

/// One user's time-out must not break it for all.
#[test]
fn a_lazy_lock_is_made_whatever_ends_its_first_user() {
    each_mode(|| {
        let lazy = LazyLock::new(|| {
            sleep(BRIEF);
            5
        });
        let ended = timeout(Duration::from_micros(1), || {
            let value = *lazy;
            sleep(Duration::MAX);
            value
        });
        assert_eq!(ended, Err(Elapsed));
        assert_eq!(*lazy, 5);
    });
}
