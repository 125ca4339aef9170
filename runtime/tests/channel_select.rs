//! Selects: the choice, selects that meet each other, operations that are not completed, and what a select waits for.

mod channels;
mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use channels::each_mix;
use common::{each_mode, on_own, until, watchdog};
use greenwood_runtime::channel::{
    Receiver, RecvTimeoutError, Select, SendError, TryRecvError, TrySendError, bounded, never,
    select, select_biased, unbounded,
};
use greenwood_runtime::{JoinHandle, no_yield, now, sleep, spawn, yield_now};

fn waits<T>(handle: &JoinHandle<T>, reason: &str) {
    until(|| handle.coroutine().waits_for() == Some(reason));
}

#[test]
fn any_of_the_ready_ones() {
    let (s1, r1) = unbounded();
    let (s2, r2) = unbounded();
    let (s3, _r3) = unbounded();
    let mut counts = [0; 3];
    for _ in 0..3000 {
        s1.send(()).unwrap();
        s2.send(()).unwrap();
        select! {
            recv(r1) -> _ => counts[0] += 1,
            recv(r2) -> _ => counts[1] += 1,
            send(s3, ()) -> _ => counts[2] += 1,
        }
    }
    assert!(counts.iter().all(|n| (800..1200).contains(n)), "{counts:?}");
}

#[test]
fn the_first_of_the_ready_ones() {
    each_mode(|| {
        let (s, r) = unbounded();
        let (_s, empty) = unbounded::<u8>();
        (0..100).for_each(|i| s.send(i).unwrap());
        for i in 0..50 {
            select_biased! {
                recv(empty) -> _ => unreachable!(),
                recv(r) -> m => assert_eq!(m, Ok(2 * i)),
                recv(r) -> _ => unreachable!(),
            }
            let mut list = Select::new_biased();
            list.recv(&empty);
            let first = list.recv(&r);
            list.recv(&r);
            let operation = list.select();
            assert_eq!(operation.index(), first);
            assert_eq!(operation.recv(&r), Ok(2 * i + 1));
        }
    });
}

#[test]
fn it_suspends_and_others_run() {
    each_mode(|| {
        let (s, r) = bounded(0);
        let (other, _r) = bounded(0);
        let handle = spawn(move || {
            select! {
                recv(r) -> m => m,
                send(other, 1) -> _ => unreachable!(),
            }
        });
        waits(&handle, "select");
        s.send(4).unwrap();
        assert_eq!(handle.join().unwrap(), Ok(4));
    });
}

/// Two selects, on opposite ends of the same two channels without capacity.
#[test]
fn selects_meet() {
    each_mix(|mix| {
        let (s1, r1) = bounded(0);
        let (s2, r2) = bounded(0);
        let (s3, r3) = (s1.clone(), r2.clone());
        let one = mix.start(0, move || {
            let (mut sent, mut received) = (Vec::new(), Vec::new());
            for i in 0..300 {
                select! {
                    send(s1, i) -> r => { r.unwrap(); sent.push(i) }
                    recv(r2) -> m => received.push(m.unwrap()),
                }
            }
            (sent, received)
        });
        let two = mix.start(1, move || {
            let (mut sent, mut received) = (Vec::new(), Vec::new());
            for i in 1000..1300 {
                select! {
                    send(s2, i) -> r => { r.unwrap(); sent.push(i) }
                    recv(r1) -> m => received.push(m.unwrap()),
                }
            }
            (sent, received)
        });
        let (one, two) = (one.join(), two.join());
        assert_eq!((one.0, one.1), (two.1, two.0));
        drop((s3, r3));
    });
}

#[test]
fn a_select_does_not_meet_itself() {
    each_mode(|| {
        let (s, r) = bounded(0);
        select! {
            send(s, 1) -> _ => unreachable!(),
            recv(r) -> _ => unreachable!(),
            default(Duration::from_millis(2)) => {}
        }
        let (other, from_other) = (s.clone(), r.clone());
        let handle = spawn(move || {
            select! {
                send(other, 2) -> _ => None,
                recv(from_other) -> m => m.ok(),
            }
        });
        waits(&handle, "select");
        assert_eq!(r.recv(), Ok(2));
        assert_eq!(handle.join().unwrap(), None);
        let (other, from_other) = (s.clone(), r.clone());
        let handle = spawn(move || {
            select! {
                recv(from_other) -> m => m.ok(),
                send(other, 2) -> _ => None,
            }
        });
        waits(&handle, "select");
        s.send(3).unwrap();
        assert_eq!(handle.join().unwrap(), Some(3));
    });
}

/// The receiver that meets a sender in a select waits for a message that is still to be made.
#[test]
fn a_message_that_takes_time() {
    each_mode(|| {
        let (s, r) = bounded(0);
        let made = Arc::new(AtomicUsize::new(0));
        let count = made.clone();
        let sender = spawn(move || {
            select! {
                send(s, { sleep(Duration::from_millis(2)); count.fetch_add(1, Ordering::Relaxed) }) -> r => r,
                recv(never::<u8>()) -> _ => unreachable!(),
            }
        });
        waits(&sender, "select");
        assert_eq!(made.load(Ordering::Relaxed), 0);
        assert_eq!(r.recv(), Ok(0));
        assert_eq!(sender.join().unwrap(), Ok(()));

        // One that will not wait so long leaves the message to the next.
        let (s, r) = bounded(0);
        let (go, gone) = bounded::<()>(0);
        let sender = spawn(move || {
            select! {
                send(s, { let _ = gone.recv(); 7 }) -> r => r,
                recv(never::<u8>()) -> _ => unreachable!(),
            }
        });
        waits(&sender, "select");
        assert_eq!(r.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
        drop(go);
        waits(&sender, "channel send");
        assert_eq!(r.try_recv(), Ok(7));
        assert_eq!(sender.join().unwrap(), Ok(()));
    });
}

#[test]
fn trying_meets_a_select() {
    each_mode(|| {
        let (s, r) = bounded(0);
        let sender = spawn(move || {
            select! {
                send(s, 5) -> r => r,
                recv(never::<u8>()) -> _ => unreachable!(),
            }
        });
        waits(&sender, "select");
        // Where it may not switch, the sender could not bring its message.
        assert_eq!(no_yield(|| r.try_recv()), Err(TryRecvError::Empty));
        select! {
            recv(r) -> m => assert_eq!(m, Ok(5)),
            recv(never::<u8>()) -> _ => unreachable!(),
            default => unreachable!(),
        }
        assert_eq!(sender.join().unwrap(), Ok(()));

        let (s, r) = bounded(0);
        // The receiver may be gone by the second attempt.
        let _open = r.clone();
        let receiver = spawn(move || {
            select! {
                recv(r) -> m => m,
                recv(never::<u8>()) -> _ => unreachable!(),
            }
        });
        waits(&receiver, "select");
        assert_eq!(s.try_send(6), Ok(()));
        assert_eq!(s.try_send(7), Err(TrySendError::Full(7)));
        assert_eq!(receiver.join().unwrap(), Ok(6));
    });
}

fn panics() -> i32 {
    std::panic::resume_unwind(Box::new("a test"))
}

/// A message that panics in the making leaves everything as if its select had not been.
#[test]
fn a_message_that_panics() {
    each_mode(|| {
        for capacity in [0, 1] {
            let (s, r) = bounded(capacity);
            let receiver = spawn(move || (r.recv(), r));
            waits(&receiver, "channel receive");
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                select! {
                    send(s, panics()) -> _ => {}
                    recv(never::<u8>()) -> _ => {}
                }
            }));
            assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"a test"));
            assert!(!receiver.is_finished());
            s.send(8).unwrap();
            let (received, r) = receiver.join().unwrap();
            assert_eq!(received, Ok(8));
            if capacity == 1 {
                assert!(s.is_empty() && !s.is_full(), "the room it had is free again");
                s.try_send(9).unwrap();
            }
            drop(r);
        }
    });
}

#[test]
fn a_receive_that_is_dropped_puts_its_message_back() {
    each_mode(|| {
        for wait in [false, true] {
            let (s, r) = bounded(2);
            let sender = s.clone();
            let sends = move || (0..2).for_each(|i| sender.send(i).unwrap());
            if wait {
                spawn(sends);
            } else {
                sends();
            }
            let mut list = Select::new();
            list.recv(&r);
            let operation = list.select();
            assert!(catch_unwind(AssertUnwindSafe(|| drop(operation))).is_err());
            assert_eq!((r.recv(), r.recv()), (Ok(0), Ok(1)));
            drop(s);
        }
    });
}

/// The room that a dropped send had goes to whoever waits for it.
#[test]
fn a_send_that_is_dropped_gives_its_room_on() {
    each_mode(|| {
        let (s, r) = bounded(1);
        let mut list = Select::new();
        list.send(&s);
        let operation = list.select();
        assert!(s.is_full() && s.is_empty());
        let other = s.clone();
        let sender = spawn(move || other.send(1));
        waits(&sender, "channel send");
        assert!(catch_unwind(AssertUnwindSafe(|| drop(operation))).is_err());
        assert_eq!(sender.join().unwrap(), Ok(()));
        assert_eq!(r.recv(), Ok(1));

        // The same for a receiver that was promised a message.
        let (s, r) = bounded(0);
        let receiver = spawn(move || r.recv());
        waits(&receiver, "channel receive");
        let mut list = Select::new();
        list.send(&s);
        let operation = list.select();
        assert!(catch_unwind(AssertUnwindSafe(|| drop(operation))).is_err());
        yield_now();
        s.send(2).unwrap();
        assert_eq!(receiver.join().unwrap(), Ok(2));
    });
}

#[test]
#[should_panic = "not the receiver that was selected"]
fn completion_by_another() {
    let (s, r) = unbounded();
    s.send(1).unwrap();
    let other = r.clone();
    let mut list = Select::new();
    list.recv(&r);
    let _ = list.select().recv(&other);
}

#[test]
#[should_panic = "would wait for ever"]
fn an_empty_list() {
    drop(Select::new().select());
}

/// A sender takes what a select has reserved into account.
#[test]
fn selected_sends_hold_their_room() {
    each_mode(|| {
        let (s, r) = bounded(2);
        let mut list = Select::new();
        list.send(&s);
        let (one, two) = (list.select(), list.select());
        assert_eq!(s.try_send(0), Err(TrySendError::Full(0)));
        assert!(list.try_select().is_err());
        // A receiver takes a message past a full house of promises.
        let other = s.clone();
        let sender = spawn(move || other.send(5));
        waits(&sender, "channel send");
        assert_eq!(r.recv(), Ok(5));
        assert_eq!(two.send(&s, 2), Ok(()));
        assert_eq!(one.send(&s, 1), Ok(()));
        assert_eq!((r.recv(), r.recv()), (Ok(2), Ok(1)));
        sender.join().unwrap().unwrap();
        let late = list.select();
        drop(r);
        assert_eq!(late.send(&s, 3), Err(SendError(3)));
    });
}

#[test]
fn disconnection_wakes() {
    each_mix(|mix| {
        let (s, r) = bounded::<u8>(0);
        let (full, takes) = bounded(1);
        full.send(0).unwrap();
        let wait = |r: Receiver<u8>, full: greenwood_runtime::channel::Sender<i32>| {
            move || {
                select! {
                    recv(r) -> m => { assert!(m.is_err()); 1 }
                    send(full, 5) -> r => { assert!(r.is_err()); 2 }
                }
            }
        };
        let one = mix.start(0, wait(r.clone(), full.clone()));
        drop(s);
        assert_eq!(one.join(), 1);
        let (_s, r) = bounded::<u8>(0);
        let two = mix.start(1, wait(r, full.clone()));
        drop(takes);
        assert_eq!(two.join(), 2);
    });
}

#[test]
fn what_can_never_be_waits() {
    each_mode(|| {
        let start = now();
        select! {
            recv(never::<u8>()) -> _ => unreachable!(),
            recv(never::<u8>()) -> _ => unreachable!(),
            default(Duration::from_millis(1)) => {}
        }
        assert!(now() >= start + Duration::from_millis(1));
        let handle = spawn(|| {
            select! {
                recv(never::<u8>()) -> _ => unreachable!(),
                recv(never::<u8>()) -> _ => unreachable!(),
            }
        });
        waits(&handle, "select");
        handle.cancel();
        assert!(handle.join().is_err());
    });
}

/// Readiness is told to those that only watch, and takes nothing.
#[test]
fn ready_tells_and_takes_nothing() {
    each_mix(|mix| {
        let (s, r) = bounded(0);
        let (watched, other) = (r.clone(), s.clone());
        let watcher = mix.start(0, move || {
            let mut list = Select::new();
            list.recv(&watched);
            loop {
                list.ready();
                if let Ok(m) = watched.try_recv() {
                    return m;
                }
            }
        });
        let sender = mix.start(1, move || other.send(3));
        assert_eq!(watcher.join(), 3);
        assert_eq!(sender.join(), Ok(()));

        let watched = s.clone();
        let watcher = mix.start(0, move || {
            let mut list = Select::new();
            list.send(&watched);
            loop {
                list.ready();
                if watched.try_send(4).is_ok() {
                    return;
                }
            }
        });
        let receiver = mix.start(1, move || r.recv());
        watcher.join();
        assert_eq!(receiver.join(), Ok(4));
    });
}

#[test]
fn a_busy_select_lets_others_run() {
    let _watched = watchdog();
    on_own(|| {
        let (s, r) = unbounded();
        let stop = Arc::new(AtomicUsize::new(0));
        let seen = stop.clone();
        let busy = spawn(move || {
            while seen.load(Ordering::Relaxed) == 0 {
                select! {
                    send(s, 1) -> _ => {}
                    recv(r) -> _ => {}
                }
            }
        });
        spawn(move || stop.store(1, Ordering::Relaxed)).join().unwrap();
        busy.join().unwrap();
    });
}
