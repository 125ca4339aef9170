//! Barrier: all go on together, and who stops waiting is not counted.

mod common;
#[path = "common/mix.rs"]
mod mix;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, until};
use greenwood_runtime::sync::Barrier;
use greenwood_runtime::{Cancelled, JoinHandle, spawn, timeout, yield_now};
use mix::in_every_mix;

fn waiter(barrier: &Arc<Barrier>) -> JoinHandle<bool> {
    let barrier = barrier.clone();
    let handle = spawn(move || barrier.wait().is_leader());
    until(|| handle.coroutine().waits_for() == Some("barrier"));
    handle
}

#[test]
fn nobody_is_ahead() {
    const N: usize = 6;
    const ROUNDS: usize = 200;
    let make = || (Barrier::new(N), AtomicUsize::new(0), AtomicUsize::new(0));
    let work = |(barrier, arrived, leaders): &(Barrier, AtomicUsize, AtomicUsize), _: usize| {
        for round in 1..=ROUNDS {
            arrived.fetch_add(1, Ordering::Relaxed);
            leaders.fetch_add(barrier.wait().is_leader().into(), Ordering::Relaxed);
            let now = arrived.load(Ordering::Relaxed);
            assert!((round * N..=(round + 1) * N).contains(&now));
            barrier.wait();
        }
    };
    in_every_mix(N, make, work, |(_, _, leaders)| {
        assert_eq!(leaders.load(Ordering::Relaxed), ROUNDS);
    });
}

#[test]
fn who_stops_waiting_is_not_counted() {
    each_mode(|| {
        let barrier = Arc::new(Barrier::new(3));
        let stays = waiter(&barrier);
        let leaves = waiter(&barrier);
        leaves.cancel();
        assert!(leaves.join().unwrap_err().is::<Cancelled>());
        let limit = Duration::from_millis(1);
        assert!(barrier.wait_timeout(limit).is_none());
        assert!(timeout(limit, || barrier.wait().is_leader()).is_err());
        // Two are there, not five.
        let another = waiter(&barrier);
        (0..5).for_each(|_| yield_now());
        assert!(!stays.is_finished() && !another.is_finished());
        assert!(barrier.wait_timeout(Duration::MAX).unwrap().is_leader());
        assert!(!stays.join().unwrap() && !another.join().unwrap());
    });
}

/// Cancelled as the last one arrives: those who went on and those who did not add up.
#[test]
fn cancelled_at_any_point() {
    each_mode(|| {
        for _ in 0..100 {
            let barrier = Arc::new(Barrier::new(3));
            let [cancelled, stays] = [waiter(&barrier), waiter(&barrier)];
            let other = barrier.clone();
            let last = spawn(move || other.wait_timeout(Duration::from_millis(1)).is_some());
            cancelled.cancel();
            let met = last.join().unwrap();
            assert_eq!(cancelled.join().is_ok(), met);
            stays.cancel();
            assert_eq!(stays.join().is_ok(), met);
        }
    });
}

#[test]
fn of_none_or_one() {
    assert!(Barrier::new(0).wait().is_leader());
    let one = Barrier::new(1);
    assert!(one.wait().is_leader() && one.wait().is_leader());
}
