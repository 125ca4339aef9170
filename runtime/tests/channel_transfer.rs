//! Channels: what is sent arrives, once, in order, whoever sends and receives.

mod channels;
mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use channels::{Mix, each_mix};
use common::{each_mode, own, until, watchdog};
use greenwood_runtime::channel::{
    Receiver, Sender, TryRecvError, TrySendError, bounded, unbounded,
};
use greenwood_runtime::{Builder, Placement, spawn, yield_now};

/// Capacities of every kind.
fn each_capacity<T>(f: impl Fn(Sender<T>, Receiver<T>)) {
    for capacity in [0, 1, 7] {
        let (s, r) = bounded(capacity);
        f(s, r);
    }
    let (s, r) = unbounded();
    f(s, r);
}

#[test]
fn in_order() {
    each_mix(|mix| {
        each_capacity(|s, r| {
            let sender = mix.start(0, move || (0..500).for_each(|i| s.send(i).unwrap()));
            let receiver = mix.start(1, move || (0..500).for_each(|i| assert_eq!(r.recv(), Ok(i))));
            sender.join();
            receiver.join();
        });
    });
}

#[test]
fn many_to_many() {
    each_mix(|mix| {
        each_capacity(|s, r| {
            let senders: Vec<_> = (0..4)
                .map(|n| {
                    let s = s.clone();
                    mix.start(n, move || (0..200).for_each(|i| s.send((n, i)).unwrap()))
                })
                .collect();
            drop(s);
            let receivers: Vec<_> = (1..4)
                .map(|n| {
                    let r = r.clone();
                    mix.start(n, move || r.iter().collect::<Vec<_>>())
                })
                .collect();
            senders.into_iter().for_each(|s| s.join());
            let mut got: Vec<_> = receivers
                .into_iter()
                .flat_map(|r| {
                    let got = r.join();
                    for n in 0..4 {
                        let of_one = got.iter().filter(|m| m.0 == n).map(|m| m.1);
                        assert!(of_one.is_sorted(), "each sender's messages in order");
                    }
                    got
                })
                .collect();
            got.sort_unstable();
            let all: Vec<_> = (0..4).flat_map(|n| (0..200).map(move |i| (n, i))).collect();
            assert_eq!(got, all);
        });
    });
}

#[test]
fn a_full_channel_suspends_and_an_empty_one() {
    each_mode(|| {
        for capacity in [0, 1] {
            let (s, r) = bounded(capacity);
            let (turns, count) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let other = turns.clone();
            let place = || Builder::new().placement(Placement::Here);
            place().spawn(move || other.fetch_add(1, Ordering::Relaxed)).unwrap();
            let (seen, at_the_end) = (turns.clone(), count.clone());
            let sender = place()
                .spawn(move || {
                    for i in 0..=capacity {
                        s.send(i).unwrap();
                        at_the_end.fetch_add(1, Ordering::Relaxed);
                    }
                    seen.load(Ordering::Relaxed)
                })
                .unwrap();
            until(|| sender.coroutine().waits_for() == Some("channel send"));
            assert_eq!(count.load(Ordering::Relaxed), capacity);
            assert_eq!(turns.load(Ordering::Relaxed), 1);
            (0..=capacity).for_each(|i| assert_eq!(r.recv(), Ok(i)));
            assert_eq!(sender.join().unwrap(), 1);

            let (s, r) = bounded::<u8>(capacity);
            let receiver = spawn(move || r.recv());
            until(|| receiver.coroutine().waits_for() == Some("channel receive"));
            s.send(9).unwrap();
            assert_eq!(receiver.join().unwrap(), Ok(9));
        }
    });
}

#[test]
fn waiters_are_served_in_order() {
    let _watched = watchdog();
    own(1).run(|| {
        let (s, r) = bounded(0);
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let senders: Vec<_> = (0..5)
            .map(|i| {
                let s = s.clone();
                spawn(move || s.send(i).unwrap())
            })
            .collect();
        senders.iter().for_each(|s| until(|| s.coroutine().waits_for() == Some("channel send")));
        (0..5).for_each(|i| assert_eq!(r.recv(), Ok(i)));
        let receivers: Vec<_> = (0..5)
            .map(|i| {
                let (r, order) = (r.clone(), order.clone());
                spawn(move || {
                    let got = r.recv().unwrap();
                    order.lock().unwrap().push((i, got));
                })
            })
            .collect();
        yield_now();
        receivers
            .iter()
            .for_each(|r| until(|| r.coroutine().waits_for() == Some("channel receive")));
        (0..5).for_each(|i| s.send(i).unwrap());
        receivers.into_iter().for_each(|r| r.join().unwrap());
        assert_eq!(*order.lock().unwrap(), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]);
    });
}

/// A receiver that frees a place has the first waiting sender's message put there before any later one.
#[test]
fn a_waiting_sender_keeps_its_turn() {
    each_mode(|| {
        let (s, r) = bounded(1);
        s.send(0).unwrap();
        let first = s.clone();
        let sender = spawn(move || first.send(1).unwrap());
        until(|| sender.coroutine().waits_for() == Some("channel send"));
        assert_eq!(r.recv(), Ok(0));
        assert_eq!(s.try_send(2), Err(TrySendError::Full(2)));
        assert_eq!(r.recv(), Ok(1));
        assert_eq!(s.try_send(2), Ok(()));
        sender.join().unwrap();
    });
}

#[test]
fn trying() {
    let (s, r) = bounded(2);
    assert_eq!(
        (s.try_send(1), s.try_send(2), s.try_send(3)),
        (Ok(()), Ok(()), Err(TrySendError::Full(3)))
    );
    assert_eq!(
        (r.try_recv(), r.try_recv(), r.try_recv()),
        (Ok(1), Ok(2), Err(TryRecvError::Empty))
    );
    let (s, r) = bounded(0);
    assert_eq!(
        (s.try_send(1), r.try_recv()),
        (Err(TrySendError::Full(1)), Err(TryRecvError::Empty))
    );
    each_mode(|| {
        let (s, r) = bounded(0);
        let receiver = spawn(move || (r.recv(), r.try_recv()));
        until(|| s.try_send(1).is_ok());
        assert_eq!(receiver.join().unwrap().0, Ok(1));
        let (s, r) = bounded(0);
        let sender = spawn(move || s.send(2));
        until(|| match r.try_recv() {
            Ok(m) => m == 2,
            Err(_) => false,
        });
        assert_eq!(sender.join().unwrap(), Ok(()));
    });
}

#[test]
fn lengths() {
    let (s, r) = bounded(2);
    assert_eq!((s.len(), s.capacity(), s.is_empty(), s.is_full()), (0, Some(2), true, false));
    s.send(1).unwrap();
    s.send(1).unwrap();
    assert_eq!((r.len(), r.capacity(), r.is_empty(), r.is_full()), (2, Some(2), false, true));
    let (s, r) = unbounded();
    s.send(1).unwrap();
    assert_eq!((r.len(), r.capacity(), r.is_empty(), s.is_full()), (1, None, false, false));
    let (s, r) = bounded::<u8>(0);
    assert_eq!((r.len(), r.capacity(), r.is_empty(), s.is_full()), (0, Some(0), true, true));
    let (s2, r2) = bounded::<u8>(0);
    assert!(s.same_channel(&s.clone()) && r.same_channel(&r.clone()));
    assert!(!s.same_channel(&s2) && !r.same_channel(&r2));
}

/// A channel that is always ready does not keep the others from running.
#[test]
fn ready_channels_give_others_their_turn() {
    let _watched = watchdog();
    own(1).run(|| {
        let (s, r) = unbounded();
        let stop = Arc::new(AtomicUsize::new(0));
        let seen = stop.clone();
        let busy = spawn(move || {
            while seen.load(Ordering::Relaxed) == 0 {
                s.send(1).unwrap();
                r.recv().unwrap();
            }
        });
        let stopper = spawn(move || stop.store(1, Ordering::Relaxed));
        stopper.join().unwrap();
        busy.join().unwrap();
    });
}

#[test]
fn threads_of_no_runtime_and_coroutines() {
    let _watched = watchdog();
    let runtime = own(2);
    let (s, r) = bounded(1);
    let (back, returned) = bounded(0);
    runtime.spawn(move || r.iter().for_each(|i: i32| back.send(i + 1).unwrap()));
    let sender = Mix::Threads.start(0, move || (0..300).for_each(|i| s.send(i).unwrap()));
    (0..300).for_each(|i| assert_eq!(returned.recv(), Ok(i + 1)));
    sender.join();
}
