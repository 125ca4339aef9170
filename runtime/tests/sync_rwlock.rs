//! RwLock: writers are alone, nobody is kept out, and who leaves the queue blocks nobody behind.

mod common;
#[path = "common/mix.rs"]
mod mix;

use std::mem::forget;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, until};
use greenwood_runtime::sync::{Mutex, RwLock, RwLockWriteGuard, WouldBlock};
use greenwood_runtime::{Cancelled, JoinHandle, now, spawn, timeout, yield_now};
use mix::in_every_mix;

fn waits(handle: &JoinHandle<impl Send>) {
    until(|| handle.coroutine().waits_for() == Some("rwlock"));
}

#[derive(Default)]
struct Checked {
    lock: RwLock<usize>,
    /// Readers inside, or -1 for a writer.
    inside: AtomicIsize,
    written: AtomicUsize,
}

impl Checked {
    fn reading(&self) {
        assert!(self.inside.fetch_add(1, Ordering::SeqCst) >= 0);
        yield_now();
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }

    fn writing(&self, value: &mut usize) {
        assert_eq!(self.inside.swap(-1, Ordering::SeqCst), 0);
        let before = *value;
        yield_now();
        *value = before + 1;
        self.written.fetch_add(1, Ordering::Relaxed);
        assert_eq!(self.inside.swap(0, Ordering::SeqCst), -1);
    }
}

#[test]
fn writers_are_alone() {
    let work = |checked: &Checked, who: usize| {
        for round in 0..200 {
            let brief = Duration::from_micros(round as u64 % 50);
            match (who + round) % 6 {
                0 | 1 => checked.writing(&mut checked.lock.write()),
                2 => {
                    let mut guard = checked.lock.write();
                    checked.writing(&mut guard);
                    let guard = RwLockWriteGuard::downgrade(guard);
                    checked.reading();
                    drop(guard);
                }
                3 => {
                    let guard = checked.lock.try_read_for(brief);
                    guard.inspect(|_| checked.reading());
                }
                4 => {
                    let guard = checked.lock.try_write_for(brief);
                    guard.into_iter().for_each(|mut guard| checked.writing(&mut guard));
                }
                _ => {
                    let guard = checked.lock.read();
                    checked.reading();
                    drop(guard);
                }
            }
        }
    };
    in_every_mix(9, Checked::default, work, |checked| {
        let written = checked.written.load(Ordering::Relaxed);
        assert_eq!(*checked.lock.try_write().unwrap(), written);
    });
}

#[test]
fn readers_share_it() {
    each_mode(|| {
        let lock = Arc::new(RwLock::new(4));
        let guard = lock.read();
        let other = lock.clone();
        assert_eq!(spawn(move || *other.read()).join().unwrap(), 4);
        assert_eq!(*lock.try_read().unwrap() + *guard, 8);
        assert_eq!(lock.try_write().unwrap_err(), WouldBlock);
    });
}

/// Starts coroutines that note `name` when they have the lock, in the order of `kinds`: "r" or "w".
fn queue_up(lock: &Arc<RwLock<()>>, kinds: &str) -> (Vec<JoinHandle<()>>, Arc<Mutex<String>>) {
    let log = Arc::new(Mutex::new(String::new()));
    let waiters = kinds
        .chars()
        .map(|kind| {
            let (lock, log) = (lock.clone(), log.clone());
            let waiter = spawn(move || {
                let (mut reader, mut writer) = (None, None);
                match kind {
                    'r' => reader = Some(lock.read()),
                    _ => writer = Some(lock.write()),
                }
                log.lock().push(kind);
                (0..3).for_each(|_| yield_now());
                log.lock().push(kind.to_ascii_uppercase());
                drop((reader.take(), writer.take()));
            });
            waits(&waiter);
            waiter
        })
        .collect();
    (waiters, log)
}

/// What happened, readers between two writers sorted: on two workers they are in no order.
fn in_phases(log: &Mutex<String>) -> String {
    let log = log.lock().replace("wW", " w ");
    let phases = log.split_whitespace().map(|phase| {
        let mut phase: Vec<_> = phase.replace('w', "wW").chars().collect();
        if phase[0] != 'w' {
            phase.sort_unstable();
        }
        phase.into_iter().collect::<String>()
    });
    phases.collect::<Vec<_>>().join(" ")
}

/// A writer that waits stops readers that come later, and readers that wait all enter between two writers.
#[test]
fn first_come_first_served() {
    each_mode(|| {
        let lock = Arc::new(RwLock::new(()));
        let guard = lock.read();
        let (waiters, log) = queue_up(&lock, "wrrwr");
        assert!(lock.try_read().is_err(), "a writer waits");
        drop(guard);
        waiters.into_iter().for_each(|w| w.join().unwrap());
        assert_eq!(in_phases(&log), "wW RRrr wW Rr");
    });
}

#[test]
fn a_writer_that_becomes_a_reader_lets_readers_in() {
    each_mode(|| {
        let lock = Arc::new(RwLock::new(()));
        let guard = lock.write();
        let (waiters, log) = queue_up(&lock, "rrwr");
        let guard = RwLockWriteGuard::downgrade(guard);
        until(|| in_phases(&log) == "RRrr");
        (0..5).for_each(|_| yield_now());
        assert_eq!(in_phases(&log), "RRrr");
        drop(guard);
        waiters.into_iter().for_each(|w| w.join().unwrap());
        assert_eq!(in_phases(&log), "RRrr wW Rr");
    });
}

#[test]
fn a_writer_that_stops_waiting_lets_readers_in() {
    each_mode(|| {
        let lock = Arc::new(RwLock::new(()));
        let guard = lock.read();
        let (mut waiters, log) = queue_up(&lock, "wr");
        let reader = waiters.pop().unwrap();
        let writer = waiters.pop().unwrap();
        writer.cancel();
        assert!(writer.join().unwrap_err().is::<Cancelled>());
        reader.join().unwrap();
        assert_eq!(*log.lock(), "rR");

        let other = lock.clone();
        let brief = Duration::from_millis(2);
        let writer = spawn(move || other.try_write_for(brief).is_some());
        waits(&writer);
        drop(lock.read());
        assert!(!writer.join().unwrap());
        drop(guard);
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn time_limits_pass() {
    each_mode(|| {
        let lock = RwLock::new(());
        let limit = Duration::from_millis(2);
        let start = now();
        let guard = lock.write();
        assert!(lock.try_read_for(limit).is_none());
        assert!(now() >= start + limit);
        assert!(lock.try_read_until(start).is_none());
        assert!(timeout(limit, || drop(lock.read())).is_err());
        drop(guard);
        let guard = lock.read();
        assert!(lock.try_write_for(limit).is_none());
        assert!(lock.try_write_until(start).is_none());
        assert!(timeout(limit, || drop(lock.write())).is_err());
        assert!(lock.try_read_until(start).is_some());
        drop(guard);
        assert!(lock.try_write_until(start).is_some());
        assert!(lock.try_write_for(Duration::MAX).is_some());
    });
}

#[test]
fn cancelled_at_any_point() {
    each_mode(|| {
        let lock = Arc::new(RwLock::new(0));
        for _ in 0..50 {
            let workers: Vec<_> = (0..12)
                .map(|i| {
                    let lock = lock.clone();
                    spawn(move || {
                        for n in 0..4 {
                            if (i + n) % 3 == 0 {
                                let mut guard = lock.write();
                                yield_now();
                                *guard += 1;
                            } else {
                                let _guard = lock.read();
                                yield_now();
                            }
                        }
                    })
                })
                .collect();
            yield_now();
            workers.iter().step_by(2).for_each(JoinHandle::cancel);
            for (i, worker) in workers.into_iter().enumerate() {
                assert!(worker.join().is_ok() || i % 2 == 0);
            }
            assert!(lock.try_write().is_ok());
        }
    });
}

#[test]
fn holders_that_panic_or_leak() {
    each_mode(|| {
        let mut lock = Arc::new(RwLock::new(0));
        let other = lock.clone();
        let panics = spawn(move || {
            *other.write() += 1;
            let _reader = other.read();
            std::panic::resume_unwind(Box::new("a test"));
        });
        assert!(panics.join().is_err());
        let mut guard = lock.write();
        *guard += 1;
        forget(guard);
        assert!(lock.try_read().is_err());
        assert_eq!(format!("{lock:?}"), "RwLock { data: <locked>, .. }");
        until(|| Arc::strong_count(&lock) == 1);
        assert_eq!(*Arc::get_mut(&mut lock).unwrap().get_mut(), 2);

        let lock = RwLock::from(3);
        forget(lock.read());
        assert!(lock.try_write().is_err());
        assert_eq!(format!("{lock:?} {}", lock.read()), "RwLock { data: 3, .. } 3");
        assert_eq!(lock.into_inner(), 3);
    });
}
