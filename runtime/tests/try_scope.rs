//! Scopes that fail as one: who fails first, who ends for it, and cancellation from around and within.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, own, until, watchdog};
use greenwood_runtime::{
    Builder, CancelToken, Cancelled, Elapsed, Placement, Scope, scope, shield, sleep, spawn,
    timeout, try_scope, yield_now,
};

type Outcome<T> = Result<T, &'static str>;

/// Counts what ended by unwinding or otherwise.
struct Counts<'a>(&'a AtomicUsize);

impl Drop for Counts<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn forever(ended: &AtomicUsize) -> Outcome<()> {
    let _count = Counts(ended);
    sleep(Duration::MAX);
    Ok(())
}

#[test]
fn values_of_children_that_borrow() {
    let on_all = || {
        let words = [String::from("plain"), String::from("code")];
        let mut slots = [0; 2];
        let total = try_scope(|s| {
            let handles: Vec<_> = words
                .iter()
                .zip(&mut slots)
                .map(|(word, slot)| {
                    s.spawn(move || {
                        yield_now();
                        *slot = word.len();
                        Outcome::Ok(word.len())
                    })
                })
                .collect();
            Ok(handles.into_iter().map(|h| h.join().unwrap()).sum::<usize>())
        });
        assert_eq!((total, slots), (Ok(9), [5, 4]));
        assert_eq!(try_scope(|_| Outcome::Ok(3)), Ok(3));
    };
    each_mode(on_all);
    on_all();
}

#[test]
fn the_wait_suspends() {
    each_mode(|| {
        let turns = AtomicUsize::new(0);
        scope(|s| {
            s.spawn(|| turns.fetch_add(1, Ordering::Relaxed));
            let waited = try_scope(|s| {
                s.spawn(|| {
                    until(|| turns.load(Ordering::Relaxed) == 1);
                    Outcome::Ok(())
                });
                Ok(())
            });
            assert_eq!((waited, turns.load(Ordering::Relaxed)), (Ok(()), 1));
        });
    });
}

#[test]
fn the_first_error_ends_the_others() {
    let on_all = || {
        let ended = AtomicUsize::new(0);
        let result: Outcome<()> = try_scope(|s| {
            for _ in 0..5 {
                s.spawn(|| forever(&ended));
            }
            s.spawn(|| {
                sleep(Duration::from_millis(1));
                Outcome::<()>::Err("first")
            });
            s.spawn(|| {
                let _second = catch_unwind(|| sleep(Duration::MAX));
                Outcome::<()>::Err("second")
            });
            Ok(())
        });
        assert_eq!(result, Err("first"));
        assert!(ended.load(Ordering::Relaxed) <= 5);
    };
    each_mode(on_all);
    on_all();
}

#[test]
fn an_error_of_the_body_ends_the_children() {
    each_mode(|| {
        let ended = AtomicUsize::new(0);
        let started = AtomicUsize::new(0);
        let result: Outcome<()> = try_scope(|s| {
            for _ in 0..5 {
                s.spawn(|| {
                    started.fetch_add(1, Ordering::Relaxed);
                    forever(&ended)
                });
            }
            until(|| started.load(Ordering::Relaxed) == 5);
            Err("body")
        });
        assert_eq!((result, ended.load(Ordering::Relaxed)), (Err("body"), 5));
    });
}

#[test]
fn a_failure_ends_the_waits_of_the_body() {
    let on_all = || {
        for which in 0..3 {
            let after = AtomicBool::new(false);
            let result: Outcome<()> = try_scope(|s| {
                let failing = s.spawn(|| {
                    sleep(Duration::from_micros(200));
                    Outcome::<()>::Err("child")
                });
                let waiting = s.spawn(|| {
                    sleep(Duration::MAX);
                    Ok(())
                });
                match which {
                    0 => sleep(Duration::MAX),
                    1 => drop(failing.join()),
                    _ => drop(waiting.join()),
                }
                after.store(true, Ordering::Relaxed);
                Ok(())
            });
            assert_eq!(result, Err("child"));
            assert!(!after.load(Ordering::Relaxed));
        }
    };
    each_mode(on_all);
    on_all();
}

/// A child that has failed before it is joined unwinds its joiner all the same.
#[test]
fn joining_what_has_failed() {
    each_mode(|| {
        let result: Outcome<()> = try_scope(|s| {
            let failing = s.spawn(|| Outcome::<()>::Err("child"));
            until(|| failing.is_finished());
            let _ = failing.join();
            unreachable!("it unwinds");
        });
        assert_eq!(result, Err("child"));
        let result: Outcome<()> = try_scope(|s| {
            let failing = s.spawn(|| Outcome::<()>::Err("child"));
            assert_eq!(shield(|| failing.join()), Err(Cancelled));
            Ok(())
        });
        assert_eq!(result, Err("child"));
    });
}

#[test]
fn panics_are_resumed() {
    each_mode(|| {
        let ended = AtomicUsize::new(0);
        for body in [false, true] {
            let started = AtomicBool::new(false);
            let caught = catch_unwind(AssertUnwindSafe(|| {
                try_scope(|s| {
                    s.spawn(|| {
                        started.store(true, Ordering::Relaxed);
                        forever(&ended)
                    });
                    until(|| started.load(Ordering::Relaxed));
                    if body {
                        resume_unwind(Box::new(7));
                    }
                    s.spawn(|| -> Outcome<()> { resume_unwind(Box::new(7)) });
                    Ok(())
                })
            }));
            assert_eq!(*caught.unwrap_err().downcast::<i32>().unwrap(), 7);
        }
        assert_eq!(ended.load(Ordering::Relaxed), 2);
        // Also after an error.
        let caught = catch_unwind(|| {
            let _: Outcome<()> = try_scope(|s| {
                let child = s.spawn(|| -> Outcome<()> {
                    let _ = catch_unwind(|| sleep(Duration::MAX));
                    resume_unwind(Box::new(8));
                });
                until(|| child.coroutine().waits_for() == Some("sleep"));
                Err("body")
            });
        });
        assert_eq!(*caught.unwrap_err().downcast::<i32>().unwrap(), 8);
    });
}

#[test]
fn what_is_around_ends_all() {
    for waits_in_body in [true, false] {
        let run = |ended: &AtomicUsize| -> Outcome<()> {
            try_scope(|s| {
                let children = [(); 3].map(|()| s.spawn(|| forever(ended)));
                until(|| children.iter().all(|c| c.coroutine().waits_for() == Some("sleep")));
                if waits_in_body {
                    sleep(Duration::MAX);
                }
                Ok(())
            })
        };
        let on_all = || {
            let ended = AtomicUsize::new(0);
            assert_eq!(timeout(Duration::from_millis(2), || run(&ended)), Err(Elapsed));
            assert_eq!(ended.load(Ordering::Relaxed), 3);
            let token = CancelToken::new();
            let (canceller, delayed) = (token.clone(), Duration::from_millis(2));
            let canceller = spawn(move || {
                sleep(delayed);
                canceller.cancel();
            });
            assert_eq!(token.run(|| run(&ended)), Err(Cancelled));
            canceller.join().unwrap();
            assert_eq!(ended.load(Ordering::Relaxed), 6);
        };
        each_mode(on_all);
        on_all();
        each_mode(|| {
            let ended = AtomicUsize::new(0);
            scope(|s| {
                let parent = s.spawn(|| run(&ended));
                let reason = if waits_in_body { "sleep" } else { "scope" };
                until(|| parent.coroutine().waits_for() == Some(reason));
                sleep(Duration::from_millis(1));
                parent.cancel();
                assert!(parent.join().unwrap_err().is::<Cancelled>());
                assert_eq!(ended.load(Ordering::Relaxed), 3);
            });
        });
    }
}

/// The parent goes only after its children, however long they take once they are cancelled.
#[test]
fn cancelled_children_are_waited_for() {
    each_mode(|| {
        let go = AtomicBool::new(false);
        let done = AtomicBool::new(false);
        scope(|s| {
            let parent = s.spawn(|| -> Outcome<()> {
                try_scope(|s| {
                    s.spawn(|| {
                        let _ = catch_unwind(|| sleep(Duration::MAX));
                        until(|| go.load(Ordering::Relaxed));
                        done.store(true, Ordering::Relaxed);
                        Ok(())
                    });
                    Ok(())
                })
            });
            until(|| parent.coroutine().waits_for() == Some("scope"));
            sleep(Duration::from_millis(1));
            parent.cancel();
            parent.cancel();
            (0..50).for_each(|_| yield_now());
            assert!(!parent.is_finished());
            go.store(true, Ordering::Relaxed);
            let _ = parent.join();
            assert!(done.load(Ordering::Relaxed));
        });
    });
}

/// An error that came before the interruption is returned; the interruption stays for the next wait.
#[test]
fn an_earlier_error_is_not_lost() {
    each_mode(|| {
        let failed = AtomicBool::new(false);
        let go = AtomicBool::new(false);
        scope(|s| {
            let parent = s.spawn(|| {
                let result: Outcome<()> = try_scope(|s| {
                    let child = s.spawn(|| {
                        let _ = catch_unwind(|| sleep(Duration::MAX));
                        failed.store(true, Ordering::Relaxed);
                        until(|| go.load(Ordering::Relaxed));
                        Ok(())
                    });
                    until(|| child.coroutine().waits_for() == Some("sleep"));
                    Err("before")
                });
                assert_eq!(result, Err("before"));
                sleep(Duration::MAX);
            });
            until(|| failed.load(Ordering::Relaxed) || parent.is_finished());
            parent.cancel();
            go.store(true, Ordering::Relaxed);
            assert!(parent.join().unwrap_err().is::<Cancelled>());
        });
    });
}

#[test]
fn a_cancelled_scope_starts_nobody() {
    each_mode(|| {
        let (ended, ran) = (AtomicUsize::new(0), AtomicBool::new(false));
        let result = try_scope(|s| {
            let first = s.spawn(|| forever(&ended));
            until(|| first.coroutine().waits_for() == Some("sleep"));
            s.cancel();
            let late = s.spawn(|| Outcome::Ok(ran.swap(true, Ordering::Relaxed)));
            assert_eq!(late.join(), Err(Cancelled));
            assert_eq!(first.join(), Err(Cancelled));
            sleep(Duration::from_micros(10));
            Outcome::Ok(5)
        });
        assert_eq!((result, ended.load(Ordering::Relaxed)), (Ok(5), 1));
        assert!(!ran.load(Ordering::Relaxed));

        let here = || Builder::new().placement(Placement::Here);
        let plain = |s: &Scope<'_, '_>| s.cancel();
        scope(|s| {
            s.spawn(|| forever(&ended));
            here().spawn_scoped(s, || forever(&ended)).unwrap();
            yield_now();
            plain(s);
            let late = s.spawn(|| ran.store(true, Ordering::Relaxed));
            assert!(late.join().unwrap_err().is::<Cancelled>());
        });
        assert!(!ran.load(Ordering::Relaxed));
    });
}

#[test]
fn one_cancelled_child_is_no_failure() {
    each_mode(|| {
        let ended = AtomicUsize::new(0);
        let result = try_scope(|s| {
            let child = s.spawn(|| forever(&ended));
            child.cancel();
            let kept = s.spawn_with(Builder::new().name("kept"), || Outcome::Ok(1)).unwrap();
            assert_eq!(kept.coroutine().name(), Some("kept"));
            assert_eq!(child.join(), Err(Cancelled));
            Ok(kept.join().unwrap())
        });
        assert_eq!(result, Ok(1));
    });
}

#[test]
fn nested_ones_fail_inside_out() {
    each_mode(|| {
        let ended = AtomicUsize::new(0);
        let result: Outcome<()> = try_scope(|s| {
            s.spawn(|| {
                let inner: Outcome<()> = try_scope(|s| {
                    s.spawn(|| forever(&ended));
                    Ok(())
                });
                inner
            });
            s.spawn(|| {
                let inner: Outcome<()> = try_scope(|s| {
                    s.spawn(|| {
                        // Siblings come from children as well.
                        s.spawn(|| forever(&ended));
                        Outcome::<()>::Err("inner")
                    });
                    Ok(())
                });
                inner
            });
            Ok(())
        });
        assert_eq!(result, Err("inner"));
    });
}

/// Failures, joins and cancellations that meet at any point of each other.
#[test]
fn storms_end() {
    let _watched = watchdog();
    let runtime = own(2);
    for round in 0..150u32 {
        let (started, ended) = (&AtomicUsize::new(0), &AtomicUsize::new(0));
        let result = runtime.run(|| {
            timeout(Duration::from_micros(u64::from(round % 7) * 40), || -> Outcome<u32> {
                try_scope(|s| {
                    let handles: Vec<_> = (0..20u32)
                        .map(|n| {
                            s.spawn(move || {
                                started.fetch_add(1, Ordering::Relaxed);
                                let _count = Counts(ended);
                                match (n + round) % 19 {
                                    0 => return Err("failed"),
                                    k if k % 2 == 0 => sleep(Duration::from_micros(k.into())),
                                    _ => yield_now(),
                                }
                                Ok(())
                            })
                        })
                        .collect();
                    for handle in handles {
                        let _ = handle.join();
                    }
                    Ok(round)
                })
            })
        });
        assert!(matches!(result, Err(Elapsed) | Ok(Err("failed"))), "{result:?}");
        assert_eq!(started.load(Ordering::Relaxed), ended.load(Ordering::Relaxed));
    }
}
