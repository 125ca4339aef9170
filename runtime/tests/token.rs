//! Tokens: whom they end, wherever that runs, and what is left of them.

mod common;

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, own, until, watchdog};
use greenwood_runtime::readiness::wait_readable;
use greenwood_runtime::{
    Builder, CancelToken, Cancelled, Elapsed, Placement, sleep, spawn, timeout, yield_now,
};

const SOON: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_secs(3600);

/// On coroutines of both modes, and on an OS thread.
fn everywhere(f: fn()) {
    let _watched = watchdog();
    each_mode(f);
    f();
}

/// Runs `f` on a coroutine of each of two workers and on an OS thread, at once.
fn in_every_place(f: impl Fn() + Clone + Send + 'static) {
    let _watched = watchdog();
    let runtime = own(2);
    let green: Vec<_> = (0..4)
        .map(|n| {
            let place = Builder::new().placement(Placement::Worker(n % 2));
            runtime.spawn_with(place, f.clone()).unwrap()
        })
        .collect();
    let thread = std::thread::spawn(f);
    green.into_iter().for_each(|handle| handle.join().unwrap());
    thread.join().unwrap();
}

#[test]
fn ends_what_runs_under_it_everywhere() {
    let token = CancelToken::new();
    let (inside, entered) = (Arc::new(AtomicUsize::new(0)), token.clone());
    let count = inside.clone();
    let canceller = std::thread::spawn(move || {
        while inside.load(Ordering::Relaxed) < 5 {
            std::thread::yield_now();
        }
        token.cancel();
        token.cancel();
        assert!(token.is_cancelled());
    });
    in_every_place(move || {
        let result = entered.run(|| {
            count.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::MAX);
        });
        assert_eq!(result, Err(Cancelled));
        // Outside of it nothing is left.
        sleep(SOON);
    });
    canceller.join().unwrap();
}

#[test]
fn cancelled_before_it_ends_the_first_wait() {
    everywhere(|| {
        let token = CancelToken::new();
        token.cancel();
        assert_eq!(token.run(|| 5), Ok(5));
        let reached = AtomicBool::new(false);
        let result = token.run(|| {
            yield_now();
            reached.store(true, Ordering::Relaxed);
            sleep(SOON);
        });
        assert_eq!(result, Err(Cancelled));
        assert!(reached.load(Ordering::Relaxed));
    });
}

#[test]
fn by_the_code_that_runs_under_it() {
    everywhere(|| {
        let token = CancelToken::new();
        let result = token.run(|| {
            token.cancel();
            sleep(LONG);
        });
        assert_eq!(result, Err(Cancelled));
    });
}

#[test]
fn io_fails_once_and_then_unwinds() {
    everywhere(|| {
        let (from, _to) = io::pipe().unwrap();
        let token = CancelToken::new();
        token.cancel();
        let failed = AtomicBool::new(false);
        let result = token.run(|| {
            let error = wait_readable(from.as_fd(), None).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ECANCELED));
            failed.store(true, Ordering::Relaxed);
            let _ = wait_readable(from.as_fd(), None);
            unreachable!("the second wait unwinds");
        });
        assert_eq!(result, Err(Cancelled));
        assert!(failed.load(Ordering::Relaxed));
    });
}

/// Code under it that waits in the kernel of a coroutine's worker is woken.
#[test]
fn io_in_progress_fails() {
    each_mode(|| {
        let token = CancelToken::new();
        let under = token.clone();
        let reader = spawn(move || {
            let (from, _to) = io::pipe().unwrap();
            under.run(|| wait_readable(from.as_fd(), None).unwrap_err().raw_os_error())
        });
        until(|| reader.coroutine().waits_for() == Some("readiness"));
        token.cancel();
        assert_eq!(reader.join().unwrap(), Ok(Some(libc::ECANCELED)));
    });
}

#[test]
fn children_are_cancelled_with_their_parents_only() {
    everywhere(|| {
        let parent = CancelToken::new();
        let (one, other) = (parent.child(), parent.child());
        let grandchild = other.child();
        one.cancel();
        assert!(one.is_cancelled() && !parent.is_cancelled() && !other.is_cancelled());
        assert!(one.child().is_cancelled(), "born to one that is");
        parent.cancel();
        assert!(other.is_cancelled() && grandchild.is_cancelled());
        assert!(parent.child().child().is_cancelled());
    });
}

#[test]
fn a_child_hears_of_ancestors_whose_handles_are_gone() {
    everywhere(|| {
        let first = CancelToken::new();
        let last = first.child().child().child();
        first.cancel();
        assert!(last.is_cancelled());
        let orphan = CancelToken::new().child();
        assert_eq!(timeout(SOON, || orphan.run(|| sleep(LONG))), Err(Elapsed));
    });
}

/// As long a line as one likes: cancelled and dropped without a deep stack.
#[test]
fn a_long_line_of_descendants() {
    everywhere(|| {
        for cancel in [false, true] {
            let first = CancelToken::new();
            let mut last = first.clone();
            for _ in 0..100_000 {
                last = last.child();
            }
            if cancel {
                first.cancel();
            }
            assert_eq!(last.is_cancelled(), cancel);
            drop(first);
            drop(last);
        }
    });
}

#[test]
fn nested_runs_end_at_the_outermost_that_is_cancelled() {
    everywhere(|| {
        let (outer, inner) = (CancelToken::new(), CancelToken::new());
        let result = outer.run(|| {
            assert_eq!(inner.run(|| outer.run(|| inner.run(|| 1))), Ok(Ok(Ok(1))));
            let between = inner.run(|| {
                inner.cancel();
                sleep(LONG);
            });
            assert_eq!(between, Err(Cancelled), "the outer one goes on");
            // The same token again, and again: the outermost run of it ends.
            let _ = outer.run(|| {
                let _ = outer.run(|| {
                    outer.cancel();
                    sleep(LONG);
                });
                unreachable!("the innermost run is passed");
            });
            unreachable!("the second run is passed");
        });
        assert_eq!(result, Err(Cancelled));
    });
}

#[test]
fn by_a_child_coroutine() {
    each_mode(|| {
        let token = CancelToken::new();
        let from_child = token.clone();
        let result = token.run(|| {
            let child = spawn(move || from_child.cancel());
            sleep(LONG);
            drop(child);
        });
        assert_eq!(result, Err(Cancelled));
    });
}

#[test]
fn with_a_time_out() {
    everywhere(|| {
        let token = CancelToken::new();
        let outer = timeout(SOON, || {
            let _ = token.run(|| sleep(LONG));
            unreachable!("the time-out is outside");
        });
        assert_eq!(outer, Err::<(), _>(Elapsed));
        let outer = token.run(|| timeout(SOON, || sleep(LONG)));
        assert_eq!(outer, Ok(Err(Elapsed)));
        // Both at once.
        token.cancel();
        let outer = token.run(|| timeout(Duration::ZERO, || sleep(LONG)));
        assert_eq!(outer, Err(Cancelled));
        let outer = timeout(LONG, || token.run(|| sleep(LONG)));
        assert_eq!(outer, Ok(Err(Cancelled)));
    });
}

#[test]
fn waiting_for_it() {
    let token = CancelToken::new();
    let waited = token.clone();
    let count = Arc::new(AtomicUsize::new(0));
    let waiting = count.clone();
    let canceller = std::thread::spawn(move || {
        while count.load(Ordering::Relaxed) < 5 {
            std::thread::yield_now();
        }
        token.cancel();
    });
    in_every_place(move || {
        assert!(!waited.wait_timeout(Duration::ZERO));
        assert!(!waited.wait_timeout(SOON));
        assert_eq!(timeout(SOON, || waited.wait()), Err(Elapsed));
        waiting.fetch_add(1, Ordering::Relaxed);
        assert!(waited.wait_timeout(Duration::MAX));
        waited.wait();
        assert!(waited.wait_timeout(Duration::ZERO));
        // What it waits for has come: completion.
        assert_eq!(waited.run(|| waited.wait()), Ok(()));
    });
    canceller.join().unwrap();
}

#[test]
fn a_cancelled_waiter_unwinds() {
    each_mode(|| {
        let token = CancelToken::new();
        let waited = token.clone();
        let waiter = spawn(move || waited.wait());
        until(|| waiter.coroutine().waits_for() == Some("token"));
        waiter.cancel();
        assert!(waiter.join().unwrap_err().is::<Cancelled>());
        token.cancel();
    });
}

/// Entering and leaving race with the cancellation.
#[test]
fn none_is_missed() {
    for _ in 0..30 {
        let token = CancelToken::new();
        let under = token.clone();
        let canceller = std::thread::spawn(move || {
            let child = token.child();
            token.cancel();
            assert!(child.is_cancelled());
        });
        in_every_place(move || {
            let mut rounds = 0;
            while under.child().run(|| sleep(Duration::from_micros(rounds % 50))).is_ok() {
                rounds += 1;
                // A sleep of no time is no wait.
            }
            assert!(under.is_cancelled());
        });
        canceller.join().unwrap();
    }
}
