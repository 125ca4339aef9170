//! Sleeping: order, odd durations, and a paused clock with a seed.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{each_mode, watchdog};
use greenwood_runtime::{
    Builder, Placement, Runtime, now, offload, sleep, sleep_until, spawn, yield_now,
};

#[test]
fn in_the_order_of_deadlines_and_never_early() {
    each_mode(|| {
        let order = Arc::new(Mutex::new(Vec::new()));
        let start = now();
        let handles: Vec<_> = [70u64, 10, 40, 100, 0]
            .into_iter()
            .map(|ms| {
                let order = order.clone();
                let body = move || {
                    sleep_until(start + Duration::from_millis(ms));
                    assert!(now() >= start + Duration::from_millis(ms));
                    order.lock().unwrap().push(ms);
                };
                Builder::new().placement(Placement::Here).spawn(body).unwrap()
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().unwrap());
        assert_eq!(*order.lock().unwrap(), [0, 10, 40, 70, 100]);
    });
}

#[test]
fn odd_durations() {
    each_mode(|| {
        sleep(Duration::ZERO);
        sleep(Duration::from_nanos(1));
        sleep_until(now());
        if let Some(past) = now().checked_sub(Duration::from_secs(5)) {
            sleep_until(past);
        }
        for long in [Duration::MAX, Duration::from_secs(1 << 40), Duration::from_nanos(u64::MAX)] {
            let handle = spawn(move || sleep(long));
            common::until(|| handle.coroutine().waits_for() == Some("sleep"));
            sleep(Duration::from_micros(100));
            assert!(!handle.is_finished());
            handle.cancel();
            assert!(handle.join().is_err());
        }
    });
    sleep(Duration::from_micros(10));
    sleep_until(Instant::now());
}

#[test]
fn a_zero_sleep_lets_the_others_run_once() {
    each_mode(|| {
        let turns = Arc::new(Mutex::new(Vec::new()));
        let started = Arc::new(AtomicUsize::new(0));
        let spawn_here = |name: &'static str| {
            let (turns, started) = (turns.clone(), started.clone());
            let body = move || {
                // It is those that have started that take turns.
                started.fetch_add(1, Ordering::Relaxed);
                common::until(|| started.load(Ordering::Relaxed) == 2);
                for _ in 0..3 {
                    turns.lock().unwrap().push(name);
                    sleep(Duration::ZERO);
                }
            };
            Builder::new().placement(Placement::Here).spawn(body).unwrap()
        };
        let handles = [spawn_here("a"), spawn_here("b")];
        handles.into_iter().for_each(|h| h.join().unwrap());
        let turns = turns.lock().unwrap();
        assert!(turns.windows(3).all(|w| w[0] != w[1] || w[1] != w[2]), "{turns:?}");
    });
}

#[test]
fn many_sleepers() {
    each_mode(|| {
        let handles: Vec<_> = (0..3_000u64)
            .map(|n| {
                spawn(move || (0..3).for_each(|i| sleep(Duration::from_micros(n * 7 % (500 << i)))))
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().unwrap());
    });
}

fn scenario(seed: u64) -> Vec<(u64, usize)> {
    let runtime = Runtime::builder().workers(1).paused_clock().seed(seed).build().unwrap();
    runtime.run(|| {
        let (start, events) = (now(), Arc::new(Mutex::new(Vec::new())));
        let handles: Vec<_> = (0..30)
            .map(|n| {
                let events = events.clone();
                spawn(move || {
                    for i in 0..5 {
                        let at = now().duration_since(start).as_nanos() as u64;
                        events.lock().unwrap().push((at, n));
                        match (n + i) % 3 {
                            0 => sleep(Duration::from_secs(3600 * (n as u64 % 5))),
                            1 => (0..n).for_each(|_| yield_now()),
                            _ => offload(|| ()),
                        }
                    }
                })
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().unwrap());
        Arc::into_inner(events).unwrap().into_inner().unwrap()
    })
}

fn without_offloads(seed: u64) -> Vec<usize> {
    let runtime = Runtime::builder().workers(1).paused_clock().seed(seed).build().unwrap();
    runtime.run(|| {
        let events = Arc::new(Mutex::new(Vec::new()));
        let handles: Vec<_> = (0..20)
            .map(|n| {
                let events = events.clone();
                spawn(move || {
                    for i in 0..5u64 {
                        events.lock().unwrap().push(n);
                        if (n as u64 + i).is_multiple_of(2) {
                            sleep(Duration::from_secs(i + 1));
                        } else {
                            yield_now();
                        }
                    }
                })
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().unwrap());
        Arc::into_inner(events).unwrap().into_inner().unwrap()
    })
}

#[test]
fn a_seed_repeats_an_order() {
    let _watched = watchdog();
    assert_eq!(without_offloads(7), without_offloads(7));
    let orders: std::collections::HashSet<_> = (0..20).map(without_offloads).collect();
    assert!(orders.len() > 10, "seeds make no difference");
}

#[test]
fn a_paused_clock_jumps() {
    let _watched = watchdog();
    let real = Instant::now();
    let events = scenario(3);
    assert_eq!(events.len(), 150);
    assert!(events.iter().any(|(at, _)| *at >= 3600 * 1_000_000_000));
    assert!(real.elapsed() < Duration::from_secs(3600));
    let runtime = Runtime::builder().workers(1).paused_clock().build().unwrap();
    runtime.run(|| {
        let before = now();
        sleep(Duration::from_secs(86_400 * 365 * 10));
        let slept = now() - before;
        assert!(slept >= Duration::from_secs(86_400 * 365 * 10));
        assert!(slept < Duration::from_secs(86_400 * 365 * 10 + 1));
    });
}
