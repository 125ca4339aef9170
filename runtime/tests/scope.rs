//! Scopes: children that borrow, panics in them, nesting, and on OS threads.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, watchdog};
use greenwood_runtime::{Builder, scope, sleep, yield_now};

#[test]
fn children_borrow_and_write() {
    each_mode(|| {
        let mut numbers = vec![0; 100];
        let seen = Mutex::new(Vec::new());
        scope(|s| {
            for (n, slot) in numbers.iter_mut().enumerate() {
                let seen = &seen;
                s.spawn(move || {
                    yield_now();
                    *slot = n;
                    seen.lock().unwrap().push(n);
                });
            }
        });
        assert_eq!(numbers, (0..100).collect::<Vec<_>>());
        assert_eq!(seen.into_inner().unwrap().len(), 100);
    });
}

#[test]
fn children_spawn_siblings() {
    each_mode(|| {
        let count = AtomicUsize::new(0);
        scope(|s| {
            s.spawn(|| {
                yield_now();
                s.spawn(|| {
                    sleep(Duration::from_micros(300));
                    s.spawn(|| {
                        yield_now();
                        count.fetch_add(1, Ordering::Relaxed)
                    });
                    count.fetch_add(1, Ordering::Relaxed);
                });
                count.fetch_add(1, Ordering::Relaxed);
            });
        });
        assert_eq!(count.load(Ordering::Relaxed), 3);
    });
}

#[test]
fn a_panic_of_the_body_waits_for_the_children() {
    each_mode(|| {
        let done = AtomicBool::new(false);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            scope(|s| {
                s.spawn(|| {
                    sleep(Duration::from_millis(2));
                    done.store(true, Ordering::Relaxed);
                });
                std::panic::resume_unwind(Box::new("body"));
            })
        }));
        assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "body");
        assert!(done.load(Ordering::Relaxed));
    });
}

#[test]
fn a_panic_of_a_child() {
    each_mode(|| {
        // Joined: it is the joiner's.
        scope(|s| {
            let child = s.spawn(|| std::panic::resume_unwind(Box::new(5)));
            let ended: std::thread::Result<()> = child.join();
            assert_eq!(*ended.unwrap_err().downcast::<i32>().unwrap(), 5);
        });
        // Not joined: the scope panics, after all the others.
        for keep in [true, false] {
            let count = AtomicUsize::new(0);
            let caught = catch_unwind(AssertUnwindSafe(|| {
                scope(|s| {
                    let child = s.spawn(|| {
                        yield_now();
                        std::panic::resume_unwind(Box::new(6));
                    });
                    s.spawn(|| {
                        sleep(Duration::from_millis(1));
                        count.fetch_add(1, Ordering::Relaxed);
                    });
                    if keep {
                        common::until(|| child.is_finished());
                    }
                })
            }));
            assert_eq!(
                *caught.unwrap_err().downcast::<&str>().unwrap(),
                "a scoped coroutine panicked"
            );
            assert_eq!(count.load(Ordering::Relaxed), 1);
        }
        // Cancelled: no panic.
        scope(|s| {
            s.spawn(|| sleep(Duration::MAX)).cancel();
        });
    });
}

#[test]
fn borrowed_results_are_dropped_inside() {
    struct Notes<'a>(&'a AtomicUsize);
    impl Drop for Notes<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    each_mode(|| {
        let dropped = AtomicUsize::new(0);
        scope(|s| {
            for _ in 0..50 {
                s.spawn(|| {
                    yield_now();
                    Notes(&dropped)
                });
            }
            let kept = s.spawn(|| Notes(&dropped)).join().unwrap();
            drop(kept);
        });
        assert_eq!(dropped.load(Ordering::Relaxed), 51);
    });
}

#[test]
fn on_an_os_thread() {
    let _watched = watchdog();
    let text = String::from("borrowed");
    let length = scope(|s| {
        let named = Builder::new().name("child").spawn_scoped(s, || text.len()).unwrap();
        assert_eq!(named.coroutine().name(), Some("child"));
        named.join().unwrap()
    });
    assert_eq!(length, 8);
}

/// Destructors of the child's thread-locals may still use what it borrowed: the scope ends after them.
#[test]
fn thread_locals_end_before_the_scope() {
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            sleep(Duration::from_millis(1));
            ENDED.fetch_add(1, Ordering::Relaxed);
        }
    }
    thread_local! { static LATE: Late = const { Late }; }
    common::on_own(|| {
        scope(|s| {
            for _ in 0..5 {
                s.spawn(|| LATE.with(|_| ()));
            }
        });
        assert_eq!(ENDED.load(Ordering::Relaxed), 5);
    });
}
