//! Mutex: exclusion in every mix, order, time limits, cancellation, and holders that panic or leak.

mod common;
#[path = "common/mix.rs"]
mod mix;

use std::mem::forget;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, on_own, until};
use greenwood_runtime::sync::{Mutex, WouldBlock};
use greenwood_runtime::{
    CancelToken, Cancelled, JoinHandle, no_yield, now, sleep, spawn, timeout, yield_now,
};
use mix::in_every_mix;

fn waits(handle: &JoinHandle<impl Send>) {
    until(|| handle.coroutine().waits_for() == Some("mutex"));
}

#[test]
fn nobody_shares_it() {
    const ROUNDS: usize = 400;
    let add = |count: &Mutex<usize>, who: usize| {
        for round in 0..ROUNDS {
            let mut guard = count.lock();
            let before = *guard;
            if (round + who).is_multiple_of(5) {
                yield_now();
            }
            *guard = before + 1;
            drop(guard);
            if (round + who).is_multiple_of(7) {
                yield_now();
            }
        }
    };
    in_every_mix(8, || Mutex::new(0), add, |count| assert_eq!(*count.lock(), 8 * ROUNDS));
}

/// Time limits that pass all the time, beside waiters without one.
#[test]
fn no_wake_up_is_lost_to_time_outs() {
    let work = |(count, done): &(Mutex<usize>, AtomicUsize), who: usize| {
        for round in 0..200 {
            let guard = match who % 3 {
                0 => Some(count.lock()),
                1 => count.try_lock_for(Duration::from_micros(round as u64)),
                _ => count.try_lock_until(now()),
            };
            if let Some(mut guard) = guard {
                *guard += 1;
                done.fetch_add(1, Ordering::Relaxed);
                yield_now();
            }
        }
    };
    in_every_mix(9, Default::default, work, |(count, done)| {
        assert_eq!(*count.try_lock().unwrap(), done.load(Ordering::Relaxed));
    });
}

#[test]
fn cancelled_waiters_pass_their_wake_up_on() {
    each_mode(|| {
        let count = Arc::new(Mutex::new(0));
        for _ in 0..50 {
            let workers: Vec<_> = (0..12)
                .map(|_| {
                    let count = count.clone();
                    spawn(move || {
                        for _ in 0..3 {
                            *count.lock() += 1;
                            let guard = count.lock();
                            yield_now();
                            drop(guard);
                        }
                    })
                })
                .collect();
            yield_now();
            workers.iter().step_by(2).for_each(JoinHandle::cancel);
            for (i, worker) in workers.into_iter().enumerate() {
                let ended = worker.join();
                assert!(ended.is_ok() || i % 2 == 0);
            }
            assert!(count.try_lock().is_ok());
        }
    });
}

#[test]
fn waiting_lets_others_run() {
    on_own(|| {
        let mutex = Arc::new(Mutex::new(()));
        let guard = mutex.lock();
        let other = mutex.clone();
        let waiter = spawn(move || drop(other.lock()));
        waits(&waiter);
        let ran = Arc::new(AtomicBool::new(false));
        let flag = ran.clone();
        spawn(move || flag.store(true, Ordering::Relaxed));
        until(|| ran.load(Ordering::Relaxed));
        assert!(!waiter.is_finished());
        drop(guard);
        waiter.join().unwrap();
    });
}

#[test]
fn waiters_get_it_in_order() {
    each_mode(|| {
        let order = Arc::new(Mutex::new(Vec::new()));
        let guard = order.lock();
        let waiters: Vec<_> = (0..6)
            .map(|i| {
                let order = order.clone();
                let waiter = spawn(move || {
                    let mut order = order.lock();
                    yield_now();
                    order.push(i);
                });
                waits(&waiter);
                waiter
            })
            .collect();
        drop(guard);
        waiters.into_iter().for_each(|w| w.join().unwrap());
        assert_eq!(*order.lock(), [0, 1, 2, 3, 4, 5]);
    });
}

/// Who locks again and again, and is away while it holds the lock, overtakes a waiter once.
#[test]
fn a_waiter_is_not_overtaken_for_ever() {
    on_own(|| {
        let mutex = Arc::new(Mutex::new(0));
        let other = mutex.clone();
        let greedy = spawn(move || {
            for _ in 0..1_000 {
                let mut guard = other.lock();
                *guard += 1;
                yield_now();
            }
        });
        until(|| mutex.try_lock().is_err());
        assert!(*mutex.lock() <= 3);
        greedy.join().unwrap();
    });
}

#[test]
fn time_limits_pass() {
    each_mode(|| {
        let mutex = Mutex::new(());
        let guard = mutex.lock();
        let limit = Duration::from_millis(2);
        let start = now();
        assert!(mutex.try_lock_for(limit).is_none());
        assert!(now() >= start + limit);
        assert!(mutex.try_lock_until(now() + limit).is_none());
        assert!(mutex.try_lock_until(start).is_none());
        assert!(timeout(limit, || drop(mutex.lock())).is_err());
        assert_eq!(mutex.try_lock().unwrap_err(), WouldBlock);
        drop(guard);
        assert!(mutex.try_lock_until(start).is_some());
        assert!(mutex.try_lock_for(Duration::MAX).is_some());
    });
}

#[test]
fn cancelled_while_waiting() {
    each_mode(|| {
        let mutex = Arc::new(Mutex::new(()));
        let guard = mutex.lock();
        let other = mutex.clone();
        let waiter = spawn(move || drop(other.lock()));
        waits(&waiter);
        waiter.cancel();
        assert!(waiter.join().unwrap_err().is::<Cancelled>());

        let token = CancelToken::new();
        let (other, inner) = (mutex.clone(), token.clone());
        let waiter = spawn(move || inner.run(|| drop(other.lock())));
        waits(&waiter);
        token.cancel();
        assert_eq!(waiter.join().unwrap(), Err(Cancelled));
        drop(guard);
        assert!(mutex.try_lock().is_ok());
    });
}

#[test]
fn a_holder_that_panics_or_is_cancelled_leaves_it_free() {
    each_mode(|| {
        let mutex = Arc::new(Mutex::new(0));
        let other = mutex.clone();
        let panics = spawn(move || {
            let mut guard = other.lock();
            *guard = 1;
            std::panic::resume_unwind(Box::new("a test"));
        });
        assert!(panics.join().is_err());
        assert_eq!(*mutex.lock(), 1);

        let other = mutex.clone();
        let sleeps = spawn(move || {
            let mut guard = other.lock();
            *guard = 2;
            sleep(Duration::MAX);
        });
        until(|| sleeps.coroutine().waits_for() == Some("sleep"));
        sleeps.cancel();
        assert_eq!(*mutex.lock(), 2);
    });
}

#[test]
fn a_leaked_guard_leaves_it_taken() {
    let mut mutex = Mutex::new(5);
    forget(mutex.lock());
    assert!(mutex.try_lock().is_err());
    assert_eq!(format!("{mutex:?}"), "Mutex { data: <locked>, .. }");
    *mutex.get_mut() += 1;
    assert_eq!(mutex.into_inner(), 6);
}

#[test]
fn where_suspending_is_off_it_blocks_the_thread() {
    on_own(|| {
        let mutex = Arc::new(Mutex::new(0));
        let other = mutex.clone();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut guard = other.lock();
            tell.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(5));
            *guard = 1;
        });
        no_yield(|| {
            told.recv().unwrap();
            assert_eq!(*mutex.lock(), 1);
        });
        thread.join().unwrap();
    });
}

/// Values whose destructors lock what holds them, and unsized ones.
#[test]
fn any_value() {
    struct Nested(Arc<Mutex<u32>>);
    impl Drop for Nested {
        fn drop(&mut self) {
            *self.0.lock() += 1;
        }
    }
    let count = Arc::new(Mutex::new(0));
    let holder = Mutex::new(Some(Nested(count.clone())));
    *holder.lock() = None;
    drop(Mutex::new(Nested(count.clone())));
    assert_eq!(*count.lock(), 2);

    let slice: &Mutex<[u8]> = &Mutex::new([1, 2, 3]);
    slice.lock()[1] = 9;
    assert_eq!(format!("{slice:?}"), "Mutex { data: [1, 9, 3], .. }");
    assert_eq!(*Mutex::<String>::default().lock(), "");
    assert_eq!(*Mutex::from(3).lock(), 3);
}
