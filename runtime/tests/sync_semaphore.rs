//! Semaphores: limits, order, bounds, closing, and that no permit is lost to a deadline or a cancellation.

mod common;
mod mixes;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, own, until, watchdog};
use greenwood_runtime::sync::{
    AcquireTimeoutError, OwnedPermit, Semaphore, TooManyPermits, TryAcquireError,
};
use greenwood_runtime::{
    Builder, Cancelled, JoinHandle, Placement, now, sleep, spawn, timeout, yield_now,
};
use mixes::{Part, Random, each_mix, waits};

const SOON: Duration = Duration::from_millis(2);

static GLOBAL: Semaphore = Semaphore::new(1);

#[test]
fn permits_are_taken_and_come_back() {
    let semaphore = Arc::new(Semaphore::new(3));
    let one = semaphore.acquire().unwrap();
    let two = semaphore.try_acquire_many_owned(2).unwrap();
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    assert_eq!((one.num_permits(), two.num_permits(), semaphore.available_permits()), (1, 2, 0));
    drop((one, two));
    assert_eq!(semaphore.available_permits(), 3);
    drop(semaphore.acquire_many(0).unwrap());
    drop(GLOBAL.acquire().unwrap());
    assert_eq!(format!("{GLOBAL:?}"), "Semaphore { available_permits: 1, closed: false, .. }");
}

#[test]
fn permits_split_merge_and_are_forgotten() {
    let semaphore = Semaphore::new(6);
    let mut held = semaphore.acquire_many(5).unwrap();
    assert!(held.split(6).is_none());
    let two = held.split(2).unwrap();
    assert_eq!((held.num_permits(), two.num_permits()), (3, 2));
    held.merge(two);
    assert_eq!(held.num_permits(), 5);
    held.split(4).unwrap().forget();
    drop(held);
    assert_eq!(semaphore.available_permits(), 2);
    assert_eq!(semaphore.forget_permits(5), 2);
    semaphore.add_permits(1);
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
#[should_panic(expected = "different semaphores")]
fn permits_of_two_semaphores_do_not_merge() {
    let (a, b) = (Semaphore::new(1), Semaphore::new(1));
    a.acquire().unwrap().merge(b.acquire().unwrap());
}

#[test]
fn a_bound_counts_those_that_are_held() {
    let semaphore = Semaphore::bounded(2);
    assert_eq!(semaphore.try_add_permits(1), Err(TooManyPermits));
    let held = semaphore.acquire().unwrap();
    assert_eq!(semaphore.try_add_permits(1), Err(TooManyPermits));
    semaphore.acquire().unwrap().forget();
    semaphore.add_permits(1);
    drop(held);
    assert_eq!(semaphore.forget_permits(9), 2);
    semaphore.add_permits(2);
    assert_eq!(semaphore.available_permits(), 2);
    let most = Semaphore::new(Semaphore::MAX_PERMITS);
    assert_eq!(most.try_add_permits(1), Err(TooManyPermits));
    assert_eq!(most.try_add_permits(usize::MAX), Err(TooManyPermits));
}

#[test]
#[should_panic(expected = "more permits than the semaphore may have")]
fn adding_beyond_the_bound_panics() {
    Semaphore::bounded(1).add_permits(1);
}

#[test]
fn waiting_lets_others_run() {
    each_mode(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let (giver, ran) = (semaphore.clone(), Arc::new(AtomicUsize::new(0)));
        let count = ran.clone();
        spawn(move || {
            count.fetch_add(1, Ordering::Relaxed);
            giver.add_permits(1);
        });
        semaphore.acquire().unwrap().forget();
        assert_eq!(ran.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_limit_holds_in_every_mix() {
    each_mix(|| {
        let shared = Arc::new((Semaphore::new(3), AtomicUsize::new(0)));
        let part = |n: usize| -> Part {
            let shared = shared.clone();
            Box::new(move || {
                let (semaphore, inside) = &*shared;
                for round in 0..300 {
                    let want = 1 + (n + round) % 3;
                    let permit = semaphore.acquire_many(want).unwrap();
                    assert!(inside.fetch_add(want, Ordering::Relaxed) + want <= 3);
                    if round % 8 == 0 {
                        yield_now();
                    }
                    inside.fetch_sub(want, Ordering::Relaxed);
                    drop(permit);
                }
            })
        };
        (0..6).map(part).collect()
    });
}

#[test]
fn first_come_first_served_though_the_first_wants_many() {
    each_mode(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let order = Arc::new(AtomicUsize::new(0));
        let start = |permits: usize, turn: usize| {
            let (semaphore, order) = (semaphore.clone(), order.clone());
            let handle = spawn(move || {
                let permit = semaphore.acquire_many_owned(permits).unwrap();
                // Served in order; on two workers they may run in another.
                order.fetch_or(1 << turn, Ordering::Relaxed);
                permit.forget();
            });
            waits(&handle, "semaphore");
            handle
        };
        let handles = [start(3, 0), start(1, 1), start(2, 2)];
        let ran = || order.load(Ordering::Relaxed);
        let still = |expected| {
            (0..20).for_each(|_| yield_now());
            assert_eq!(ran(), expected);
        };
        semaphore.add_permits(2);
        assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
        assert_eq!(semaphore.available_permits(), 2);
        still(0);
        semaphore.add_permits(1);
        until(|| ran() == 0b1);
        still(0b1);
        semaphore.add_permits(1);
        until(|| ran() == 0b11);
        still(0b11);
        semaphore.add_permits(2);
        handles.into_iter().for_each(|h| h.join().unwrap());
        assert_eq!(semaphore.available_permits(), 0);
    });
}

/// The first leaves, in whichever way: what was kept for it does for those behind.
#[test]
fn who_leaves_lets_the_next_go() {
    each_mode(|| {
        for way in 0..3 {
            let semaphore = Arc::new(Semaphore::new(2));
            let waiter = semaphore.clone();
            let first = spawn(move || match way {
                0 => waiter.acquire_many(3).is_err(),
                1 => waiter.acquire_many_timeout(3, 20 * SOON).is_err(),
                _ => timeout(20 * SOON, || waiter.acquire_many(3).is_err()).is_err(),
            });
            waits(&first, "semaphore");
            let waiter = semaphore.clone();
            let second = spawn(move || waiter.acquire_many(2).unwrap().forget());
            waits(&second, "semaphore");
            if way == 0 {
                first.cancel();
                assert!(first.join().unwrap_err().is::<Cancelled>());
            } else {
                assert!(first.join().unwrap());
            }
            second.join().unwrap();
            assert_eq!(semaphore.available_permits(), 0);
            semaphore.add_permits(1);
            drop(semaphore.try_acquire().unwrap());
        }
    });
}

#[test]
fn deadlines_pass() {
    let check = || {
        let semaphore = Arc::new(Semaphore::new(1));
        let over = |result: Result<(), AcquireTimeoutError>| {
            assert_eq!(result, Err(AcquireTimeoutError::Timeout));
        };
        let s = &semaphore;
        over(s.acquire_many_timeout(2, SOON).map(drop));
        over(s.acquire_many_until(2, now() + SOON).map(drop));
        over(s.acquire_many_owned_timeout(2, SOON).map(drop));
        let held = s.acquire_timeout(SOON).unwrap();
        over(s.acquire_timeout(Duration::ZERO).map(drop));
        over(s.acquire_until(now()).map(drop));
        over(s.acquire_owned_timeout(SOON).map(drop));
        assert!(timeout(SOON, || s.acquire().is_ok()).is_err());
        drop(held);
        drop(s.acquire_until(now()).unwrap());
        drop(s.acquire_owned_timeout(Duration::MAX).unwrap());
        assert_eq!(s.available_permits(), 1);
    };
    each_mode(check);
    check();
}

#[test]
fn a_waiter_is_served_before_its_deadline() {
    each_mix(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let (giver, taker) = (semaphore.clone(), semaphore);
        vec![
            Box::new(move || {
                for _ in 0..300 {
                    giver.add_permits(1);
                    yield_now();
                }
            }),
            Box::new(move || {
                for _ in 0..300 {
                    taker.acquire_timeout(Duration::from_secs(60)).unwrap().forget();
                }
            }),
        ]
    });
}

#[test]
fn closing_ends_the_waits() {
    each_mode(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let held = semaphore.acquire_owned().unwrap();
        let start = |timed: bool| {
            let semaphore = semaphore.clone();
            let handle = spawn(move || match timed {
                true => {
                    let end = semaphore.acquire_timeout(Duration::from_secs(60)).unwrap_err();
                    assert_eq!(end, AcquireTimeoutError::Closed);
                }
                false => assert!(semaphore.acquire().is_err()),
            });
            waits(&handle, "semaphore");
            handle
        };
        let waiters = [start(true), start(false)];
        semaphore.close();
        semaphore.close();
        waiters.into_iter().for_each(|w| w.join().unwrap());
        assert!(semaphore.is_closed());
        drop(held);
        assert_eq!(semaphore.available_permits(), 1);
        assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::Closed);
        assert!(semaphore.acquire().is_err());
    });
}

/// Served and cancelled at once: it has its permit, and the cancellation meets its next wait.
#[test]
fn completion_wins() {
    common::on_own(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let (waiter, got) = (semaphore.clone(), Arc::new(AtomicUsize::new(0)));
        let count = got.clone();
        let handle = spawn(move || {
            let _permit = waiter.acquire().unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::MAX);
        });
        waits(&handle, "semaphore");
        semaphore.add_permits(1);
        handle.cancel();
        assert!(handle.join().unwrap_err().is::<Cancelled>());
        assert_eq!((got.load(Ordering::Relaxed), semaphore.available_permits()), (1, 1));
    });
}

#[test]
fn permits_go_to_other_threads_and_outlive_their_caller() {
    each_mode(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let permit = semaphore.acquire_owned().unwrap();
        let other = std::thread::spawn(move || drop::<OwnedPermit>(permit));
        drop(semaphore.acquire().unwrap());
        other.join().unwrap();
        // Leaked, it is taken for good, and nothing worse.
        std::mem::forget(semaphore.acquire().unwrap());
        assert!(semaphore.try_acquire().is_err());
    });
}

/// Coroutines and threads take and give while some are cancelled and others time out: at the end every permit is back.
#[test]
fn permits_add_up_after_a_storm() {
    let _watched = watchdog();
    let runtime = own(2);
    for seed in 1..=6u64 {
        let semaphore = Arc::new(Semaphore::bounded(5));
        let body = |seed: u64, rounds: usize| {
            let semaphore = semaphore.clone();
            move || {
                let mut random = Random(seed);
                for _ in 0..rounds {
                    let want = 1 + random.below(5) as usize;
                    match random.below(4) {
                        0 => drop(semaphore.acquire_many(want).unwrap()),
                        1 => {
                            let time = Duration::from_micros(random.below(80));
                            let permit = semaphore.acquire_many_timeout(want, time);
                            yield_now();
                            drop(permit);
                        }
                        2 => {
                            let permit = semaphore.acquire_many_owned(want).unwrap();
                            yield_now();
                            drop(permit);
                        }
                        _ => {
                            let time = Duration::from_micros(random.below(80));
                            let _ = timeout(time, || {
                                let _permit = semaphore.acquire_many(want).unwrap();
                                sleep(Duration::from_micros(20));
                            });
                        }
                    }
                }
            }
        };
        let handles: Vec<JoinHandle<()>> = (0..40)
            .map(|n| {
                let place = Builder::new().placement(Placement::Worker(n % 2));
                let rounds = if n % 2 == 0 { usize::MAX } else { 60 };
                runtime.spawn_with(place, body(seed * 100 + n as u64, rounds)).unwrap()
            })
            .collect();
        let threads: Vec<_> =
            (0..2).map(|n| std::thread::spawn(body(seed * 1000 + n, 100))).collect();
        let mut random = Random(seed);
        for pair in handles.chunks(2) {
            std::thread::sleep(Duration::from_micros(random.below(300)));
            pair[0].cancel();
        }
        for handle in handles {
            if let Err(payload) = handle.join() {
                assert!(payload.is::<Cancelled>());
            }
        }
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(semaphore.available_permits(), 5);
        assert_eq!(semaphore.try_add_permits(1), Err(TooManyPermits));
        drop(semaphore.try_acquire_many(5).unwrap());
    }
}
