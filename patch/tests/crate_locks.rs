//! Other crates' locks, channels and pools, unchanged, on one worker.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{Others, patched, until};
use greenwood_runtime::{sleep, spawn};
use rayon::prelude::*;

/// Time-outs that pass while the others run.
const A_WHILE: Duration = Duration::from_millis(30);

#[test]
fn parking_lot_mutexes_let_one_in_at_a_time() {
    patched(|| {
        let others = Others::new();
        let mutex = Arc::new(parking_lot::Mutex::new((0, false)));
        let work = {
            let mutex = mutex.clone();
            move || {
                for _ in 0..20 {
                    let mut held = mutex.lock();
                    assert!(!std::mem::replace(&mut held.1, true), "two are in");
                    sleep(Duration::from_micros(100));
                    held.0 += 1;
                    held.1 = false;
                }
            }
        };
        let coroutines: Vec<_> = (0..5).map(|_| spawn(work.clone())).collect();
        let thread = std::thread::spawn(work);
        others.run_during(|| coroutines.into_iter().for_each(|c| c.join().unwrap()));
        until(|| thread.is_finished());
        thread.join().unwrap();
        assert_eq!(mutex.lock().0, 120);
    });
}

#[test]
fn parking_lot_rwlocks_and_conditions() {
    patched(|| {
        let others = Others::new();
        let pause = others.pause();
        let lock = Arc::new(parking_lot::RwLock::new(0));
        let writer = spawn({
            let lock = lock.clone();
            move || {
                let mut held = lock.write();
                pause.wait();
                *held = 1;
            }
        });
        until(|| lock.try_read().is_none());
        others.run_during(|| assert_eq!(*lock.read(), 1));
        writer.join().unwrap();

        let shared = Arc::new((parking_lot::Mutex::new(0), parking_lot::Condvar::new()));
        let told = {
            let shared = shared.clone();
            move || {
                pause.wait();
                *shared.0.lock() += 1;
                shared.1.notify_all();
            }
        };
        std::thread::spawn(told.clone());
        spawn(told);
        others.run_during(|| {
            let mut count = shared.0.lock();
            while *count < 2 {
                shared.1.wait(&mut count);
            }
        });
        let mut count = shared.0.lock();
        others.run_during(|| assert!(shared.1.wait_for(&mut count, A_WHILE).timed_out()));
    });
}

#[test]
fn crossbeam_channels() {
    patched(|| {
        let others = Others::new();
        let (numbers, from_numbers) = crossbeam_channel::bounded::<u32>(2);
        let (words, from_words) = crossbeam_channel::unbounded::<&str>();
        let (rendezvous, from_rendezvous) = crossbeam_channel::bounded::<u32>(0);
        spawn(move || {
            for n in 0..50 {
                numbers.send(n).unwrap();
            }
        });
        std::thread::spawn(move || {
            for _ in 0..20 {
                words.send("word").unwrap();
                sleep(Duration::from_micros(100));
            }
        });
        spawn(move || {
            for n in 0..10 {
                rendezvous.send(n).unwrap();
                sleep(Duration::from_micros(200));
            }
        });
        let (mut sum, mut count, mut met, mut open) = (0, 0, 0, 3);
        let (mut a, mut b, mut c) = (from_numbers, from_words, from_rendezvous);
        others.run_during(|| {
            while open > 0 {
                crossbeam_channel::select! {
                    recv(a) -> n => match n {
                        Ok(n) => sum += n,
                        Err(_) => (a, open) = (crossbeam_channel::never(), open - 1),
                    },
                    recv(b) -> word => match word {
                        Ok(_) => count += 1,
                        Err(_) => (b, open) = (crossbeam_channel::never(), open - 1),
                    },
                    recv(c) -> n => match n {
                        Ok(n) => met += n,
                        Err(_) => (c, open) = (crossbeam_channel::never(), open - 1),
                    },
                }
            }
        });
        assert_eq!((sum, count, met), (49 * 25, 20, 45));
        let (_sender, nothing) = crossbeam_channel::bounded::<()>(1);
        others.run_during(|| {
            crossbeam_channel::select! {
                recv(nothing) -> _ => unreachable!(),
                default(A_WHILE) => {}
            }
        });
    });
}

#[test]
fn rayon_from_coroutines() {
    patched(|| {
        let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap());
        let others = Others::new();
        let callers: Vec<_> = (0..4u64)
            .map(|i| {
                let pool = pool.clone();
                spawn(move || {
                    pool.install(|| {
                        (0..8u64)
                            .into_par_iter()
                            .map(|n| {
                                std::thread::sleep(Duration::from_micros(500));
                                n * i
                            })
                            .sum::<u64>()
                    })
                })
            })
            .collect();
        let sum = others.run_during(|| callers.into_iter().map(|c| c.join().unwrap()).sum::<u64>());
        assert_eq!(sum, 28 + 56 + 84);
        // The global pool, too.
        let squares: u64 = (0..1000u64).into_par_iter().map(|n| n * n).sum();
        assert_eq!(squares, 332_833_500);
    });
}

#[test]
fn several_tokio_runtimes_at_once() {
    patched(|| {
        let others = Others::new();
        let runtime =
            || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (requests, mut from_requests) =
            tokio::sync::mpsc::channel::<(u32, tokio::sync::oneshot::Sender<u32>)>(1);
        let server = spawn(move || {
            runtime().block_on(async move {
                let mut served = 0;
                while let Some((n, reply)) = from_requests.recv().await {
                    tokio::time::sleep(Duration::from_micros(200)).await;
                    reply.send(n * 2).unwrap();
                    served += 1;
                }
                served
            })
        });
        let clients: Vec<_> = (0..3)
            .map(|i| {
                let requests = requests.clone();
                spawn(move || {
                    runtime().block_on(async move {
                        for n in 0..10 {
                            let (reply, answer) = tokio::sync::oneshot::channel();
                            requests.send((n + i, reply)).await.unwrap();
                            assert_eq!(answer.await.unwrap(), (n + i) * 2);
                        }
                    });
                })
            })
            .collect();
        drop(requests);
        others.run_during(|| clients.into_iter().for_each(|c| c.join().unwrap()));
        assert_eq!(server.join().unwrap(), 30);
    });
}

#[test]
fn a_scoped_pool_counts() {
    patched(|| {
        let others = Others::new();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let count = AtomicUsize::new(0);
        others.run_during(|| {
            pool.scope(|s| {
                for _ in 0..10 {
                    s.spawn(|_| {
                        std::thread::sleep(Duration::from_millis(1));
                        count.fetch_add(1, Ordering::Relaxed);
                    });
                }
            });
        });
        assert_eq!(count.into_inner(), 10);
    });
}
