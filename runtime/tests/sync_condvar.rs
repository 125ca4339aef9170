//! Condvar: no notification is lost, and every wait that returns has the lock.

mod common;
#[path = "common/mix.rs"]
mod mix;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use common::{each_mode, until};
use greenwood_runtime::sync::{Condvar, Mutex};
use greenwood_runtime::{Cancelled, JoinHandle, now, spawn, timeout, yield_now};
use mix::in_every_mix;

fn waits(handle: &JoinHandle<impl Send>) {
    until(|| handle.coroutine().waits_for() == Some("condvar"));
}

#[derive(Default)]
struct Buffer {
    items: Mutex<VecDeque<usize>>,
    changed: [Condvar; 2],
    received: Mutex<Vec<usize>>,
}

/// A bounded buffer by two condition variables: a lost notification hangs it.
#[test]
fn producers_and_consumers() {
    const EACH: usize = 300;
    let work = |buffer: &Buffer, who: usize| {
        let [room, more] = &buffer.changed;
        for n in 0..EACH {
            if who.is_multiple_of(2) {
                let mut items = room.wait_while(buffer.items.lock(), |items| items.len() == 2);
                items.push_back(who * EACH + n);
                drop(items);
                more.notify_one();
            } else {
                let mut items = more.wait_while(buffer.items.lock(), |items| items.is_empty());
                let item = items.pop_front().unwrap();
                room.notify_one();
                drop(items);
                buffer.received.lock().push(item);
            }
        }
    };
    in_every_mix(8, Buffer::default, work, |buffer| {
        let mut received = buffer.received.lock();
        received.sort_unstable();
        let sent: Vec<_> = (0..8).step_by(2).flat_map(|w| w * EACH..(w + 1) * EACH).collect();
        assert_eq!(*received, sent);
    });
}

#[test]
fn all_are_notified() {
    let make = || (Mutex::new((0, 0)), Condvar::new());
    let round = |(state, changed): &(Mutex<(usize, usize)>, Condvar), _: usize| {
        for round in 1..=100 {
            let mut guard = state.lock();
            guard.0 += 1;
            if guard.0 == 6 {
                *guard = (0, round);
                changed.notify_all();
            }
            drop(changed.wait_while(guard, |state| state.1 < round));
        }
    };
    in_every_mix(6, make, round, |(state, _)| assert_eq!(*state.lock(), (0, 100)));
}

#[test]
fn one_at_a_time_in_order() {
    each_mode(|| {
        let shared = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let waiters: Vec<_> = (0..4)
            .map(|i| {
                let shared = shared.clone();
                let waiter = spawn(move || {
                    let mut woken = shared.1.wait(shared.0.lock());
                    woken.push(i);
                });
                waits(&waiter);
                waiter
            })
            .collect();
        for n in 1..=4 {
            shared.1.notify_one();
            until(|| shared.0.lock().len() == n);
            (0..5).for_each(|_| yield_now());
            assert_eq!(shared.0.lock().len(), n);
        }
        assert_eq!(*shared.0.lock(), [0, 1, 2, 3]);
        waiters.into_iter().for_each(|w| w.join().unwrap());
    });
}

#[test]
fn a_notification_before_the_wait_is_not_kept() {
    each_mode(|| {
        let (mutex, condvar) = (Mutex::new(()), Condvar::new());
        condvar.notify_one();
        condvar.notify_all();
        let limit = Duration::from_millis(2);
        let start = now();
        let (guard, result) = condvar.wait_timeout(mutex.lock(), limit);
        assert!(result.timed_out());
        assert!(now() >= start + limit);
        assert!(mutex.try_lock().is_err(), "the lock is held again");
        let (guard, result) = condvar.wait_until(guard, start);
        assert!(result.timed_out());
        let (guard, result) = condvar.wait_timeout_while(guard, limit, |()| true);
        assert!(result.timed_out());
        let (guard, result) = condvar.wait_timeout_while(guard, limit, |()| false);
        assert!(!result.timed_out());
        drop(guard);
        assert!(mutex.try_lock().is_ok());
    });
}

/// The time is over, but the lock is taken: it returns when it has it.
#[test]
fn a_time_out_waits_for_the_lock() {
    each_mode(|| {
        let shared = Arc::new((Mutex::new(0), Condvar::new()));
        let other = shared.clone();
        let waiter = spawn(move || {
            let soon = Duration::from_micros(100);
            let (guard, result) = other.1.wait_timeout(other.0.lock(), soon);
            (*guard, result.timed_out())
        });
        waits(&waiter);
        let mut guard = shared.0.lock();
        until(|| waiter.coroutine().waits_for() == Some("mutex"));
        waiter.cancel();
        (0..5).for_each(|_| yield_now());
        assert!(!waiter.is_finished(), "getting the lock again is not interrupted");
        *guard = 7;
        drop(guard);
        assert_eq!(waiter.join().unwrap(), (7, true));
    });
}

#[test]
fn interrupted_it_unwinds_without_the_lock() {
    each_mode(|| {
        let shared = Arc::new((Mutex::new(0), Condvar::new()));
        let other = shared.clone();
        let waiter = spawn(move || drop(other.1.wait(other.0.lock())));
        waits(&waiter);
        let guard = shared.0.lock();
        waiter.cancel();
        assert!(waiter.join().unwrap_err().is::<Cancelled>());
        drop(guard);
        let limit = Duration::from_millis(1);
        assert!(timeout(limit, || drop(shared.1.wait(shared.0.lock()))).is_err());
        assert!(shared.0.try_lock().is_ok());
    });
}

/// Cancelled at any point, beside others: whoever was notified returns, or the notification is there for another.
#[test]
fn cancelled_waiters_lose_no_notification() {
    each_mode(|| {
        for _ in 0..100 {
            let tokens = Arc::new((Mutex::new(0), Condvar::new()));
            let takers: Vec<_> = (0..4)
                .map(|_| {
                    let tokens = tokens.clone();
                    spawn(move || {
                        let mut count = tokens.1.wait_while(tokens.0.lock(), |count| *count == 0);
                        *count -= 1;
                    })
                })
                .collect();
            let other = tokens.clone();
            let giver = spawn(move || {
                for _ in 0..4 {
                    *other.0.lock() += 1;
                    other.1.notify_one();
                    yield_now();
                }
            });
            takers.iter().step_by(2).for_each(JoinHandle::cancel);
            giver.join().unwrap();
            let taken = takers.into_iter().map(|t| t.join()).filter(Result::is_ok).count();
            assert!(taken >= 2);
            assert_eq!(*tokens.0.lock(), 4 - taken);
        }
    });
}

#[test]
fn with_two_mutexes_each_gets_its_own_back() {
    each_mode(|| {
        let shared = Arc::new(([Mutex::new(0), Mutex::new(0)], Condvar::new()));
        let waiters: Vec<_> = (0..2)
            .map(|i| {
                let shared = shared.clone();
                let waiter = spawn(move || {
                    let mut guard = shared.1.wait_while(shared.0[i].lock(), |value| *value == 0);
                    *guard += 1;
                });
                waits(&waiter);
                waiter
            })
            .collect();
        shared.0.iter().for_each(|mutex| *mutex.lock() = 1);
        shared.1.notify_all();
        waiters.into_iter().for_each(|w| w.join().unwrap());
        assert!(shared.0.iter().all(|mutex| *mutex.lock() == 2));
    });
}

#[test]
fn a_condition_that_panics_gives_up_the_lock() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    let panics = std::panic::AssertUnwindSafe(|| {
        drop(condvar.wait_while(mutex.lock(), |_| std::panic::resume_unwind(Box::new("a test"))));
    });
    assert!(std::panic::catch_unwind(panics).is_err());
    assert!(mutex.try_lock().is_ok());
}
