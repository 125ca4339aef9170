//! To the code on it, a coroutine is a thread: thread-locals, their destructors, panics, errno, locale, all on one worker.

mod common;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::on_own;
use greenwood_runtime::{sleep, spawn, yield_now};

fn all<T: Send + 'static>(
    count: usize,
    f: impl Fn(usize) -> T + Send + Sync + Clone + 'static,
) -> Vec<T> {
    let handles: Vec<_> = (0..count)
        .map(|n| {
            let f = f.clone();
            spawn(move || f(n))
        })
        .collect();
    handles.into_iter().map(|h| h.join().unwrap()).collect()
}

#[test]
fn initialisers_may_wait() {
    thread_local! {
        static SLOW: Vec<usize> = {
            let mine = NEXT.fetch_add(1, Ordering::Relaxed);
            yield_now();
            sleep(Duration::from_millis(1));
            vec![mine; 100]
        };
    }
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    on_own(|| {
        let seen = all(50, |_| {
            SLOW.with(|mine| {
                let first = mine[0];
                yield_now();
                assert!(mine.iter().all(|m| *m == first));
                first
            })
        });
        assert_eq!(HashSet::<_>::from_iter(seen).len(), 50);
    });
}

#[test]
fn scoped_tls_is_held_over_yields() {
    scoped_tls::scoped_thread_local!(static SCOPED: usize);
    on_own(|| {
        all(20, |n| {
            assert!(!SCOPED.is_set());
            SCOPED.set(&n, || {
                for _ in 0..10 {
                    yield_now();
                    SCOPED.with(|inner| assert_eq!(*inner, n));
                }
            });
            assert!(!SCOPED.is_set());
        });
    });
}

#[test]
fn destructors_run_before_join_returns_and_may_wait() {
    struct Slow;
    impl Drop for Slow {
        fn drop(&mut self) {
            let others = TURNS.load(Ordering::Relaxed);
            sleep(Duration::from_millis(2));
            assert!(TURNS.load(Ordering::Relaxed) > others);
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
    thread_local! { static SLOW: Slow = const { Slow }; }
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    static TURNS: AtomicUsize = AtomicUsize::new(0);
    on_own(|| {
        let handle = spawn(|| SLOW.with(|_| ()));
        common::until(|| {
            TURNS.fetch_add(1, Ordering::Relaxed);
            handle.is_finished()
        });
        handle.join().unwrap();
        assert_eq!(DROPPED.load(Ordering::Relaxed), 1);
    });
}

/// A destructor that uses another thread-local, and one of the coroutine's, which are then dropped too.
#[test]
fn destructors_may_use_other_locals() {
    struct Uses;
    impl Drop for Uses {
        fn drop(&mut self) {
            LATE.with(|late| late.borrow_mut().push(Counted));
            COROUTINE.with(|late| late.borrow_mut().push(Counted));
        }
    }
    struct Counted;
    impl Drop for Counted {
        fn drop(&mut self) {
            // As anywhere, this must suspend and come back.
            assert!(greenwood_runtime::may_switch());
            yield_now();
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
    thread_local! {
        static USES: Uses = const { Uses };
        static LATE: RefCell<Vec<Counted>> = const { RefCell::new(Vec::new()) };
    }
    greenwood_runtime::coroutine_local! {
        static COROUTINE: RefCell<Vec<Counted>> = RefCell::new(Vec::new());
    }
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    on_own(|| {
        all(10, |_| USES.with(|_| ()));
        assert_eq!(DROPPED.load(Ordering::Relaxed), 20);
    });
}

#[test]
fn the_next_on_the_same_block_sees_fresh_locals() {
    thread_local! {
        static VALUE: Cell<u32> = const { Cell::new(1) };
        static LAZY: OnceCell<u32> = const { OnceCell::new() };
        static HELD: RefCell<Vec<u8>> = RefCell::new(vec![1; 1000]);
    }
    on_own(|| {
        let mut blocks = HashSet::new();
        for n in 0..200 {
            let block = spawn(move || {
                assert_eq!(VALUE.replace(n), 1);
                assert!(LAZY.with(|l| l.set(n)).is_ok());
                HELD.with_borrow_mut(|h| {
                    assert_eq!(h.len(), 1000);
                    h.clear();
                });
                VALUE.with(|v| std::ptr::from_ref(v) as usize)
            });
            blocks.insert(block.join().unwrap());
        }
        assert!(blocks.len() < 200, "no block was reused");
    });
}

#[test]
fn waiting_in_drop_while_panicking() {
    struct Slow;
    impl Drop for Slow {
        fn drop(&mut self) {
            for _ in 0..5 {
                assert!(std::thread::panicking());
                yield_now();
                sleep(Duration::from_micros(100));
            }
        }
    }
    on_own(|| {
        let panics = (0..10usize).map(|n| {
            spawn(move || {
                let _slow = Slow;
                panic_any(n);
            })
        });
        let panics: Vec<_> = panics.collect();
        let lock = std::sync::Mutex::new(());
        while !panics.iter().all(|p| p.is_finished()) {
            assert!(!std::thread::panicking());
            drop(lock.lock().unwrap());
            yield_now();
        }
        assert!(!lock.is_poisoned());
        for (n, handle) in panics.into_iter().enumerate() {
            let ended: std::thread::Result<()> = handle.join();
            assert_eq!(*ended.unwrap_err().downcast::<usize>().unwrap(), n);
        }
    });
}

#[test]
fn storms_of_panics() {
    on_own(|| {
        for _ in 0..20 {
            all(100, |n| {
                let caught = catch_unwind(AssertUnwindSafe(|| {
                    yield_now();
                    if n % 2 == 0 {
                        std::panic::resume_unwind(Box::new(n));
                    }
                }));
                assert_eq!(caught.is_err(), n % 2 == 0);
                yield_now();
                assert!(!std::thread::panicking());
            });
        }
    });
}

/// A stack of spans, entered and left around waits, as tracing keeps one for each thread.
#[test]
fn span_stacks() {
    thread_local! { static SPANS: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) }; }
    fn enter(n: usize, depth: usize) {
        SPANS.with_borrow_mut(|s| s.push(n));
        yield_now();
        if depth < 5 {
            enter(n, depth + 1);
        }
        sleep(Duration::from_micros(10));
        SPANS.with_borrow_mut(|s| {
            assert_eq!(*s, vec![n; depth + 1]);
            s.pop();
        });
    }
    on_own(|| all(30, |n| enter(n, 0)));
}

#[test]
fn tokio_blocks_in_three_at_once() {
    on_own(|| {
        let sums = all(3, |n| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            runtime.unwrap().block_on(async move {
                let mut sum = 0;
                for i in 0..10 {
                    // Between two polls, and within one.
                    yield_now();
                    tokio::task::yield_now().await;
                    sleep(Duration::from_micros(50));
                    sum += tokio::spawn(async move { i }).await.unwrap();
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
                sum + n
            })
        });
        assert_eq!(sums, [45, 46, 47]);
    });
}

#[test]
fn each_has_a_thread_id_of_its_own() {
    on_own(|| {
        let ids = all(20, |_| {
            let id = std::thread::current().id();
            yield_now();
            assert_eq!(id, std::thread::current().id());
            id
        });
        assert_eq!(HashSet::<_>::from_iter(ids).len(), 20);
    });
}

#[test]
fn threads_spawned_and_joined() {
    on_own(|| {
        let values = all(20, |n| {
            let thread = std::thread::spawn(move || {
                thread_local! { static T: Cell<usize> = const { Cell::new(3) }; }
                T.set(T.get() + n);
                assert!(!greenwood_runtime::may_switch());
                T.get()
            });
            yield_now();
            thread.join().unwrap()
        });
        assert_eq!(values.iter().sum::<usize>(), 20 * 3 + 190);
        std::thread::scope(|s| {
            let inner = s.spawn(|| 5);
            yield_now();
            assert_eq!(inner.join().unwrap(), 5);
        });
    });
}

#[test]
fn memory_passes_between_coroutines_and_threads() {
    on_own(|| {
        for round in 0..20 {
            let made = all(20, move |n| {
                (0..50).map(|i| vec![n as u8; i * 37 + round]).collect::<Vec<_>>()
            });
            let checked = all(5, {
                let made = Arc::new(made);
                move |_| made.iter().flatten().map(Vec::len).sum::<usize>()
            });
            assert!(checked.iter().all(|c| *c == checked[0]));
            let boxes = all(10, |n| vec![Box::new([n; 100]); 10]);
            std::thread::spawn(move || drop(boxes)).join().unwrap();
        }
    });
}

#[test]
fn a_hundred_thousand_in_waves() {
    struct Counted(Vec<u8>);
    impl Drop for Counted {
        fn drop(&mut self) {
            assert_eq!(self.0.len(), 40);
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
    thread_local! { static COUNTED: Counted = Counted(vec![0; 40]); }
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    on_own(|| {
        for wave in 1..=50 {
            all(2_000, |_| {
                COUNTED.with(|c| assert_eq!(c.0[3], 0));
                yield_now();
            });
            assert_eq!(DROPPED.load(Ordering::Relaxed), wave * 2_000);
        }
    });
}

/// Locks that refuse their own thread a second time, or let it in again, know coroutines apart.
#[test]
fn reentrant_locks_know_coroutines_apart() {
    on_own(|| {
        // std's stdout lock is reentrant for one thread.
        let out = std::io::stdout().lock();
        let other = spawn(|| std::thread::current().id());
        assert_ne!(other.join().unwrap(), std::thread::current().id());
        drop(out);
    });
}
