//! Cancellation, wherever it finds the coroutine.

mod common;

use std::io;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use common::{each_mode, in_child, on_own, own, text, until, watchdog};
use greenwood_runtime::park::{self, Reason, Wake};
use greenwood_runtime::readiness::wait_readable;
use greenwood_runtime::{
    Builder, Cancelled, JoinHandle, Placement, offload, scope, sleep, spawn, yield_now,
};

#[track_caller]
fn assert_cancelled<T: std::fmt::Debug>(handle: JoinHandle<T>) {
    assert!(handle.join().unwrap_err().is::<Cancelled>());
}

fn waits(handle: &JoinHandle<impl Send>, reason: &str) {
    until(|| handle.coroutine().waits_for() == Some(reason));
}

#[test]
fn before_the_start() {
    each_mode(|| {
        let ran = Arc::new(AtomicBool::new(false));
        let flag = ran.clone();
        let here = Builder::new().placement(Placement::Here);
        let handle = here.spawn(move || flag.store(true, Ordering::Relaxed)).unwrap();
        handle.cancel();
        assert_cancelled(handle);
        assert!(!ran.load(Ordering::Relaxed));
        assert_eq!(Arc::strong_count(&ran), 1, "the closure was dropped");
    });
}

/// What it captured is dropped by destructors that wait as ever, as is a result that nobody asks for.
#[test]
fn destructors_wait_outside_of_its_function() {
    struct Waits(Arc<AtomicBool>);
    impl Drop for Waits {
        fn drop(&mut self) {
            sleep(Duration::from_millis(2));
            self.0.store(true, Ordering::Relaxed);
        }
    }
    each_mode(|| {
        let dropped = Arc::new(AtomicBool::new(false));
        let captured = Waits(dropped.clone());
        let here = Builder::new().placement(Placement::Here);
        let handle = here.spawn(move || drop(captured)).unwrap();
        handle.cancel();
        assert_cancelled(handle);
        assert!(dropped.load(Ordering::Relaxed));

        let dropped = Arc::new(AtomicBool::new(false));
        let result = Waits(dropped.clone());
        let go = Arc::new(AtomicBool::new(false));
        let gone = go.clone();
        let handle = spawn(move || {
            until(|| gone.load(Ordering::Relaxed));
            result
        });
        until(|| Arc::strong_count(&go) == 2);
        // Started, if it is to be.
        (0..10).for_each(|_| yield_now());
        handle.cancel();
        drop(handle);
        go.store(true, Ordering::Relaxed);
        until(|| dropped.load(Ordering::Relaxed));
    });
}

#[test]
fn by_itself() {
    each_mode(|| {
        let (give, given) = channel::<JoinHandle<()>>();
        let (ends, ended) = channel();
        let handle = spawn(move || {
            let me = loop {
                match given.try_recv() {
                    Ok(me) => break me,
                    Err(_) => yield_now(),
                }
            };
            me.cancel();
            ends.send(me).unwrap();
            sleep(Duration::MAX);
        });
        give.send(handle).unwrap();
        until(|| match ended.try_recv() {
            Ok(handle) => {
                assert_cancelled(handle);
                true
            }
            Err(_) => false,
        });
    });
}

#[test]
fn in_every_wait() {
    each_mode(|| {
        let sleeper = spawn(|| sleep(Duration::from_secs(3600)));
        let for_ever = spawn(|| sleep(Duration::MAX));
        waits(&sleeper, "sleep");
        waits(&for_ever, "sleep");
        sleeper.cancel();
        for_ever.cancel();
        assert_cancelled(sleeper);
        assert_cancelled(for_ever);

        let child = spawn(|| sleep(Duration::MAX));
        let coroutine = child.coroutine();
        let (keep, kept) = channel();
        let joiner = spawn(move || {
            keep.send(child.coroutine()).unwrap();
            child.join().unwrap()
        });
        waits(&joiner, "join");
        joiner.cancel();
        assert_cancelled(joiner);
        assert_eq!(kept.recv().unwrap().id(), coroutine.id());

        let parked = spawn(|| {
            loop {
                let wake = park::park(&Reason("a test"), None);
                if wake != Wake::Unparked {
                    return wake;
                }
            }
        });
        waits(&parked, "a test");
        parked.cancel();
        assert!(matches!(parked.join().unwrap(), Wake::Interrupted(i) if i.is_cancelled()));

        let reader = spawn(|| {
            let (from, _to) = io::pipe().unwrap();
            wait_readable(from.as_fd(), None).unwrap_err().raw_os_error()
        });
        waits(&reader, "readiness");
        reader.cancel();
        assert_eq!(reader.join().unwrap(), Some(libc::ECANCELED));

        let (end, ended) = channel::<()>();
        let offloaded = spawn(move || offload(move || ended.recv().is_ok()));
        waits(&offloaded, "offload");
        offloaded.cancel();
        assert_cancelled(offloaded);
        end.send(()).unwrap();
    });
}

/// I/O reports it once; whatever waits after that unwinds.
#[test]
fn after_the_error_the_next_wait_unwinds() {
    each_mode(|| {
        let steps = Arc::new(AtomicUsize::new(0));
        let count = steps.clone();
        let reader = spawn(move || {
            let (from, _to) = io::pipe().unwrap();
            assert!(wait_readable(from.as_fd(), None).is_err());
            count.fetch_add(1, Ordering::Relaxed);
            // Not a blocking call.
            yield_now();
            count.fetch_add(1, Ordering::Relaxed);
            let _ = wait_readable(from.as_fd(), None);
            count.fetch_add(1, Ordering::Relaxed);
        });
        waits(&reader, "readiness");
        reader.cancel();
        assert_cancelled(reader);
        assert_eq!(steps.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn from_another_worker_and_from_threads() {
    let _watched = watchdog();
    let runtime = own(2);
    for round in 0..200 {
        let place = Builder::new().placement(Placement::Worker(round % 2));
        let handle = runtime.spawn_with(place, || sleep(Duration::MAX)).unwrap();
        if round % 3 == 0 {
            handle.cancel();
        } else {
            let other = Builder::new().placement(Placement::Worker((round + 1) % 2));
            let canceller = runtime.spawn_with(other, move || {
                if round % 2 == 0 {
                    waits(&handle, "sleep");
                }
                handle.cancel();
                handle.cancel();
                assert_cancelled(handle);
            });
            canceller.unwrap().join().unwrap();
            continue;
        }
        assert_cancelled(handle);
    }
}

#[test]
fn of_a_finished_one() {
    each_mode(|| {
        let handle = spawn(|| 5);
        until(|| handle.is_finished());
        handle.cancel();
        assert_eq!(handle.join().unwrap(), 5);
    });
}

#[test]
fn one_that_never_waits_again_succeeds() {
    each_mode(|| {
        let go = Arc::new(AtomicBool::new(false));
        let gone = go.clone();
        let started = Arc::new(AtomicBool::new(false));
        let start = started.clone();
        let handle = spawn(move || {
            start.store(true, Ordering::Relaxed);
            until(|| gone.load(Ordering::Relaxed));
            6
        });
        until(|| started.load(Ordering::Relaxed));
        handle.cancel();
        go.store(true, Ordering::Relaxed);
        assert_eq!(handle.join().unwrap(), 6);
    });
}

#[test]
fn who_swallows_it_meets_it_again() {
    each_mode(|| {
        let caught = Arc::new(AtomicUsize::new(0));
        let count = caught.clone();
        let handle = spawn(move || {
            for _ in 0..3 {
                let unwound = catch_unwind(|| sleep(Duration::MAX)).unwrap_err();
                assert!(unwound.is::<Cancelled>());
                count.fetch_add(1, Ordering::Relaxed);
            }
            sleep(Duration::from_millis(1));
        });
        waits(&handle, "sleep");
        handle.cancel();
        assert_cancelled(handle);
        assert_eq!(caught.load(Ordering::Relaxed), 3);
    });
}

/// Destructors that run while it unwinds wait as ever; in the meantime, with own thread-locals, the others run.
#[test]
fn destructors_wait_while_unwinding() {
    struct Sleeps(Arc<AtomicUsize>);
    impl Drop for Sleeps {
        fn drop(&mut self) {
            assert!(std::thread::panicking());
            let others = self.0.load(Ordering::Relaxed);
            sleep(Duration::from_millis(2));
            assert!(self.0.load(Ordering::Relaxed) > others);
        }
    }
    on_own(|| {
        let turns = Arc::new(AtomicUsize::new(0));
        let count = turns.clone();
        let handle = spawn(move || {
            let _sleeps = Sleeps(count);
            sleep(Duration::MAX);
        });
        waits(&handle, "sleep");
        handle.cancel();
        // A second one, in the destructor, changes nothing.
        until(|| {
            turns.fetch_add(1, Ordering::Relaxed);
            assert!(!std::thread::panicking());
            handle.cancel();
            handle.is_finished()
        });
        assert_cancelled(handle);
    });
}

#[test]
fn a_scope_waits_for_its_children_all_the_same() {
    each_mode(|| {
        let go = AtomicBool::new(false);
        let value = AtomicUsize::new(0);
        let inner_done = AtomicBool::new(false);
        scope(|s| {
            let parent = s.spawn(|| {
                scope(|s| {
                    s.spawn(|| {
                        until(|| go.load(Ordering::Relaxed));
                        value.store(9, Ordering::Relaxed);
                    });
                });
                inner_done.store(true, Ordering::Relaxed);
                sleep(Duration::MAX);
            });
            until(|| parent.coroutine().waits_for() == Some("scope"));
            parent.cancel();
            (0..20).for_each(|_| yield_now());
            assert!(!parent.is_finished());
            go.store(true, Ordering::Relaxed);
            assert!(parent.join().unwrap_err().is::<Cancelled>());
            assert_eq!(value.load(Ordering::Relaxed), 9);
            assert!(inner_done.load(Ordering::Relaxed), "the scope itself ends normally");
        });
    });
}

/// Thread-locals' destructors may wait in a coroutine that was cancelled, as in any other.
#[test]
fn thread_locals_destructors_wait_after_a_cancellation() {
    let name = "thread_locals_destructors_wait_after_a_cancellation";
    let Some(out) = in_child(name, || destructors_after(false)) else { return };
    assert!(out.status.success(), "{}", text(&out));
}

#[test]
fn coroutine_locals_destructors_wait_after_a_cancellation() {
    let name = "coroutine_locals_destructors_wait_after_a_cancellation";
    let Some(out) = in_child(name, || destructors_after(true)) else { return };
    assert!(out.status.success(), "{}", text(&out));
}

/// A cancellation that comes only when the destructors run is too late to be noticed.
#[test]
fn a_cancellation_during_thread_locals_destructors() {
    let name = "a_cancellation_during_thread_locals_destructors";
    let scenario = || {
        on_own(|| {
            let handle = spawn(|| LAST.with(|_| 4));
            waits(&handle, "sleep");
            handle.cancel();
            assert_eq!(handle.join().unwrap(), 4);
        });
    };
    let Some(out) = in_child(name, scenario) else { return };
    assert!(out.status.success(), "{}", text(&out));
}

struct WaitsInDrop;
impl Drop for WaitsInDrop {
    fn drop(&mut self) {
        sleep(Duration::from_millis(5));
        ENDED.fetch_add(1, Ordering::Relaxed);
    }
}
static ENDED: AtomicUsize = AtomicUsize::new(0);
thread_local! {
    static LAST: WaitsInDrop = const { WaitsInDrop };
}
greenwood_runtime::coroutine_local! {
    static COROUTINE_LAST: WaitsInDrop = WaitsInDrop;
}

fn destructors_after(coroutine_local: bool) {
    on_own(|| {
        let handle = spawn(move || {
            if coroutine_local {
                COROUTINE_LAST.with(|_| ());
            } else {
                LAST.with(|_| ());
            }
            park::park(&Reason("a test"), None);
            sleep(Duration::MAX);
        });
        waits(&handle, "a test");
        handle.cancel();
        assert_cancelled(handle);
        assert_eq!(ENDED.load(Ordering::Relaxed), 1);
    });
}

/// Cancelled in the middle of many coroutines' lives, at whatever point that finds them.
#[test]
fn storms_end() {
    let _watched = watchdog();
    let runtime = own(2);
    for _ in 0..20 {
        let handles: Vec<_> = (0..100)
            .map(|n| {
                runtime.spawn(move || {
                    loop {
                        match n % 4 {
                            0 => sleep(Duration::from_micros(50)),
                            1 => offload(|| ()),
                            2 => spawn(yield_now).join().unwrap(),
                            _ => {
                                let _ = catch_unwind(AssertUnwindSafe(|| {
                                    scope(|s| {
                                        s.spawn(|| sleep(Duration::from_micros(10)));
                                    })
                                }));
                                sleep(Duration::from_micros(1));
                            }
                        }
                    }
                })
            })
            .collect();
        std::thread::yield_now();
        handles.iter().for_each(JoinHandle::cancel);
        for handle in handles {
            let ended: std::thread::Result<()> = handle.join();
            assert!(ended.unwrap_err().is::<Cancelled>());
        }
    }
}
