//! Selects over what is no channel: coroutines that finish, and descriptors that are ready.

mod channels;
mod common;

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use channels::each_mix;
use common::{each_mode, until, watchdog};
use greenwood_runtime::channel::{Receiver, after, bounded, never, select, select_biased};
use greenwood_runtime::{Cancelled, no_yield, sleep, spawn, yield_now};

#[test]
fn a_coroutine_finishes() {
    each_mix(|mix| {
        let (go, gone) = bounded::<()>(0);
        let mut work = spawn(move || gone.recv().is_err());
        let waits = mix.start(0, move || {
            let mut turns = 0;
            loop {
                select! {
                    join(work) -> result => return (result.unwrap(), turns),
                    recv(never::<u8>()) -> _ => unreachable!(),
                    default(Duration::from_millis(1)) => turns += 1,
                }
                if turns == 3 {
                    return (work.join().unwrap(), turns);
                }
            }
        });
        let other = mix.start(1, move || {
            sleep(Duration::from_millis(2));
            drop(go);
        });
        assert!(waits.join().0);
        other.join();
        // One that panics, and one that is cancelled.
        let mut panics = spawn(|| std::panic::resume_unwind(Box::new(5)));
        let mut sleeps = spawn(|| sleep(Duration::MAX));
        sleeps.cancel();
        for _ in 0..2 {
            let waits = mix.start(0, move || {
                let result = select! {
                    join(panics) -> result => result,
                    join(&mut sleeps) -> result => result,
                };
                result.unwrap_err()
            });
            let payload = waits.join();
            assert!(payload.is::<i32>() || payload.is::<Cancelled>());
            panics = spawn(|| std::panic::resume_unwind(Box::new(6)));
            sleeps = spawn(|| sleep(Duration::MAX));
            sleeps.cancel();
        }
    });
}

/// The handle is free again when another operation was selected.
#[test]
fn a_handle_that_was_not_selected() {
    each_mode(|| {
        let (s, r) = bounded(0);
        let (go, gone) = bounded::<()>(0);
        let mut work = spawn(move || assert!(gone.recv().is_err()));
        for i in 0..20 {
            let s = s.clone();
            let sender = spawn(move || s.send(i).unwrap());
            select! {
                join(work) -> _ => unreachable!(),
                recv(r) -> m => assert_eq!(m, Ok(i)),
            }
            sender.join().unwrap();
        }
        assert!(!work.is_finished());
        drop(go);
        work.join().unwrap();
    });
}

/// The end comes while the select looks, waits, or leaves.
#[test]
fn ends_at_any_time() {
    each_mix(|mix| {
        let parties: Vec<_> = (0..4)
            .map(|n| {
                mix.start(n, move || {
                    for i in 0..100 {
                        let mut work = spawn(move || (0..i % 4).for_each(|_| yield_now()));
                        let (s, r) = bounded(1);
                        let other = spawn(move || s.send(i));
                        select! {
                            join(work) -> result => result.unwrap(),
                            recv(r) -> m => { assert_eq!(m, Ok(i)); work.join().unwrap() }
                        }
                        let _ = other.join();
                    }
                })
            })
            .collect();
        parties.into_iter().for_each(|p| p.join());
    });
}

#[test]
#[should_panic = "taken by a select"]
fn a_result_is_taken_once() {
    let mut work = spawn(|| 5);
    select! {
        join(work) -> result => assert_eq!(result.unwrap(), 5),
        recv(never::<u8>()) -> _ => unreachable!(),
    }
    let _ = work.join();
}

#[test]
fn a_descriptor_becomes_ready() {
    each_mix(|mix| {
        let (mut from, mut to) = io::pipe().unwrap();
        let reader = mix.start(0, move || {
            let mut idle = 0;
            let byte = loop {
                select! {
                    readable(from) -> result => {
                        result.unwrap();
                        let mut byte = [0];
                        from.read_exact(&mut byte).unwrap();
                        break byte[0];
                    }
                    recv(never::<u8>()) -> _ => unreachable!(),
                    default(Duration::from_millis(1)) => idle += 1,
                }
            };
            (byte, idle)
        });
        let writer = mix.start(1, move || {
            sleep(Duration::from_millis(3));
            select_biased! {
                writable(&to) -> result => result.unwrap(),
                recv(never::<u8>()) -> _ => unreachable!(),
            }
            to.write_all(&[7]).unwrap();
        });
        writer.join();
        assert_eq!(reader.join().0, 7);
    });
}

/// Others run while it waits.
#[test]
fn a_wait_for_a_descriptor_suspends() {
    each_mode(|| {
        let (from, to) = io::pipe().unwrap();
        let handle = spawn(move || {
            select! {
                readable(&from) -> result => result.unwrap(),
                join(spawn(|| sleep(Duration::MAX))) -> _ => unreachable!(),
            }
        });
        until(|| handle.coroutine().waits_for() == Some("select"));
        // The end of the file is ready, too.
        drop(to);
        handle.join().unwrap();
    });
}

#[test]
fn where_it_may_not_switch() {
    let _watched = watchdog();
    each_mode(|| {
        let (from, mut to) = io::pipe().unwrap();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(3));
            to.write_all(&[1]).unwrap();
        });
        no_yield(|| {
            select! {
                readable(from) -> result => result.unwrap(),
                recv(never::<u8>()) -> _ => unreachable!(),
            }
        });
        thread.join().unwrap();
    });
}

#[test]
fn cancelled_meanwhile() {
    each_mode(|| {
        let (from, _to) = io::pipe().unwrap();
        let ends = Arc::new(AtomicUsize::new(0));
        let (go, gone): (_, Receiver<()>) = bounded(0);
        let count = ends.clone();
        let handle = spawn(move || {
            let mut work = spawn(move || {
                assert!(gone.recv().is_err());
                count.fetch_add(1, Ordering::Relaxed)
            });
            select! {
                readable(from) -> _ => {}
                join(work) -> _ => {}
                recv(after(Duration::from_secs(3600))) -> _ => {}
            }
        });
        until(|| handle.coroutine().waits_for() == Some("select"));
        handle.cancel();
        assert!(handle.join().is_err());
        drop(go);
        until(|| ends.load(Ordering::Relaxed) == 1);
    });
}
