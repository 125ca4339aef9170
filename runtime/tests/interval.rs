//! Intervals: the schedule, missed ticks, odd periods, and coroutines that start later.

mod common;

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{each_mode, until, watchdog};
use greenwood_runtime::{
    Cancelled, Elapsed, Interval, JoinHandle, MissedTickBehavior, Runtime, interval, interval_at,
    now, sleep, sleep_until, spawn, spawn_after, timeout,
};

const SECOND: Duration = Duration::from_secs(1);

/// With a paused clock, whose ticks are exact but for the timers' own.
fn paused(f: impl FnOnce() + Send) {
    let _watched = watchdog();
    Runtime::builder().workers(1).paused_clock().build().unwrap().run(f);
}

/// Seconds between `start` and the next ticks, and when they were taken.
fn ticks(interval: &mut Interval, start: Instant, count: usize) -> Vec<(f64, u64)> {
    let tick = |_| {
        let due = interval.tick().duration_since(start).as_secs_f64();
        (due, now().duration_since(start).as_secs())
    };
    (0..count).map(tick).collect()
}

#[test]
fn the_first_tick_is_at_once_and_none_drifts() {
    paused(|| {
        let start = now();
        let mut interval = interval(SECOND);
        assert_eq!(ticks(&mut interval, start, 1), [(0.0, 0)]);
        for n in 1..50 {
            // Some of the time goes elsewhere.
            sleep(Duration::from_millis(10 * (n % 7)));
            assert_eq!(interval.tick(), start + n as u32 * SECOND);
        }
        let mut later = interval_at(now() + 5 * SECOND, SECOND);
        let before = now();
        assert_eq!(later.tick() - before, 5 * SECOND);
        assert_eq!(later.period(), SECOND);
    });
}

#[test]
fn missed_ticks() {
    for (behavior, expected) in [
        (MissedTickBehavior::Burst, [(1.0, 3), (2.0, 3), (3.0, 3), (4.0, 4)]),
        (MissedTickBehavior::Skip, [(1.0, 3), (4.0, 4), (5.0, 5), (6.0, 6)]),
        (MissedTickBehavior::Delay, [(1.0, 3), (4.5, 4), (5.5, 5), (6.5, 6)]),
    ] {
        paused(move || {
            let start = now();
            let mut interval = interval(SECOND);
            interval.set_missed_tick_behavior(behavior);
            assert_eq!(interval.missed_tick_behavior(), behavior);
            interval.tick();
            sleep(Duration::from_millis(3500));
            let taken = ticks(&mut interval, start, 4);
            let rounded: Vec<_> =
                taken.iter().map(|(due, at)| ((due * 100.0).round() / 100.0, *at)).collect();
            assert_eq!(rounded, expected, "{behavior:?}");
        });
    }
}

/// Late by less than 5 ms is not missed.
#[test]
fn a_little_late_is_not_missed() {
    paused(|| {
        let start = now();
        let mut interval = interval(SECOND);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval.tick();
        sleep(Duration::from_millis(1004));
        assert_eq!(interval.tick(), start + SECOND);
        assert_eq!(interval.tick(), start + 2 * SECOND);
    });
}

#[test]
fn resets() {
    paused(|| {
        let mut interval = interval(SECOND);
        interval.tick();
        sleep(SECOND / 2);
        let from = now();
        interval.reset();
        assert_eq!(interval.tick() - from, SECOND);
        let from = now();
        interval.reset_after(3 * SECOND);
        assert_eq!(interval.tick() - from, 3 * SECOND);
        interval.reset_immediately();
        let from = now();
        assert_eq!(interval.tick(), from);
        interval.reset_at(from + 7 * SECOND);
        assert_eq!(interval.next().unwrap() - from, 7 * SECOND);
    });
}

#[test]
fn odd_periods() {
    let payload = catch_unwind(|| interval(Duration::ZERO)).unwrap_err();
    assert!(payload.downcast::<&str>().unwrap().contains("must not be zero"));
    each_mode(|| {
        let mut endless = interval(Duration::MAX);
        endless.tick();
        assert_eq!(timeout(Duration::from_millis(1), || endless.tick()), Err(Elapsed));
        let mut tiny = interval(Duration::from_nanos(1));
        tiny.set_missed_tick_behavior(MissedTickBehavior::Skip);
        (0..100).for_each(|_| assert!(tiny.tick() <= now()));
    });
}

#[test]
fn the_others_run_and_nothing_is_lost_by_an_interruption() {
    let on_all = || {
        let count = Arc::new(AtomicUsize::new(0));
        let turns = count.clone();
        let other = spawn(move || turns.fetch_add(1, Ordering::Relaxed));
        let mut interval = interval(Duration::from_millis(3));
        let first = interval.tick();
        let ended = timeout(Duration::from_micros(100), || interval.tick());
        if ended.is_err() {
            assert_eq!(interval.tick() - first, Duration::from_millis(3));
        }
        assert_eq!(interval.by_ref().take(3).count(), 3);
        other.join().unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 1);
    };
    each_mode(on_all);
    on_all();
    each_mode(|| {
        let ticker = spawn(|| interval(Duration::from_secs(3600)).for_each(drop));
        until(|| ticker.coroutine().waits_for() == Some("sleep"));
        ticker.cancel();
        assert!(ticker.join().unwrap_err().is::<Cancelled>());
    });
}

#[test]
fn spawned_later() {
    paused(|| {
        let start = now();
        let handles = [3u32, 1, 2].map(|s| spawn_after(s * SECOND, now));
        for (handle, s) in handles.into_iter().zip([3u32, 1, 2]) {
            let started = handle.join().unwrap() - start;
            assert!(started >= s * SECOND && started < s * SECOND + SECOND / 10);
        }
        assert_eq!(spawn_after(Duration::ZERO, || 5).join().unwrap(), 5);
    });
    assert_eq!(spawn_after(Duration::from_millis(1), || 6).join().unwrap(), 6);
}

#[test]
fn cancelled_before_the_time_it_never_runs() {
    let on_all = || {
        for wait in [None, Some(Duration::MAX), Some(Duration::from_micros(300))] {
            let ran = Arc::new(AtomicBool::new(false));
            let flag = ran.clone();
            let delay = wait.unwrap_or(Duration::from_secs(3600));
            let handle = spawn_after(delay, move || flag.store(true, Ordering::Relaxed));
            if wait.is_none() {
                until(|| handle.coroutine().waits_for() == Some("sleep"));
            }
            handle.cancel();
            let ended = handle.join();
            assert_eq!(ended.is_ok(), ran.load(Ordering::Relaxed));
            if delay >= Duration::from_secs(3600) {
                assert!(ended.unwrap_err().is::<Cancelled>());
            }
            assert_eq!(Arc::strong_count(&ran), 1, "the closure was dropped");
        }
    };
    each_mode(on_all);
    on_all();
}

/// Due, and cancelled in the same turn of the worker by one who has its turn before.
#[test]
fn cancelled_when_its_time_has_come() {
    paused(|| {
        let at = now() + SECOND;
        let slot = Arc::new(Mutex::new(None::<JoinHandle<()>>));
        let later = slot.clone();
        let canceller = spawn(move || {
            sleep_until(at);
            let later = later.lock().unwrap().take().unwrap();
            later.cancel();
            later.join().unwrap_err().is::<Cancelled>()
        });
        until(|| canceller.coroutine().waits_for() == Some("sleep"));
        let later = spawn_after(SECOND, || unreachable!("it was cancelled"));
        *slot.lock().unwrap() = Some(later);
        assert!(canceller.join().unwrap());
    });
}
