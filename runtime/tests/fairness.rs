//! Nobody is kept out: by descriptors that are always ready, by sleepers, by new coroutines. Asserted by counts, not by time.

mod common;

use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, each_runtime, until, watchdog};
use greenwood_runtime::readiness::{Interest, Source};
use greenwood_runtime::{Builder, Placement, Runtime, checkpoint, sleep, spawn, yield_now};

/// Set to end the background, which would go on for ever.
#[derive(Clone, Default)]
struct Stop(Arc<AtomicBool>);

impl Stop {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// A thousand that read what never ends.
#[test]
fn ready_descriptors_keep_nobody_out() {
    each_mode(|| {
        let (from, mut to) = io::pipe().unwrap();
        to.write_all(&[0]).unwrap();
        let (from, stop) = (Arc::new(from), Stop::default());
        let operations = Arc::new(AtomicUsize::new(0));
        let readers: Vec<_> = (0..1_000)
            .map(|_| {
                let (from, stop, operations) = (from.clone(), stop.clone(), operations.clone());
                let read = move || {
                    let source = Source::new();
                    while !stop.is_set() {
                        let op = || {
                            let mut waiting: libc::c_int = 0;
                            // SAFETY: writes to a number that lives over the call.
                            unsafe { libc::ioctl(from.as_raw_fd(), libc::FIONREAD, &mut waiting) };
                            Ok(waiting)
                        };
                        source.perform(from.as_fd(), Interest::Read, None, op, |_| false).unwrap();
                        operations.fetch_add(1, Ordering::Relaxed);
                    }
                };
                Builder::new().placement(Placement::Here).spawn(read).unwrap()
            })
            .collect();
        until(|| operations.load(Ordering::Relaxed) > 1_000);
        // A sleeper, a newcomer and one that waits for a descriptor all get their turn.
        sleep(Duration::from_millis(1));
        Builder::new().placement(Placement::Here).spawn(|| ()).unwrap().join().unwrap();
        let (other, mut end) = io::pipe().unwrap();
        let waiter = Builder::new().placement(Placement::Here).spawn(move || {
            greenwood_runtime::readiness::wait_readable(other.as_fd(), None).unwrap();
        });
        end.write_all(&[1]).unwrap();
        waiter.unwrap().join().unwrap();
        assert!(readers.iter().all(|r| !r.is_finished()));
        stop.0.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|r| r.join().unwrap());
    });
}

#[test]
fn a_budget_ends_every_turn() {
    each_mode(|| {
        let (stop, turns) = (Stop::default(), Arc::new(AtomicUsize::new(0)));
        let (end, count) = (stop.clone(), turns.clone());
        let body = move || {
            while !end.is_set() {
                count.fetch_add(1, Ordering::Relaxed);
                yield_now();
            }
        };
        let other = Builder::new().placement(Placement::Here).spawn(body).unwrap();
        while turns.load(Ordering::Relaxed) == 0 {
            yield_now();
        }
        let before = turns.load(Ordering::Relaxed);
        (0..1_000).for_each(|_| checkpoint());
        assert!(turns.load(Ordering::Relaxed) >= before + 10);
        stop.0.store(true, Ordering::Relaxed);
        other.join().unwrap();
    });
}

/// Sleepers whose work takes longer than their sleep are always due. Those that are ready must run all the same.
#[test]
fn sleepers_that_are_always_due_keep_nobody_out() {
    each_mode(|| {
        let (stop, rounds) = (Stop::default(), Arc::new(AtomicUsize::new(0)));
        let here = || Builder::new().placement(Placement::Here);
        let sleepers: Vec<_> = (0..300)
            .map(|_| {
                let (stop, rounds) = (stop.clone(), rounds.clone());
                here()
                    .spawn(move || {
                        while !stop.is_set() {
                            (0..2_000).for_each(|_| std::hint::spin_loop());
                            rounds.fetch_add(1, Ordering::Relaxed);
                            sleep(Duration::from_nanos(1));
                        }
                    })
                    .unwrap()
            })
            .collect();
        until(|| rounds.load(Ordering::Relaxed) > 300);
        let (turns, end) = (Arc::new(AtomicUsize::new(0)), stop.clone());
        let count = turns.clone();
        let ready = here().spawn(move || {
            while !end.is_set() {
                count.fetch_add(1, Ordering::Relaxed);
                yield_now();
            }
        });
        // Ends it in any case, so that a failure is one.
        let (end, seen) = (stop.clone(), rounds.clone());
        let limit = rounds.load(Ordering::Relaxed) + 30_000;
        let judge = here().spawn(move || {
            while !end.is_set() && seen.load(Ordering::Relaxed) < limit {
                sleep(Duration::from_nanos(1));
            }
            end.0.store(true, Ordering::Relaxed);
        });
        while turns.load(Ordering::Relaxed) < 20 && !stop.is_set() {
            sleep(Duration::from_nanos(1));
        }
        stop.0.store(true, Ordering::Relaxed);
        judge.unwrap().join().unwrap();
        sleepers.into_iter().for_each(|s| s.join().unwrap());
        ready.unwrap().join().unwrap();
        let (turns, rounds) = (turns.load(Ordering::Relaxed), rounds.load(Ordering::Relaxed));
        assert!(turns >= 20, "{turns} turns while the sleepers had {rounds}");
    });
}

/// Coroutines that are placed, each by the one before, do not keep out those that may run anywhere.
#[test]
fn placed_newcomers_keep_no_others_out() {
    fn chain(stop: Stop, links: Arc<AtomicUsize>) {
        // Ends at last, so that a failure is one.
        if !stop.is_set() && links.fetch_add(1, Ordering::Relaxed) < 1_000_000 {
            let here = Builder::new().placement(Placement::Here);
            here.spawn(move || chain(stop, links)).unwrap();
        }
    }
    each_runtime(|runtime| {
        let (stop, links) = (Stop::default(), Arc::new(AtomicUsize::new(0)));
        for worker in 0..runtime.workers() {
            let (stop, links) = (stop.clone(), links.clone());
            let place = Builder::new().placement(Placement::Worker(worker));
            runtime.spawn_with(place, move || chain(stop, links)).unwrap();
        }
        while links.load(Ordering::Relaxed) < 1_000 {
            std::thread::yield_now();
        }
        let at = runtime.spawn({
            let links = links.clone();
            move || links.load(Ordering::Relaxed)
        });
        let at = at.join().unwrap();
        stop.0.store(true, Ordering::Relaxed);
        assert!(at < 1_000_000, "it ran only after the chain had ended");
    });
}

/// New coroutines get in while those that have started never rest, and the other way round.
#[test]
fn newcomers_and_the_started_share() {
    let _watched = watchdog();
    let runtime = Runtime::builder().workers(1).build().unwrap();
    runtime.run(|| {
        let stop = Stop::default();
        let busy: Vec<_> = (0..500)
            .map(|_| {
                let stop = stop.clone();
                spawn(move || until(|| stop.is_set()))
            })
            .collect();
        yield_now();
        let turns = Arc::new(AtomicUsize::new(0));
        for _ in 0..100 {
            let count = turns.clone();
            spawn(move || count.fetch_add(1, Ordering::Relaxed)).join().unwrap();
        }
        assert_eq!(turns.load(Ordering::Relaxed), 100);
        stop.0.store(true, Ordering::Relaxed);
        busy.into_iter().for_each(|b| b.join().unwrap());
    });
}
