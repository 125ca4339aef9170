//! Every value to every receiver: in order, with gaps that are told, and dropped once.

mod common;
mod mixes;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, on_own, own, watchdog};
use greenwood_runtime::sync::broadcast::{
    self, RecvError, RecvTimeoutError, SendError, TryRecvError,
};
use greenwood_runtime::{Cancelled, now, sleep, spawn, timeout, yield_now};
use mixes::{Part, Random, each_mix, waits};

const SOON: Duration = Duration::from_millis(2);

#[test]
fn every_receiver_gets_every_value() {
    let (sender, mut first) = broadcast::channel(4);
    let mut second = sender.subscribe();
    assert_eq!(sender.send('a').unwrap(), 2);
    let mut late = first.resubscribe();
    assert_eq!(sender.send('b').unwrap(), 3);
    assert_eq!((sender.len(), first.len(), late.len()), (2, 2, 1));
    assert_eq!([first.recv(), first.recv()], [Ok('a'), Ok('b')]);
    assert_eq!([second.try_recv(), second.try_recv()], [Ok('a'), Ok('b')]);
    assert_eq!(sender.len(), 1);
    assert_eq!([late.try_recv(), late.try_recv()], [Ok('b'), Err(TryRecvError::Empty)]);
    assert!(sender.is_empty() && first.is_empty());
    assert!(first.same_channel(&late) && sender.same_channel(&sender.clone()));
}

#[test]
fn slow_receivers_are_told_what_they_missed() {
    let (sender, mut slow) = broadcast::channel(3);
    let mut quick = sender.subscribe();
    for n in 0..10 {
        sender.send(n).unwrap();
        assert_eq!(quick.recv(), Ok(n));
    }
    assert_eq!((slow.len(), sender.len()), (10, 3));
    assert_eq!(slow.try_recv(), Err(TryRecvError::Lagged(7)));
    drop(quick);
    assert_eq!(slow.len(), 3);
    assert_eq!([slow.recv(), slow.recv(), slow.recv()], [Ok(7), Ok(8), Ok(9)]);
    (0..5).for_each(|n| _ = sender.send(n));
    drop(sender);
    assert!(slow.is_closed());
    assert_eq!(slow.recv(), Err(RecvError::Lagged(2)));
    let rest = [Ok(2), Ok(3), Ok(4), Err(RecvError::Closed)];
    assert_eq!([slow.recv(), slow.recv(), slow.recv(), slow.recv()], rest);
    assert_eq!(slow.recv_timeout(SOON), Err(RecvTimeoutError::Closed));
}

#[test]
#[should_panic(expected = "at least one value")]
fn there_is_no_channel_without_capacity() {
    let _ = broadcast::channel::<u8>(0);
}

#[test]
fn without_receivers_values_come_back() {
    let (sender, receiver) = broadcast::channel(2);
    sender.send(1).unwrap();
    drop(receiver);
    assert!(sender.is_empty(), "nobody awaits it");
    assert_eq!(sender.send(2), Err(SendError(2)));
    sender.wait_closed();
    let mut receiver = sender.subscribe();
    assert_eq!((sender.receiver_count(), sender.send(3).unwrap()), (1, 1));
    assert_eq!(receiver.recv(), Ok(3));
}

#[test]
fn waiting_lets_others_run() {
    each_mode(|| {
        let (sender, mut receiver) = broadcast::channel(2);
        let ran = Arc::new(AtomicUsize::new(0));
        let count = ran.clone();
        let other = spawn(move || {
            count.fetch_add(1, Ordering::Relaxed);
            sender.send(1).unwrap();
            sender.wait_closed();
        });
        assert_eq!((receiver.recv(), ran.load(Ordering::Relaxed)), (Ok(1), 1));
        waits(&other, "broadcast closed");
        drop(receiver);
        other.join().unwrap();
    });
}

/// A receiver that always finds something does not keep the others from running.
#[test]
fn receiving_without_waiting_lets_others_run() {
    on_own(|| {
        let (sender, mut receiver) = broadcast::channel(1);
        let ran = Arc::new(AtomicUsize::new(0));
        let count = ran.clone();
        spawn(move || count.fetch_add(1, Ordering::Relaxed));
        while ran.load(Ordering::Relaxed) == 0 {
            sender.send(1).unwrap();
            receiver.recv().unwrap();
        }
    });
}

#[test]
fn deadlines_pass() {
    let check = || {
        let (sender, mut receiver) = broadcast::channel(1);
        let over = Err(RecvTimeoutError::Timeout);
        assert_eq!(receiver.recv_timeout(SOON), over);
        assert_eq!(receiver.recv_deadline(now() + SOON), over);
        assert!(timeout(SOON, || receiver.recv()).is_err());
        assert!(!sender.wait_closed_timeout(SOON));
        assert!(timeout(SOON, || sender.wait_closed()).is_err());
        sender.send(5).unwrap();
        assert_eq!(receiver.recv_deadline(now()), Ok(5));
    };
    each_mode(check);
    check();
}

#[test]
fn a_cancelled_receiver_leaves_the_others() {
    each_mode(|| {
        let (sender, receiver) = broadcast::channel(2);
        let [first, second] = [(); 2].map(|()| {
            let mut receiver = receiver.resubscribe();
            let waiter = spawn(move || receiver.recv());
            waits(&waiter, "broadcast");
            waiter
        });
        drop(receiver);
        first.cancel();
        assert!(first.join().unwrap_err().is::<Cancelled>());
        sender.send(6).unwrap();
        assert_eq!(second.join().unwrap(), Ok(6));
        sender.wait_closed();
        let (sender, _receiver) = broadcast::channel::<u8>(2);
        let waiter = spawn(move || sender.wait_closed());
        waits(&waiter, "broadcast closed");
        waiter.cancel();
        assert!(waiter.join().unwrap_err().is::<Cancelled>());
    });
}

/// Values received and values missed add up to values sent, in order, whatever ends a wait in between.
#[test]
fn values_add_up_in_any_mix() {
    const EACH: u64 = 400;
    each_mix(|| {
        let (sender, receiver) = broadcast::channel(8);
        let mut parts: Vec<Part> = Vec::new();
        for seed in 1..=3 {
            let mut receiver = receiver.resubscribe();
            parts.push(Box::new(move || {
                let mut random = Random(seed);
                let (mut count, mut last) = (0, [None; 2]);
                loop {
                    let time = Duration::from_micros(random.below(60));
                    let received = match random.below(3) {
                        0 => receiver.recv_timeout(time),
                        1 => match timeout(time, || receiver.recv_timeout(Duration::MAX)) {
                            Ok(received) => received,
                            Err(_) => continue,
                        },
                        _ => receiver.recv_timeout(Duration::from_secs(3600)),
                    };
                    match received {
                        Ok((from, n)) => {
                            count += 1;
                            assert!(last[from] < Some(n));
                            last[from] = Some(n);
                        }
                        Err(RecvTimeoutError::Lagged(lost)) => count += lost,
                        Err(RecvTimeoutError::Timeout) => {}
                        Err(RecvTimeoutError::Closed) => break,
                    }
                }
                assert_eq!(count, 2 * EACH);
            }));
        }
        drop(receiver);
        for from in 0..2usize {
            let sender = sender.clone();
            parts.push(Box::new(move || {
                for n in 0..EACH {
                    sender.send((from, n)).unwrap();
                    if n % 5 == 0 {
                        yield_now();
                    }
                }
            }));
        }
        parts
    });
}

/// Counts what there is of it.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Counted {
        count.fetch_add(1, Ordering::Relaxed);
        Counted(count.clone())
    }
}

impl Clone for Counted {
    fn clone(&self) -> Counted {
        Counted::new(&self.0)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn values_are_dropped_when_all_have_them() {
    let alive = Arc::new(AtomicUsize::new(0));
    let count = || alive.load(Ordering::Relaxed);
    let (sender, mut first) = broadcast::channel(2);
    let mut second = sender.subscribe();
    for _ in 0..5 {
        sender.send(Counted::new(&alive)).ok().unwrap();
    }
    assert_eq!(count(), 2, "the others were overwritten");
    assert!(first.recv().is_err() && first.recv().is_ok());
    assert_eq!(count(), 2);
    assert!(second.recv().is_err() && second.recv().is_ok());
    assert_eq!(count(), 1);
    drop(first);
    assert_eq!(count(), 1);
    drop(second);
    assert_eq!(count(), 0, "nobody is left to receive it");
}

#[test]
fn drops_add_up_after_a_storm() {
    let _watched = watchdog();
    let runtime = own(2);
    let alive = Arc::new(AtomicUsize::new(0));
    for seed in 1..=10u64 {
        let (sender, receiver) = broadcast::channel(4);
        let receivers: Vec<_> = (0..20)
            .map(|_| {
                let mut receiver = receiver.resubscribe();
                runtime.spawn(move || while !matches!(receiver.recv(), Err(RecvError::Closed)) {})
            })
            .collect();
        drop(receiver);
        let senders: Vec<_> = (0..4)
            .map(|_| {
                let (sender, alive) = (sender.clone(), alive.clone());
                runtime.spawn(move || {
                    for _ in 0..200 {
                        let _ = sender.send(Counted::new(&alive));
                        sleep(Duration::from_micros(1));
                    }
                })
            })
            .collect();
        drop(sender);
        let mut random = Random(seed);
        for receiver in receivers.iter().skip(3).chain(&receivers[..(seed % 2) as usize * 3]) {
            std::thread::sleep(Duration::from_micros(random.below(100)));
            receiver.cancel();
        }
        senders.into_iter().for_each(|s| s.join().unwrap());
        receivers.into_iter().for_each(|r| drop(r.join()));
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    }
}

/// Values whose clones and destructors use the channel meet no lock.
#[test]
fn user_code_runs_without_a_lock() {
    struct Uses(broadcast::Sender<Uses>);
    impl Clone for Uses {
        fn clone(&self) -> Uses {
            let _ = self.0.receiver_count();
            Uses(self.0.clone())
        }
    }
    impl Drop for Uses {
        fn drop(&mut self) {
            let _ = (self.0.len(), self.0.subscribe());
        }
    }
    let (sender, mut first) = broadcast::channel(1);
    let second = sender.subscribe();
    (0..3).for_each(|_| drop(sender.send(Uses(sender.clone()))));
    assert!(first.recv().is_err() && first.recv().is_ok());
    drop(second);
    drop(first);
    assert!(sender.send(Uses(sender.clone())).is_err());
}
