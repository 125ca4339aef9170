//! Channels of time: `after`, `at` and `tick`, by the runtime's clock, alone and in selects.

mod common;

use std::time::{Duration, Instant};

use common::{each_mode, until, watchdog};
use greenwood_runtime::channel::{
    Receiver, RecvTimeoutError, Select, TryRecvError, after, at, bounded, select, tick, unbounded,
};
use greenwood_runtime::{Runtime, now, sleep, spawn};

const HOUR: Duration = Duration::from_secs(3600);

/// How many half hours after `start` it is, up to the precision of timers.
fn halves(start: Instant, time: Instant) -> u32 {
    let halves = (time - start).as_secs_f64() / HOUR.as_secs_f64() * 2.0;
    assert!((halves - halves.round()).abs() < 1e-6);
    halves.round() as u32
}

/// Runs `f` where hours pass at once.
fn paused(f: impl FnOnce() + Send) {
    let _watched = watchdog();
    Runtime::builder().workers(1).paused_clock().build().unwrap().run(f);
}

#[test]
fn once_at_its_time() {
    paused(|| {
        let start = now();
        let r = after(HOUR);
        assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(r.recv_timeout(HOUR / 2), Err(RecvTimeoutError::Timeout));
        assert_eq!(r.recv(), Ok(start + HOUR));
        assert_eq!(halves(start, now()), 2);
        assert_eq!(r.recv_timeout(HOUR), Err(RecvTimeoutError::Timeout));
        assert_eq!(at(start).recv(), Ok(start), "past");
    });
}

/// One who waits gets each at its time; one who is late, the next a period later.
#[test]
fn again_and_again() {
    paused(|| {
        let start = now();
        let r = tick(HOUR);
        for i in 1..=5 {
            assert_eq!(r.recv(), Ok(start + HOUR * i));
        }
        sleep(HOUR * 3 + HOUR / 2);
        let late = now();
        assert_eq!(r.recv(), Ok(start + HOUR * 6));
        assert_eq!(r.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(halves(late, r.recv().unwrap()), 2);
    });
}

/// Each time goes to one of those who wait for it.
#[test]
fn shared() {
    paused(|| {
        let start = now();
        let r = tick(HOUR);
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let r = r.clone();
                spawn(move || r.recv().unwrap())
            })
            .collect();
        let mut times: Vec<_> = receivers.into_iter().map(|r| r.join().unwrap()).collect();
        times.sort();
        assert_eq!(times, [1, 2, 3].map(|i| start + HOUR * i));
    });
}

#[test]
fn in_selects() {
    paused(|| {
        let start = now();
        let (s, r) = unbounded();
        let (ticks, end) = (tick(HOUR), after(HOUR * 3 + HOUR / 2));
        spawn(move || {
            sleep(HOUR + HOUR / 2);
            s.send(now()).unwrap();
            sleep(HOUR * 9);
            drop(s);
        });
        let mut seen = Vec::new();
        loop {
            select! {
                recv(ticks) -> at => seen.push(("tick", at.unwrap())),
                recv(r) -> at => seen.push(("message", at.unwrap())),
                recv(end) -> at => {
                    seen.push(("end", at.unwrap()));
                    break;
                }
            }
        }
        let seen: Vec<_> = seen.into_iter().map(|(what, at)| (what, halves(start, at))).collect();
        assert_eq!(seen, [("tick", 2), ("message", 3), ("tick", 4), ("tick", 6), ("end", 7)]);
    });
}

/// A deadline at the very time of a timer: the timer counts.
#[test]
fn at_the_deadline() {
    paused(|| {
        let when = now() + HOUR;
        let (_s, r) = bounded::<u8>(0);
        let timer = at(when);
        let mut list = Select::new();
        list.recv(&r);
        let timed = list.recv(&timer);
        let operation = list.select_deadline(when).unwrap();
        assert_eq!(operation.index(), timed);
        assert_eq!(operation.recv(&timer), Ok(when));
        assert!(list.select_timeout(HOUR).is_err());
        let timer = at(now() + HOUR);
        let mut list = Select::new();
        list.recv(&timer);
        assert_eq!(list.ready(), 0);
        assert!(timer.is_full());
    });
}

/// One that was selected and not received comes again.
#[test]
fn a_dropped_operation() {
    paused(|| {
        let when = now();
        let timer = at(when);
        let mut list = Select::new();
        list.recv(&timer);
        let operation = list.select();
        assert!(timer.is_empty());
        let drops = std::panic::AssertUnwindSafe(|| drop(operation));
        assert!(std::panic::catch_unwind(drops).is_err());
        assert_eq!(timer.recv(), Ok(when));
    });
}

#[test]
fn others_run_meanwhile() {
    each_mode(|| {
        let r: Receiver<_> = after(Duration::from_millis(2));
        let handle = spawn(move || r.recv().unwrap());
        until(|| handle.coroutine().waits_for() == Some("channel receive"));
        assert!(handle.join().unwrap() <= now());
    });
}
