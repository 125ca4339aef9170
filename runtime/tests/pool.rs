//! Pools: the bound, back-pressure, maps, and places that are never lost.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, own, until, watchdog};
use greenwood_runtime::{
    Builder, Cancelled, JoinHandle, Placement, Pool, sleep, spawn, timeout, yield_now,
};

/// How many are inside, and were at most.
#[derive(Clone, Default)]
struct Gauge(Arc<(AtomicUsize, AtomicUsize)>);

impl Gauge {
    fn enter(&self) -> Inside {
        let now = self.0.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.1.fetch_max(now, Ordering::SeqCst);
        Inside(self.clone())
    }

    fn inside(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }

    fn most(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

struct Inside(Gauge);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// All places are there, and can be taken.
#[track_caller]
fn intact(pool: &Pool) {
    pool.wait_idle();
    assert_eq!(pool.free_places(), pool.limit());
    let all: Vec<_> =
        (0..pool.limit()).map(|_| pool.try_spawn(|| sleep(Duration::MAX)).unwrap()).collect();
    assert!(pool.try_spawn(|| ()).is_err());
    all.iter().for_each(JoinHandle::cancel);
    pool.wait_idle();
}

fn waits_for_a_place(handle: &JoinHandle<impl Send>) {
    until(|| handle.coroutine().waits_for() == Some("pool"));
}

#[test]
fn no_more_than_the_limit_run() {
    let on_all = || {
        for limit in [1, 3] {
            let (pool, gauge) = (Pool::new(limit), Gauge::default());
            let handles: Vec<_> = (0..30)
                .map(|n| {
                    let gauge = gauge.clone();
                    pool.spawn(move || {
                        let _inside = gauge.enter();
                        // So that all places are seen taken at once.
                        until(|| n >= limit || gauge.most() == limit);
                        sleep(Duration::from_micros(20));
                        n
                    })
                })
                .collect();
            for (n, handle) in handles.into_iter().enumerate() {
                assert_eq!(handle.join().unwrap(), n);
            }
            assert_eq!(gauge.most(), limit);
            intact(&pool);
        }
    };
    each_mode(on_all);
    on_all();
}

#[test]
fn waiting_for_a_place_suspends() {
    each_mode(|| {
        let pool = Pool::new(1);
        let go = Arc::new(AtomicBool::new(false));
        let (gone, open) = (go.clone(), go.clone());
        let first = pool.spawn(move || until(|| gone.load(Ordering::Relaxed)));
        let here = Builder::new().placement(Placement::Here);
        here.spawn(move || open.store(true, Ordering::Relaxed)).unwrap();
        pool.spawn(|| ()).join().unwrap();
        assert!(go.load(Ordering::Relaxed));
        first.join().unwrap();
    });
}

#[test]
fn a_full_pool_gives_the_closure_back() {
    let on_all = || {
        let pool = Pool::new(1);
        let holder = pool.spawn(|| sleep(Duration::MAX));
        assert_eq!((pool.limit(), pool.free_places()), (1, 0));
        let refused = pool.try_spawn(|| 1).unwrap_err();
        assert_eq!(refused.to_string(), "no place is free in the pool");
        let refused = pool.spawn_timeout(Duration::from_millis(1), refused.into_inner());
        let f = refused.unwrap_err().into_inner();
        assert!(timeout(Duration::from_millis(1), || pool.spawn(|| ())).is_err());
        assert!(!pool.wait_idle_timeout(Duration::from_millis(1)));
        holder.cancel();
        assert_eq!(pool.spawn_timeout(Duration::MAX, f).unwrap().join().unwrap(), 1);
        intact(&pool);
    };
    each_mode(on_all);
    on_all();
}

#[test]
fn whatever_ends_it_the_place_is_free_again() {
    each_mode(|| {
        let pool = Pool::new(2);
        let panics = pool.spawn(|| resume_unwind(Box::new(1)));
        let _: std::thread::Result<()> = panics.join();
        // Cancelled before its start, and refused for its settings.
        pool.spawn(|| ()).cancel();
        assert!(pool.spawn_with(Builder::new().stack_size(usize::MAX), || ()).is_err());
        // Could not get a stack.
        let huge = Builder::new().stack_size(greenwood_runtime::MAX_STACK_SIZE).name("huge");
        let _ = pool.spawn_with(huge, || ()).unwrap().join();
        drop(pool.spawn(|| sleep(Duration::from_micros(50))));
        intact(&pool);
    });
}

#[test]
fn a_cancelled_waiter_loses_no_place() {
    each_mode(|| {
        for round in 0..30 {
            let pool = Arc::new(Pool::new(1));
            let go = Arc::new(AtomicBool::new(false));
            let gone = go.clone();
            let holder = pool.spawn(move || until(|| gone.load(Ordering::Relaxed)));
            let waiters: Vec<_> = (0..3)
                .map(|_| {
                    let pool = pool.clone();
                    spawn(move || drop(pool.spawn(|| ())))
                })
                .collect();
            waiters.iter().for_each(waits_for_a_place);
            if round % 2 == 0 {
                go.store(true, Ordering::Relaxed);
                (0..round % 5).for_each(|_| yield_now());
            }
            waiters.iter().for_each(JoinHandle::cancel);
            go.store(true, Ordering::Relaxed);
            for waiter in waiters {
                let _ = waiter.join();
            }
            holder.join().unwrap();
            intact(&pool);
        }
    });
}

#[test]
fn maps_keep_the_order() {
    let on_all = || {
        let (pool, gauge) = (Pool::new(3), Gauge::default());
        let inside = gauge.clone();
        let f = move |n: u64| {
            let _inside = inside.enter();
            sleep(Duration::from_micros(n * 37 % 200));
            n * 2
        };
        let expected: Vec<_> = (0..40).map(|n| n * 2).collect();
        assert_eq!(pool.map(0..40, f.clone()), expected);
        assert_eq!(pool.imap(0..40, f.clone()).collect::<Vec<_>>(), expected);
        let mut unordered: Vec<_> = pool.imap_unordered(0..40, f.clone()).collect();
        unordered.sort_unstable();
        assert_eq!(unordered, expected);
        assert_eq!(pool.try_map(0..40, move |n| Ok::<_, ()>(f(n))), Ok(expected));
        assert!(gauge.most() <= 3);
        assert!(pool.map([0; 0], |n| n).is_empty());
        intact(&pool);
    };
    each_mode(on_all);
    on_all();
}

#[test]
fn imap_is_lazy_and_bounded() {
    each_mode(|| {
        let pool = Pool::new(2);
        let pulled = Arc::new(AtomicUsize::new(0));
        let go = Arc::new(AtomicBool::new(false));
        let (count, gone) = (pulled.clone(), go.clone());
        let items = (0..).inspect(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let mut results = pool.imap(items, move |n| {
            until(|| n > 0 || gone.load(Ordering::Relaxed));
            n
        });
        assert_eq!(pulled.load(Ordering::Relaxed), 0, "nothing starts by itself");
        // The first is slow: the others go on until the window is full.
        assert!(timeout(Duration::from_millis(20), || results.next()).is_err());
        assert!(pulled.load(Ordering::Relaxed) <= 4);
        go.store(true, Ordering::Relaxed);
        assert_eq!(results.by_ref().take(10).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
        assert!(pulled.load(Ordering::Relaxed) <= 14);
        drop(results);
        intact(&pool);
    });
}

#[test]
fn imap_unordered_gives_what_is_there() {
    each_mode(|| {
        let pool = Pool::new(2);
        let go = Arc::new(AtomicBool::new(false));
        let gone = go.clone();
        let mut results = pool.imap_unordered(0..6, move |n| {
            until(|| n > 0 || gone.load(Ordering::Relaxed));
            n
        });
        let mut first: Vec<_> = results.by_ref().take(5).collect();
        first.sort_unstable();
        assert_eq!(first, [1, 2, 3, 4, 5]);
        go.store(true, Ordering::Relaxed);
        assert_eq!((results.next(), results.next(), results.next()), (Some(0), None, None));
    });
}

/// An iterator over a pool's results feeds another one of the same pool.
#[test]
fn imaps_of_one_pool_in_a_row() {
    each_mode(|| {
        for limit in [1, 2] {
            let pool = Pool::new(limit);
            let inner = pool.imap(0..20, |n| {
                yield_now();
                n + 1
            });
            let outer = pool.imap_unordered(inner, |n| {
                yield_now();
                n * 2
            });
            let mut all: Vec<_> = pool.imap(outer, |n| n).collect();
            all.sort_unstable();
            assert_eq!(all, (1..=20).map(|n| n * 2).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_panic_in_a_map() {
    each_mode(|| {
        let pool = Pool::new(2);
        let f = |n: i32| match n {
            3 => resume_unwind(Box::new(n)),
            n if n > 3 => sleep(Duration::MAX),
            _ => {}
        };
        let caught = catch_unwind(AssertUnwindSafe(|| pool.map(0..10, f))).unwrap_err();
        assert_eq!(*caught.downcast::<i32>().unwrap(), 3);
        intact(&pool);
        // The iterator goes on behind it.
        let mut results = pool.imap(0..5, move |n| f(n.min(3)));
        (0..3).for_each(|_| results.next().unwrap());
        for _ in 0..2 {
            assert!(catch_unwind(AssertUnwindSafe(|| results.next())).is_err());
        }
        assert!(results.next().is_none());
        drop(results);
        // A panic of the input is the caller's.
        let items = (0..5).inspect(|n| {
            if *n == 2 {
                resume_unwind(Box::new("input"));
            }
        });
        let caught = catch_unwind(AssertUnwindSafe(|| pool.map(items, |n| n))).unwrap_err();
        assert_eq!(*caught.downcast::<&str>().unwrap(), "input");
        intact(&pool);
    });
}

#[test]
fn the_first_error_ends_a_map() {
    each_mode(|| {
        let (pool, gauge) = (Pool::new(3), Gauge::default());
        let inside = gauge.clone();
        let result = pool.try_map(0..100, move |n| {
            let _inside = inside.enter();
            if n == 2 {
                return Err("two");
            }
            sleep(Duration::MAX);
            Ok(())
        });
        assert_eq!(result, Err("two"));
        pool.wait_idle();
        assert_eq!(gauge.inside(), 0);
        intact(&pool);
    });
}

#[test]
fn an_interrupted_map() {
    each_mode(|| {
        let (pool, gauge) = (Arc::new(Pool::new(2)), Gauge::default());
        for which in 0..4 {
            let (inside, inner) = (gauge.clone(), pool.clone());
            let f = move |_| {
                let _inside = inside.enter();
                sleep(Duration::MAX);
            };
            let mapper = spawn(move || match which {
                0 => drop(inner.map(0..5, f)),
                1 => drop(inner.imap_unordered(0..5, f).next()),
                2 => drop(inner.try_map(0..5, move |n| {
                    f(n);
                    Ok::<_, ()>(())
                })),
                _ => drop(inner.scope_map(0..5, f)),
            });
            until(|| gauge.inside() == 2);
            mapper.cancel();
            assert!(mapper.join().unwrap_err().is::<Cancelled>());
            intact(&pool);
            assert_eq!(gauge.inside(), 0);
        }
    });
}

/// A time-out in the middle of an iteration loses no result and no item.
#[test]
fn an_interrupted_iteration_goes_on() {
    each_mode(|| {
        let pool = Pool::new(2);
        let f = |n: u64| {
            sleep(Duration::from_micros(n * 7 % 100));
            n
        };
        let mut ordered = pool.imap(0..60, f);
        let mut got = Vec::new();
        while got.len() < 60 {
            got.extend(timeout(Duration::from_micros(30), || ordered.next()).ok().flatten());
        }
        assert_eq!(got, (0..60).collect::<Vec<_>>());
        let mut unordered = pool.imap_unordered(0..60, f);
        let mut got = Vec::new();
        while got.len() < 60 {
            got.extend(timeout(Duration::from_micros(30), || unordered.next()).ok().flatten());
        }
        got.sort_unstable();
        assert_eq!(got, (0..60).collect::<Vec<_>>());
    });
}

#[test]
fn scoped_maps_borrow() {
    let on_all = || {
        let (pool, gauge) = (Pool::new(2), Gauge::default());
        let words: Vec<String> = (0..20).map(|n| "x".repeat(n)).collect();
        let mut slots = vec![0; 20];
        let lengths = pool.scope_map(words.iter().zip(&mut slots), |(word, slot)| {
            let _inside = gauge.enter();
            yield_now();
            *slot = word.len();
            word.as_str()
        });
        assert_eq!(lengths, words);
        assert_eq!(slots, (0..20).collect::<Vec<_>>());
        assert!(gauge.most() <= 2);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            pool.scope_map(&words, |word| match word.len() {
                1 => resume_unwind(Box::new(1)),
                _ => sleep(Duration::from_micros(10)),
            })
        }));
        assert_eq!(*caught.unwrap_err().downcast::<i32>().unwrap(), 1);
        intact(&pool);
    };
    each_mode(on_all);
    on_all();
}

#[test]
fn shutdown_and_drop() {
    let on_all = || {
        let pool = Arc::new(Pool::new(2));
        let (go, started) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (gone, start) = (go.clone(), started.clone());
        let sleeper = pool.spawn(|| sleep(Duration::MAX));
        let stubborn = pool.spawn(move || {
            start.store(true, Ordering::Relaxed);
            until(|| gone.load(Ordering::Relaxed));
        });
        until(|| started.load(Ordering::Relaxed));
        let inner = pool.clone();
        let waiter = spawn(move || inner.spawn(|| ()).join());
        waits_for_a_place(&waiter);
        while pool.shutdown(Duration::from_millis(1)) != 1 {}
        assert!(sleeper.join().unwrap_err().is::<Cancelled>());
        assert!(waiter.join().unwrap().unwrap_err().is::<Cancelled>());
        let ran = Arc::new(AtomicBool::new(false));
        let flag = ran.clone();
        let late = pool.spawn(move || flag.store(true, Ordering::Relaxed));
        assert!(late.join().unwrap_err().is::<Cancelled>());
        assert!(!ran.load(Ordering::Relaxed));
        go.store(true, Ordering::Relaxed);
        assert_eq!(pool.shutdown(Duration::MAX), 0);
        stubborn.join().unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| pool.map(0..3, |n| n))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| pool.scope_map(0..3, |n| n))).is_err());
        pool.wait_idle();

        let dropped = Pool::new(2);
        let left = dropped.spawn(|| sleep(Duration::MAX));
        drop(dropped);
        assert!(left.join().unwrap_err().is::<Cancelled>());
        let pool = Pool::new(2);
        let left = [(); 2].map(|()| pool.spawn(|| sleep(Duration::MAX)));
        pool.cancel_all();
        left.into_iter().for_each(|h| assert!(h.join().unwrap_err().is::<Cancelled>()));
        intact(&pool);
    };
    each_mode(on_all);
    on_all();
}

/// Spawners of all kinds and all ends of their coroutines, on two workers and threads.
#[test]
fn storms_leave_it_intact() {
    let _watched = watchdog();
    let runtime = own(2);
    let (pool, gauge) = (Arc::new(Pool::new(3)), Gauge::default());
    let spawner = |seed: u64| {
        let (pool, gauge) = (pool.clone(), gauge.clone());
        move || {
            for n in 0..60 {
                let gauge = gauge.clone();
                let body = move || {
                    let _inside = gauge.enter();
                    match (n + seed) % 4 {
                        0 => sleep(Duration::from_micros(n)),
                        1 => yield_now(),
                        2 => resume_unwind(Box::new(())),
                        _ => {}
                    }
                };
                match (n * 7 + seed) % 5 {
                    0 => drop(pool.try_spawn(body)),
                    1 => drop(pool.spawn_timeout(Duration::from_micros(n), body)),
                    2 => pool.spawn(body).cancel(),
                    3 => drop(timeout(Duration::from_micros(n), || pool.spawn(body))),
                    _ => drop(pool.spawn(body).join()),
                }
            }
        }
    };
    let coroutines: Vec<_> = (0..8).map(|seed| runtime.spawn(spawner(seed))).collect();
    let threads: Vec<_> = (8..10).map(|seed| std::thread::spawn(spawner(seed))).collect();
    coroutines.iter().step_by(3).for_each(JoinHandle::cancel);
    for coroutine in coroutines {
        let _ = coroutine.join();
    }
    threads.into_iter().for_each(|t| t.join().unwrap());
    assert!(gauge.most() <= 3);
    runtime.run(|| intact(&pool));
}

#[test]
fn a_pool_without_places() {
    let payload = catch_unwind(|| Pool::new(0)).unwrap_err();
    assert_eq!(*payload.downcast::<&str>().unwrap(), "a pool needs at least one place");
}
