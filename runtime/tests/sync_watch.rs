//! The latest value: looked at, changed, waited for, and closed from either side.

mod common;
mod mixes;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, until};
use greenwood_runtime::sync::watch::{self, RecvError, RecvTimeoutError, SendError};
use greenwood_runtime::{Cancelled, now, sleep, spawn, timeout, yield_now};
use mixes::{Part, each_mix, waits};

const SOON: Duration = Duration::from_millis(2);

#[test]
fn the_latest_value_is_seen() {
    let (sender, mut receiver) = watch::channel(1);
    assert_eq!((*receiver.borrow(), *sender.borrow()), (1, 1));
    assert_eq!(receiver.has_changed(), Ok(false));
    sender.send(2).unwrap();
    sender.send(3).unwrap();
    assert_eq!(receiver.has_changed(), Ok(true));
    assert_eq!(*receiver.borrow(), 3);
    let mut other = receiver.clone();
    receiver.changed().unwrap();
    assert_eq!(receiver.has_changed(), Ok(false));
    assert_eq!(*other.borrow_and_update(), 3);
    assert_eq!(other.has_changed(), Ok(false));
    assert_eq!(sender.subscribe().has_changed(), Ok(false));
    other.mark_changed();
    assert_eq!(other.has_changed(), Ok(true));
    other.mark_unchanged();
    assert_eq!(other.has_changed(), Ok(false));
    // Kept over a change.
    let old = receiver.borrow();
    assert_eq!(*sender.send_replace(4), 3);
    assert_eq!((*old, *receiver.borrow()), (3, 4));
    assert!(receiver.same_channel(&other) && sender.same_channel(&sender.clone()));
}

#[test]
fn values_are_changed_in_place() {
    let (sender, mut receiver) = watch::channel(vec![1]);
    sender.send_modify(|list| list.push(2));
    receiver.changed().unwrap();
    assert!(!sender.send_if_modified(|list| {
        list.push(9);
        false
    }));
    assert_eq!(receiver.has_changed(), Ok(false));
    assert!(sender.send_if_modified(|list| list.pop() == Some(2)));
    assert_eq!(*receiver.borrow_and_update(), [1]);
    let panics = std::panic::AssertUnwindSafe(|| {
        sender.send_modify(|list| {
            list.clear();
            panic!("a test");
        })
    });
    assert!(std::panic::catch_unwind(panics).is_err());
    assert_eq!((receiver.has_changed(), sender.borrow().len()), (Ok(false), 1));
    sender.send(vec![]).unwrap();
}

#[test]
fn either_side_closes() {
    let (sender, mut receiver) = watch::channel(1);
    let second = sender.clone();
    assert_eq!((sender.sender_count(), sender.receiver_count()), (2, 1));
    drop(sender);
    second.send(2).unwrap();
    drop(second);
    assert_eq!(receiver.has_changed(), Ok(true));
    assert_eq!(receiver.changed(), Ok(()), "what was not seen comes first");
    assert_eq!((receiver.changed(), receiver.has_changed()), (Err(RecvError), Err(RecvError)));
    assert_eq!(receiver.changed_timeout(SOON), Err(RecvTimeoutError::Closed));
    assert_eq!(receiver.wait_for(|n| *n == 2).as_deref(), Ok(&2));
    assert_eq!(receiver.wait_for(|n| *n == 3), Err(RecvError));
    assert_eq!(*receiver.borrow(), 2);

    let (sender, receiver) = watch::channel(1);
    drop(receiver);
    assert_eq!(sender.send(2), Err(SendError(2)));
    sender.wait_closed();
    assert_eq!(*sender.send_replace(3), 1);
    let again = sender.subscribe();
    assert!(!sender.is_closed() && *again.borrow() == 3);
    sender.send(4).unwrap();
}

#[test]
fn waiting_lets_others_run() {
    each_mode(|| {
        let (sender, mut receiver) = watch::channel(0);
        spawn(move || sender.send(1).unwrap());
        receiver.changed().unwrap();
        assert_eq!(*receiver.borrow(), 1);

        let (sender, receiver) = watch::channel(0);
        let waiter = spawn(move || sender.wait_closed());
        waits(&waiter, "watch closed");
        drop(receiver);
        waiter.join().unwrap();
    });
}

#[test]
fn deadlines_pass() {
    let check = || {
        let (sender, mut receiver) = watch::channel(0);
        let over = Err(RecvTimeoutError::Timeout);
        assert_eq!(receiver.changed_timeout(SOON), over);
        assert_eq!(receiver.changed_deadline(now() + SOON), over);
        assert!(receiver.wait_for_timeout(|n| *n > 0, SOON).is_err());
        assert!(timeout(SOON, || receiver.changed()).is_err());
        assert!(timeout(SOON, || receiver.wait_for(|n| *n > 0).is_ok()).is_err());
        assert!(!sender.wait_closed_timeout(SOON));
        assert!(timeout(SOON, || sender.wait_closed()).is_err());
        sender.send(1).unwrap();
        assert_eq!(receiver.changed_deadline(now()), Ok(()));
        assert!(receiver.wait_for_timeout(|n| *n > 0, Duration::ZERO).is_ok());
    };
    each_mode(check);
    check();
}

#[test]
fn cancelled_waits_leave() {
    each_mode(|| {
        let (sender, receiver) = watch::channel(0);
        let [first, second] = [(); 2].map(|()| {
            let mut receiver = receiver.clone();
            let waiter = spawn(move || receiver.changed());
            waits(&waiter, "watch");
            waiter
        });
        first.cancel();
        assert!(first.join().unwrap_err().is::<Cancelled>());
        until(|| sender.receiver_count() == 2);
        sender.send(1).unwrap();
        assert_eq!(second.join().unwrap(), Ok(()));
        let other = sender.clone();
        let waiter = spawn(move || other.wait_closed());
        waits(&waiter, "watch closed");
        waiter.cancel();
        assert!(waiter.join().unwrap_err().is::<Cancelled>());
        assert_eq!(sender.sender_count(), 1);
    });
}

/// A change that takes its time: nobody who looks waits for it, and no other change gets lost in it.
#[test]
fn a_slow_change_holds_up_senders_only() {
    each_mode(|| {
        let (sender, receiver) = watch::channel(0);
        let other = sender.clone();
        let slow = spawn(move || {
            other.send_modify(|n| {
                sleep(SOON);
                *n += 1;
            });
        });
        waits(&slow, "sleep");
        assert_eq!(*receiver.borrow(), 0);
        let third = sender.clone();
        let waiter = spawn(move || third.send(100));
        waits(&waiter, "semaphore");
        waiter.cancel();
        assert!(waiter.join().unwrap_err().is::<Cancelled>(), "it was not sent");
        sender.send_modify(|n| *n += 10);
        slow.join().unwrap();
        assert_eq!(*receiver.borrow(), 11);
    });
}

#[test]
fn changes_by_several_add_up_in_any_mix() {
    const EACH: usize = 300;
    each_mix(|| {
        let (sender, mut receiver) = watch::channel(0);
        let mut parts: Vec<Part> = Vec::new();
        for _ in 0..3 {
            let sender = sender.clone();
            parts.push(Box::new(move || {
                for n in 0..EACH {
                    sender.send_modify(|sum| {
                        if n % 64 == 0 {
                            yield_now();
                        }
                        *sum += 1;
                    });
                }
            }));
        }
        let mut observer = receiver.clone();
        parts.push(Box::new(move || {
            let mut last = 0;
            while observer.changed().is_ok() {
                let now = *observer.borrow_and_update();
                assert!(now > last, "{now} after {last}");
                last = now;
            }
            assert_eq!(*observer.borrow(), 3 * EACH);
        }));
        parts.push(Box::new(move || {
            assert!(receiver.wait_for(|sum| *sum == 3 * EACH).is_ok());
        }));
        parts
    });
}

/// Values whose clones and destructors use the channel meet no lock.
#[test]
fn user_code_runs_without_a_lock() {
    static USED: AtomicUsize = AtomicUsize::new(0);
    struct Uses(Option<watch::Receiver<u8>>, Option<Arc<watch::Sender<Uses>>>);
    impl Clone for Uses {
        fn clone(&self) -> Uses {
            Uses(self.0.clone(), self.1.clone())
        }
    }
    impl Drop for Uses {
        fn drop(&mut self) {
            if let Some(sender) = self.1.take() {
                USED.fetch_add(sender.receiver_count() + 1, Ordering::Relaxed);
                let _ = sender.send(Uses(None, None));
            }
        }
    }
    let (sender, receiver) = watch::channel(Uses(None, None));
    let sender = Arc::new(sender);
    let uses = || Uses(None, Some(sender.clone()));
    sender.send(uses()).ok().unwrap();
    sender.send(uses()).ok().unwrap();
    sender.send_modify(|_| ());
    drop(receiver);
    assert!(sender.send(uses()).is_err());
    assert!(USED.load(Ordering::Relaxed) > 0);
}
