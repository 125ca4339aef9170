//! Parking: early unparks, unparks from elsewhere, deadlines, and unparkers that outlive what they wake.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use common::{each_mode, each_runtime, until, watchdog};
use greenwood_runtime::park::{self, Reason, Wake};
use greenwood_runtime::{Builder, Placement, now, sleep, spawn, yield_now};

const TEST: Reason = Reason("a test");

fn park_until(ready: &AtomicBool) {
    while !ready.load(Ordering::Acquire) {
        park::park(&TEST, None);
    }
}

#[test]
fn an_early_unpark_is_kept_but_not_counted() {
    each_mode(|| {
        park::unparker().unpark();
        park::unparker().unpark();
        assert_eq!(park::park(&TEST, None), Wake::Unparked);
        let soon = now() + Duration::from_millis(2);
        assert_eq!(park::park(&TEST, Some(soon)), Wake::TimedOut);
        assert!(now() >= soon);
    });
}

#[test]
fn an_unpark_over_a_yield_is_kept() {
    each_mode(|| {
        let me = park::unparker();
        spawn(move || me.unpark());
        (0..10).for_each(|_| yield_now());
        // On two workers the other may take it later: then this waits for it, which is as well.
        park::park(&TEST, None);
    });
}

#[test]
fn parking_yields_and_threads_can_unpark() {
    each_mode(|| {
        let ready = Arc::new(AtomicBool::new(false));
        let others = Arc::new(AtomicUsize::new(0));
        let (flag, me, turns) = (ready.clone(), park::unparker(), others.clone());
        let thread = std::thread::spawn(move || {
            while turns.load(Ordering::Acquire) == 0 {
                std::thread::yield_now();
            }
            flag.store(true, Ordering::Release);
            me.unpark();
        });
        let count = others.clone();
        spawn(move || count.fetch_add(1, Ordering::AcqRel));
        park_until(&ready);
        assert_eq!(others.load(Ordering::Acquire), 1);
        thread.join().unwrap();
    });
}

/// Every wake-up between two coroutines (of one worker, and of two) and between a coroutine and a thread arrives.
#[test]
fn ping_pong_loses_nothing() {
    const ROUNDS: usize = 3_000;
    each_runtime(|runtime| {
        let turn = Arc::new(AtomicUsize::new(0));
        let (tell, told) = channel();
        let start = |worker: usize, parity: usize| {
            let (turn, tell) = (turn.clone(), tell.clone());
            let body = move || {
                let (send, receive) = channel();
                tell.send((park::unparker(), send)).unwrap();
                let peer: park::Unparker = loop {
                    match receive.try_recv() {
                        Ok(peer) => break peer,
                        Err(_) => yield_now(),
                    }
                };
                for round in 0..ROUNDS {
                    let mine = round * 2 + parity;
                    while turn.load(Ordering::Acquire) != mine {
                        park::park(&TEST, None);
                    }
                    turn.store(mine + 1, Ordering::Release);
                    peer.unpark();
                }
            };
            let place = Builder::new().placement(Placement::Worker(worker));
            runtime.spawn_with(place, body).unwrap()
        };
        let handles = [start(0, 0), start(runtime.workers() - 1, 1)];
        let (a, to_a) = told.recv().unwrap();
        let (b, to_b) = told.recv().unwrap();
        to_a.send(b).unwrap();
        to_b.send(a).unwrap();
        handles.into_iter().for_each(|h| h.join().unwrap());
        assert_eq!(turn.load(Ordering::Acquire), 2 * ROUNDS);
    });
}

/// Wake-ups and deadlines that coincide, for more coroutines than run in one turn: each parks and returns in order, and
/// none runs twice for one wait.
#[test]
fn woken_and_due_at_once() {
    each_mode(|| {
        for _ in 0..2 {
            let unparkers = Arc::new(std::sync::Mutex::new(Vec::new()));
            let deadline = now() + Duration::from_millis(200);
            let waiters: Vec<_> = (0..300)
                .map(|_| {
                    let unparkers = unparkers.clone();
                    let body = move || {
                        unparkers.lock().unwrap().push(park::unparker());
                        park::park(&TEST, Some(deadline))
                    };
                    Builder::new().placement(Placement::Here).spawn(body).unwrap()
                })
                .collect();
            until(|| waiters.iter().all(|w| w.coroutine().waits_for() == Some("a test")));
            // Busy until they are due; then woken, all within this turn.
            while Instant::now() < deadline + Duration::from_millis(1) {
                std::hint::spin_loop();
            }
            for unparker in unparkers.lock().unwrap().drain(..) {
                unparker.unpark();
            }
            for waiter in waiters {
                waiter.join().unwrap();
            }
        }
    });
}

#[test]
fn an_unparker_outlives_its_owner() {
    each_mode(|| {
        let (send, receive) = channel();
        spawn(move || send.send(park::unparker()).unwrap()).join().unwrap();
        let dead = receive.recv().unwrap();
        dead.unpark();
        // Its stack and block serve others by now.
        let flag = Arc::new(AtomicBool::new(false));
        let other = flag.clone();
        let next = spawn(move || park_until(&other));
        dead.unpark();
        sleep(Duration::from_micros(200));
        assert!(!next.is_finished());
        assert!(dead.same(&dead.clone()) && !dead.same(&park::unparker()));
        flag.store(true, Ordering::Release);
        next.cancel();
        let _ = next.join();
    });
}

#[test]
fn an_unparker_outlives_its_runtime() {
    let _watched = watchdog();
    let mut dead = Vec::new();
    each_runtime(|runtime| drop(runtime.run(park::unparker)));
    for _ in 0..3 {
        let runtime = common::own(2);
        dead.push(runtime.run(park::unparker));
    }
    // The shared parts of those workers now serve this one.
    let runtime = common::own(2);
    for _ in 0..100 {
        dead.iter().for_each(park::Unparker::unpark);
        runtime.run(|| dead.iter().for_each(park::Unparker::unpark));
    }
    runtime.run(|| sleep(Duration::from_millis(1)));
}

#[test]
fn threads_park_too() {
    let _watched = watchdog();
    let me = park::unparker();
    me.unpark();
    assert_eq!(park::park(&TEST, None), Wake::Unparked);
    assert_eq!(park::park(&TEST, Some(now() + Duration::from_millis(1))), Wake::TimedOut);
    let thread = std::thread::spawn(move || me.unpark());
    assert_eq!(park::park(&TEST, None), Wake::Unparked);
    thread.join().unwrap();
}

#[test]
fn past_deadlines_end_at_once() {
    each_mode(|| {
        let past = now().checked_sub(Duration::from_secs(3600)).unwrap_or_else(now);
        assert_eq!(park::park(&TEST, Some(past)), Wake::TimedOut);
    });
}
