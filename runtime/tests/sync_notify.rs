//! Notifications: kept up to one, handed on in order, and not lost to those who leave.

mod common;
mod mixes;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, on_own, until};
use greenwood_runtime::sync::Notify;
use greenwood_runtime::{Cancelled, now, sleep, spawn, timeout, yield_now};
use mixes::{Part, Random, each_mix, waits};

const SOON: Duration = Duration::from_millis(2);

static GLOBAL: Notify = Notify::new();

#[test]
fn one_is_kept() {
    let notify = Notify::default();
    notify.notify_waiters();
    assert!(!notify.wait_timeout(SOON), "all is nobody");
    notify.notify_one();
    notify.notify_one();
    notify.notify_waiters();
    notify.wait();
    assert!(!notify.wait_until(now() + SOON));
    assert_eq!(format!("{GLOBAL:?}"), "Notify { notified: false, .. }");
}

#[test]
fn waiting_lets_others_run() {
    each_mode(|| {
        let notify = Arc::new(Notify::new());
        let (other, ran) = (notify.clone(), Arc::new(AtomicUsize::new(0)));
        let count = ran.clone();
        spawn(move || {
            count.fetch_add(1, Ordering::Relaxed);
            other.notify_one();
        });
        notify.wait();
        assert_eq!(ran.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn one_at_a_time_in_order_then_all() {
    each_mode(|| {
        let notify = Arc::new(Notify::new());
        let mut waiters: Vec<_> = (0..6)
            .map(|_| {
                let notify = notify.clone();
                let waiter = spawn(move || notify.wait());
                waits(&waiter, "notify");
                waiter
            })
            .collect();
        for _ in 0..3 {
            notify.notify_one();
            waiters.remove(0).join().unwrap();
            assert!(waiters.iter().all(|w| !w.is_finished()));
        }
        notify.notify_waiters();
        waiters.into_iter().for_each(|w| w.join().unwrap());
        assert!(!notify.wait_timeout(SOON), "nothing is kept");
    });
}

#[test]
fn deadlines_pass() {
    let check = || {
        let notify = Notify::new();
        assert!(!notify.wait_timeout(SOON) && !notify.wait_timeout(Duration::ZERO));
        assert!(!notify.wait_until(now() + SOON));
        assert!(!notify.wait_while_timeout(|| true, SOON));
        assert!(notify.wait_while_timeout(|| false, Duration::ZERO));
        assert!(timeout(SOON, || notify.wait()).is_err());
        assert!(timeout(SOON, || notify.wait_while(|| true)).is_err());
        notify.notify_one();
        assert!(notify.wait_timeout(Duration::ZERO));
        notify.notify_one();
        assert!(notify.wait_until(now()));
        // A condition that becomes false when the time is over counts.
        let mut looks = 0;
        let second = || {
            looks += 1;
            looks < 2
        };
        assert!(notify.wait_while_timeout(second, SOON));
    };
    each_mode(check);
    check();
}

#[test]
fn a_cancelled_waiter_takes_nothing() {
    each_mode(|| {
        let notify = Arc::new(Notify::new());
        let [first, second] = [(); 2].map(|()| {
            let notify = notify.clone();
            let waiter = spawn(move || notify.wait());
            waits(&waiter, "notify");
            waiter
        });
        first.cancel();
        assert!(first.join().unwrap_err().is::<Cancelled>());
        notify.notify_one();
        second.join().unwrap();
    });
}

#[test]
fn completion_wins() {
    on_own(|| {
        let notify = Arc::new(Notify::new());
        let (other, got) = (notify.clone(), Arc::new(AtomicBool::new(false)));
        let flag = got.clone();
        let waiter = spawn(move || {
            other.wait();
            flag.store(true, Ordering::Relaxed);
            sleep(Duration::MAX);
        });
        waits(&waiter, "notify");
        notify.notify_one();
        waiter.cancel();
        assert!(waiter.join().unwrap_err().is::<Cancelled>());
        assert!(got.load(Ordering::Relaxed) && !notify.wait_timeout(SOON));
    });
}

/// A condition may wait itself, use the notification, and panic.
#[test]
fn conditions_run_without_a_lock() {
    each_mode(|| {
        let notify = Notify::new();
        let mut looks = 0;
        notify.wait_while(|| {
            looks += 1;
            notify.notify_waiters();
            notify.notify_one();
            sleep(Duration::from_micros(50));
            looks < 5
        });
        let panics = std::panic::AssertUnwindSafe(|| notify.wait_while(|| panic!("a test")));
        assert!(std::panic::catch_unwind(panics).is_err());
        notify.notify_one();
        notify.wait();
    });
}

/// Takers of single pieces of work, woken one at a time: all is done, whoever leaves in between.
#[test]
fn no_notification_is_lost_in_any_mix() {
    const EACH: usize = 500;
    each_mix(|| {
        let shared = Arc::new((Notify::new(), AtomicUsize::new(0), AtomicUsize::new(0)));
        let mut parts: Vec<Part> = Vec::new();
        for seed in 1..=3 {
            let shared = shared.clone();
            parts.push(Box::new(move || {
                let (notify, work, done) = &*shared;
                let mut random = Random(seed);
                while done.load(Ordering::Acquire) < 2 * EACH {
                    match random.below(3) {
                        0 => _ = notify.wait_timeout(Duration::from_micros(random.below(50))),
                        1 => _ = timeout(Duration::from_micros(50), || notify.wait()),
                        _ => notify.wait(),
                    }
                    done.fetch_add(work.swap(0, Ordering::AcqRel), Ordering::AcqRel);
                }
                // Those who still wait.
                notify.notify_one();
            }));
        }
        for _ in 0..2 {
            let shared = shared.clone();
            parts.push(Box::new(move || {
                for n in 0..EACH {
                    shared.1.fetch_add(1, Ordering::AcqRel);
                    shared.0.notify_one();
                    if n % 8 == 0 {
                        yield_now();
                    }
                }
            }));
        }
        parts
    });
}

/// Notifying all between a look at the condition and the wait is not missed.
#[test]
fn waits_while_a_condition_holds_in_any_mix() {
    const STEPS: usize = 500;
    each_mix(|| {
        let shared = Arc::new((Notify::new(), AtomicUsize::new(0)));
        let mut parts: Vec<Part> = Vec::new();
        for n in 0..4 {
            let shared = shared.clone();
            parts.push(Box::new(move || {
                for step in (1..=STEPS).filter(|step| step % 4 == n) {
                    shared.0.wait_while(|| shared.1.load(Ordering::Relaxed) < step);
                }
            }));
        }
        parts.push(Box::new(move || {
            for n in 0..STEPS {
                shared.1.fetch_add(1, Ordering::Relaxed);
                shared.0.notify_waiters();
                if n % 32 == 0 {
                    until(|| true);
                    yield_now();
                }
            }
        }));
        parts
    });
}
