//! Events: set, reset and waited for, by everybody and in any order.

mod common;
mod mixes;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, own, until, watchdog};
use greenwood_runtime::sync::Event;
use greenwood_runtime::{Builder, Cancelled, Placement, no_yield, now, spawn, timeout, yield_now};
use mixes::{Part, Random, each_mix, waits};

const SOON: Duration = Duration::from_millis(2);

static GLOBAL: Event = Event::new();

#[test]
fn it_stays_set_until_reset() {
    let event = Event::default();
    assert!(!event.is_set());
    event.set();
    event.set();
    assert!(event.is_set());
    event.wait();
    event.wait();
    event.reset();
    event.reset();
    assert!(!event.is_set());
    assert_eq!(format!("{GLOBAL:?}"), "Event { set: false, .. }");
}

#[test]
fn waiting_lets_others_run() {
    each_mode(|| {
        let event = Arc::new(Event::new());
        let (setter, ran) = (event.clone(), Arc::new(AtomicUsize::new(0)));
        let count = ran.clone();
        spawn(move || {
            count.fetch_add(1, Ordering::Relaxed);
            setter.set();
        });
        event.wait();
        assert_eq!(ran.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn all_who_wait_go_though_it_is_reset_at_once() {
    each_mode(|| {
        let event = Arc::new(Event::new());
        for _ in 0..20 {
            let waiters: Vec<_> = (0..10)
                .map(|_| {
                    let event = event.clone();
                    spawn(move || event.wait())
                })
                .collect();
            waiters.iter().for_each(|w| waits(w, "event"));
            event.set();
            event.reset();
            waiters.into_iter().for_each(|w| w.join().unwrap());
            assert!(!event.is_set());
        }
    });
}

#[test]
fn deadlines_pass() {
    let check = || {
        let event = Event::new();
        assert!(!event.wait_timeout(SOON));
        assert!(!event.wait_timeout(Duration::ZERO));
        assert!(!event.wait_until(now() + SOON));
        assert!(timeout(SOON, || event.wait()).is_err());
        event.set();
        assert!(event.wait_timeout(Duration::ZERO) && event.wait_until(now()));
        assert!(event.wait_timeout(Duration::MAX));
        event.reset();
        assert!(!event.wait_until(now()));
    };
    each_mode(check);
    check();
}

#[test]
fn a_cancelled_waiter_leaves_the_others() {
    each_mode(|| {
        let event = Arc::new(Event::new());
        let [first, second, third] = [(); 3].map(|()| {
            let event = event.clone();
            let waiter = spawn(move || event.wait());
            waits(&waiter, "event");
            waiter
        });
        second.cancel();
        assert!(second.join().unwrap_err().is::<Cancelled>());
        event.set();
        first.join().unwrap();
        third.join().unwrap();
    });
}

/// Two who take turns, each by an event that it resets itself.
#[test]
fn no_wake_up_is_lost_in_any_mix() {
    const ROUNDS: usize = 2_000;
    each_mix(|| {
        let shared = Arc::new([Event::new(), Event::new()]);
        let part = |me: usize| -> Part {
            let events = shared.clone();
            Box::new(move || {
                for round in 0..ROUNDS {
                    if me == 0 || round > 0 {
                        events[1 - me].set();
                    }
                    if round % 2 == 0 {
                        events[me].wait();
                    } else {
                        assert!(events[me].wait_timeout(Duration::from_secs(60)));
                    }
                    events[me].reset();
                }
                events[1 - me].set();
            })
        };
        vec![part(0), part(1)]
    });
}

/// Reset, look, wait: every piece of work is found.
#[test]
fn work_is_found_after_a_reset() {
    const EACH: usize = 1_000;
    each_mix(|| {
        let shared = Arc::new((Event::new(), AtomicUsize::new(0)));
        let mut parts: Vec<Part> = Vec::new();
        for _ in 0..3 {
            let shared = shared.clone();
            parts.push(Box::new(move || {
                for n in 0..EACH {
                    shared.1.fetch_add(1, Ordering::Relaxed);
                    shared.0.set();
                    if n % 16 == 0 {
                        yield_now();
                    }
                }
            }));
        }
        parts.push(Box::new(move || {
            let mut found = 0;
            while found < 3 * EACH {
                shared.0.wait();
                shared.0.reset();
                found += shared.1.swap(0, Ordering::Relaxed);
            }
        }));
        parts
    });
}

/// A coroutine that must not switch blocks its worker, and is woken from another one.
#[test]
fn under_no_yield_it_blocks_the_worker() {
    let _watched = watchdog();
    let runtime = own(2);
    let event = Arc::new(Event::new());
    let on = |worker| Builder::new().placement(Placement::Worker(worker));
    for _ in 0..50 {
        let waiter = event.clone();
        let waits = runtime.spawn_with(on(0), move || no_yield(|| waiter.wait())).unwrap();
        let setter = event.clone();
        let sets = runtime.spawn_with(on(1), move || setter.set()).unwrap();
        sets.join().unwrap();
        waits.join().unwrap();
        event.reset();
    }
}

/// Waiters that are cancelled while the event is set: each has returned or was unwound, and none is left in the queue.
#[test]
fn cancellations_and_sets_meet() {
    each_mode(|| {
        let event = Arc::new(Event::new());
        let mut random = Random(11);
        for _ in 0..100 {
            let waiters: Vec<_> = (0..5)
                .map(|_| {
                    let event = event.clone();
                    spawn(move || event.wait())
                })
                .collect();
            (0..random.below(4)).for_each(|_| yield_now());
            waiters.iter().step_by(2).for_each(|w| w.cancel());
            (0..random.below(3)).for_each(|_| yield_now());
            event.set();
            for waiter in waiters {
                if let Err(payload) = waiter.join() {
                    assert!(payload.is::<Cancelled>());
                }
            }
            event.reset();
        }
        assert!(!event.wait_timeout(SOON));
    });
}

#[test]
fn waiters_come_and_go_while_it_is_set() {
    each_mix(|| {
        let shared = Arc::new((Event::new(), AtomicUsize::new(0)));
        let mut parts: Vec<Part> = Vec::new();
        for n in 0..4u64 {
            let shared = shared.clone();
            parts.push(Box::new(move || {
                for round in 0..100 {
                    shared.0.wait_timeout(Duration::from_micros((n * 37 + round) % 90));
                }
                shared.1.fetch_add(1, Ordering::Release);
            }));
        }
        parts.push(Box::new(move || {
            until(|| {
                shared.0.set();
                shared.0.reset();
                shared.1.load(Ordering::Acquire) == 4
            });
            assert!(!shared.0.wait_timeout(Duration::from_micros(10)));
        }));
        parts
    });
}
