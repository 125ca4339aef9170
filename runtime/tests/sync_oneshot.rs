//! Channels for one value: whichever side goes first, it arrives, comes back or is dropped, once.

mod common;
mod mixes;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, on_own, own, watchdog};
use greenwood_runtime::sync::oneshot::{self, RecvError, RecvTimeoutError, TryRecvError};
use greenwood_runtime::{Builder, Cancelled, Placement, now, sleep, spawn, timeout, yield_now};
use mixes::{Part, Random, each_mix, waits};

const SOON: Duration = Duration::from_millis(2);

/// Counts itself when it is dropped.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn either_side_may_come_first() {
    each_mode(|| {
        let (sender, receiver) = oneshot::channel();
        sender.send(1).unwrap();
        assert_eq!(receiver.recv(), Ok(1));

        let (sender, receiver) = oneshot::channel();
        let waiter = spawn(move || receiver.recv());
        waits(&waiter, "oneshot");
        assert!(!sender.is_closed());
        sender.send(2).unwrap();
        assert_eq!(waiter.join().unwrap(), Ok(2));
    });
}

#[test]
fn waiting_lets_others_run() {
    each_mode(|| {
        let (sender, receiver) = oneshot::channel();
        let ran = Arc::new(AtomicUsize::new(0));
        let count = ran.clone();
        spawn(move || {
            count.fetch_add(1, Ordering::Relaxed);
            sender.send(()).unwrap();
        });
        receiver.recv().unwrap();
        assert_eq!(ran.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_dropped_sender_ends_the_wait() {
    each_mode(|| {
        let (sender, receiver) = oneshot::channel::<u8>();
        let waiter = spawn(move || receiver.recv());
        waits(&waiter, "oneshot");
        drop(sender);
        assert_eq!(waiter.join().unwrap(), Err(RecvError));

        let (sender, receiver) = oneshot::channel::<u8>();
        drop(sender);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
        assert_eq!(receiver.recv_timeout(SOON), Err(RecvTimeoutError::Closed));
        assert_eq!(receiver.recv(), Err(RecvError));
    });
}

#[test]
fn a_dropped_or_closed_receiver_hands_the_value_back() {
    each_mode(|| {
        let (sender, receiver) = oneshot::channel();
        drop(receiver);
        assert!(sender.is_closed());
        sender.wait_closed();
        assert_eq!(sender.send(3), Err(3));

        let (sender, receiver) = oneshot::channel();
        receiver.close();
        assert_eq!(sender.send(4), Err(4));
        assert_eq!(receiver.recv(), Err(RecvError));

        let (sender, receiver) = oneshot::channel();
        sender.send(5).unwrap();
        receiver.close();
        assert_eq!(receiver.try_recv(), Ok(5), "sent before");

        let (sender, receiver) = oneshot::channel::<u8>();
        let waiter = spawn(move || sender.wait_closed());
        waits(&waiter, "oneshot closed");
        drop(receiver);
        waiter.join().unwrap();
    });
}

#[test]
fn deadlines_pass() {
    let check = || {
        let (sender, receiver) = oneshot::channel();
        assert_eq!(receiver.recv_timeout(SOON), Err(RecvTimeoutError::Timeout));
        assert_eq!(receiver.recv_deadline(now() + SOON), Err(RecvTimeoutError::Timeout));
        assert!(!sender.wait_closed_timeout(SOON));
        assert!(timeout(SOON, || sender.wait_closed()).is_err());
        assert!(timeout(SOON, || receiver.recv_timeout(Duration::MAX)).is_err());
        sender.send(6).unwrap();
        assert_eq!(receiver.recv_deadline(now()), Ok(6));

        let (sender, receiver) = oneshot::channel();
        assert!(timeout(SOON, || receiver.recv()).is_err());
        assert_eq!(sender.send(7), Err(7), "unwinding took the receiver along");
    };
    each_mode(check);
    check();
}

#[test]
fn a_cancelled_receiver_hands_the_value_back() {
    each_mode(|| {
        let (sender, receiver) = oneshot::channel();
        let waiter = spawn(move || receiver.recv());
        waits(&waiter, "oneshot");
        waiter.cancel();
        sender.wait_closed();
        assert_eq!(sender.send(8), Err(8));
        assert!(waiter.join().unwrap_err().is::<Cancelled>());

        let (sender, _receiver) = oneshot::channel::<u8>();
        let waiter = spawn(move || sender.wait_closed());
        waits(&waiter, "oneshot closed");
        waiter.cancel();
        assert!(waiter.join().unwrap_err().is::<Cancelled>());
    });
}

#[test]
fn completion_wins() {
    on_own(|| {
        let (sender, receiver) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let waiter = spawn(move || {
            tell.send(receiver.recv()).unwrap();
            sleep(Duration::MAX);
        });
        waits(&waiter, "oneshot");
        sender.send(9).unwrap();
        waiter.cancel();
        assert!(waiter.join().unwrap_err().is::<Cancelled>());
        assert_eq!(told.recv().unwrap(), Ok(9));
    });
}

/// Threads that share the receiver: one gets the value, none is left behind.
#[test]
fn several_may_wait() {
    let _watched = watchdog();
    for _ in 0..200 {
        let (sender, receiver) = oneshot::channel();
        let hour = Duration::from_secs(3600);
        std::thread::scope(|s| {
            let waiters = [(); 3].map(|()| s.spawn(|| receiver.recv_timeout(hour)));
            s.spawn(move || sender.send(1).unwrap());
            let got = waiters.map(|w| w.join().unwrap());
            assert_eq!(got.iter().filter(|r| **r == Ok(1)).count(), 1);
        });
    }
}

#[test]
fn values_arrive_in_any_mix() {
    each_mix(|| {
        let mut parts: Vec<Part> = Vec::new();
        let pairs: Vec<_> = (0..600).map(|_| oneshot::channel()).collect();
        let (senders, receivers): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        parts.push(Box::new(move || {
            for (n, sender) in senders.into_iter().enumerate() {
                sender.send(n).unwrap();
                if n % 16 == 0 {
                    yield_now();
                }
            }
        }));
        parts.push(Box::new(move || {
            for (n, receiver) in receivers.into_iter().enumerate() {
                assert_eq!(receiver.recv(), Ok(n));
            }
        }));
        parts
    });
}

/// Both sides go at random moments: the value is received, or comes back, or is dropped, and dropped once in all.
#[test]
fn drops_add_up_after_a_storm() {
    const PAIRS: usize = 3_000;
    let _watched = watchdog();
    let runtime = own(2);
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut random = Random(7);
    for n in 0..PAIRS {
        let (sender, receiver) = oneshot::channel();
        let value = Counted(dropped.clone());
        let (before, after) = (random.below(3), random.below(3));
        let ways = (random.below(4), random.below(5));
        let pause = |turns: u64| (0..turns).for_each(|_| yield_now());
        let on = |worker| Builder::new().placement(Placement::Worker(worker));
        let sending = move || {
            pause(before);
            match ways.0 {
                0 => drop((sender, value)),
                1 => {
                    sender.wait_closed_timeout(Duration::from_micros(30));
                    drop(sender.send(value));
                }
                _ => drop(sender.send(value)),
            }
        };
        let receiving = move || {
            pause(after);
            match ways.1 {
                0 => drop(receiver),
                1 => drop(receiver.try_recv()),
                2 => drop(receiver.recv_timeout(Duration::from_micros(20))),
                3 => drop(timeout(Duration::from_micros(20), || receiver.recv())),
                _ => drop(receiver.recv()),
            }
        };
        let sends = runtime.spawn_with(on(n % 2), sending).unwrap();
        let receives = runtime.spawn_with(on(n / 2 % 2), receiving).unwrap();
        if n % 5 == 0 {
            receives.cancel();
        }
        sends.join().unwrap();
        let _ = receives.join();
        assert_eq!(dropped.load(Ordering::Relaxed), n + 1);
    }
}

/// A value whose destructor uses the channel meets no lock.
#[test]
fn destructors_run_without_a_lock() {
    struct Nested(Option<oneshot::Sender<Nested>>);
    impl Drop for Nested {
        fn drop(&mut self) {
            if let Some(sender) = self.0.take() {
                assert!(sender.is_closed());
            }
        }
    }
    let (other, gone) = oneshot::channel();
    drop(gone);
    let (sender, receiver) = oneshot::channel();
    assert!(sender.send(Nested(Some(other))).is_ok());
    drop(receiver);
}
