//! std's locks, channels and threads, unchanged, on one worker.

mod common;

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{
    Arc, Barrier, Condvar, LazyLock, Mutex, Once, OnceLock, RwLock, WaitTimeoutResult, mpsc,
};
use std::time::{Duration, Instant};

use common::{Others, Pause, patched, until};
use greenwood_runtime::{sleep, spawn};

/// Time-outs that pass while the others run.
const A_WHILE: Duration = Duration::from_millis(30);

#[test]
fn a_mutex_held_over_a_wait() {
    patched(|| {
        let others = Others::new();
        let pause = others.pause();
        let mutex = Arc::new(Mutex::new(0));
        let handle = spawn({
            let mutex = mutex.clone();
            move || {
                let mut held = mutex.lock().unwrap();
                pause.wait();
                *held += 1;
            }
        });
        until(|| mutex.try_lock().is_err());
        others.run_during(|| *mutex.lock().unwrap() += 1);
        handle.join().unwrap();
        assert_eq!(*mutex.lock().unwrap(), 2);
    });
}

#[test]
fn a_mutex_shared_with_a_thread() {
    patched(|| {
        let others = Others::new();
        let pause = others.pause();
        let mutex = Arc::new(Mutex::new(0));
        // The thread has it and the coroutine waits.
        let locked = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (mutex, locked) = (mutex.clone(), locked.clone());
            move || {
                let mut held = mutex.lock().unwrap();
                locked.store(true, Ordering::Release);
                pause.wait();
                *held += 1;
            }
        });
        until(|| locked.load(Ordering::Acquire));
        others.run_during(|| *mutex.lock().unwrap() += 1);
        until(|| thread.is_finished());
        thread.join().unwrap();
        // The coroutine has it and the thread waits.
        let mut held = mutex.lock().unwrap();
        let thread = std::thread::spawn({
            let mutex = mutex.clone();
            move || *mutex.lock().unwrap() += 1
        });
        pause.wait();
        assert!(!thread.is_finished());
        *held += 1;
        drop(held);
        until(|| thread.is_finished());
        thread.join().unwrap();
        assert_eq!(*mutex.lock().unwrap(), 4);
    });
}

#[test]
fn readers_and_writers() {
    patched(|| {
        let others = Others::new();
        let pause = others.pause();
        let lock = Arc::new(RwLock::new(0));
        let writer = spawn({
            let lock = lock.clone();
            move || {
                let mut held = lock.write().unwrap();
                pause.wait();
                *held = 1;
            }
        });
        until(|| lock.try_read().is_err());
        let inside = Arc::new(AtomicUsize::new(0));
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let (lock, inside) = (lock.clone(), inside.clone());
                spawn(move || {
                    let held = lock.read().unwrap();
                    inside.fetch_add(1, Ordering::Relaxed);
                    pause.wait();
                    *held
                })
            })
            .collect();
        others.run_during(|| assert_eq!(*lock.read().unwrap(), 1));
        until(|| inside.load(Ordering::Relaxed) == 4);
        others.run_during(|| *lock.write().unwrap() = 2);
        readers.into_iter().for_each(|r| assert_eq!(r.join().unwrap(), 1));
        writer.join().unwrap();
    });
}

#[test]
fn a_condition() {
    patched(|| {
        let others = Others::new();
        let pause = others.pause();
        let shared = Arc::new((Mutex::new(false), Condvar::new()));
        let tell = |on_thread: bool| {
            let shared = shared.clone();
            let told = move || {
                pause.wait();
                *shared.0.lock().unwrap() = true;
                shared.1.notify_one();
            };
            match on_thread {
                true => drop(std::thread::spawn(told)),
                false => drop(spawn(told)),
            }
        };
        for on_thread in [false, true] {
            tell(on_thread);
            others.run_during(|| {
                let mut ready = shared.0.lock().unwrap();
                while !*ready {
                    ready = shared.1.wait(ready).unwrap();
                }
                *ready = false;
            });
        }
        // Nobody tells.
        let begun = Instant::now();
        let timed_out = |(_, result): (_, WaitTimeoutResult)| result.timed_out();
        others.run_during(|| {
            while !timed_out(shared.1.wait_timeout(shared.0.lock().unwrap(), A_WHILE).unwrap()) {}
        });
        assert!(begun.elapsed() >= A_WHILE);
    });
}

#[test]
fn what_happens_once() {
    patched(|| {
        static PAUSE: OnceLock<Pause> = OnceLock::new();
        static ONCE: Once = Once::new();
        static LAZY: LazyLock<u32> = LazyLock::new(|| {
            PAUSE.get().unwrap().wait();
            7
        });
        static CELL: OnceLock<u32> = OnceLock::new();
        static BEGUN: AtomicUsize = AtomicUsize::new(0);
        let others = Others::new();
        let _ = PAUSE.set(others.pause());
        let once = || {
            ONCE.call_once(|| {
                BEGUN.fetch_add(1, Ordering::Relaxed);
                PAUSE.get().unwrap().wait();
            })
        };
        let cell = || {
            *CELL.get_or_init(|| {
                BEGUN.fetch_add(1, Ordering::Relaxed);
                PAUSE.get().unwrap().wait();
                8
            })
        };
        let first = spawn(move || {
            once();
            cell() + *LAZY
        });
        until(|| BEGUN.load(Ordering::Relaxed) == 1);
        others.run_during(once);
        until(|| BEGUN.load(Ordering::Relaxed) == 2);
        others.run_during(|| assert_eq!(cell(), 8));
        others.run_during(|| assert_eq!(*LAZY, 7));
        assert_eq!(first.join().unwrap(), 15);
        assert_eq!(BEGUN.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn a_barrier_of_coroutines_and_threads() {
    patched(|| {
        let others = Others::new();
        let pause = others.pause();
        let barrier = Arc::new(Barrier::new(4));
        let leaders = Arc::new(AtomicUsize::new(0));
        let meet = {
            let (barrier, leaders) = (barrier.clone(), leaders.clone());
            move || {
                for _ in 0..20 {
                    leaders.fetch_add(barrier.wait().is_leader().into(), Ordering::Relaxed);
                }
            }
        };
        let coroutines = [spawn(meet.clone()), spawn(meet.clone())];
        let thread = std::thread::spawn(meet.clone());
        others.run_during(|| {
            pause.wait();
            meet();
        });
        coroutines.into_iter().for_each(|c| c.join().unwrap());
        until(|| thread.is_finished());
        assert_eq!(leaders.load(Ordering::Relaxed), 20);
    });
}

#[test]
fn park_and_unpark() {
    patched(|| {
        let others = Others::new();
        let pause = others.pause();
        let parked = |on_thread: bool| {
            let me = std::thread::current();
            let go = Arc::new(AtomicBool::new(false));
            let unpark = {
                let go = go.clone();
                move || {
                    pause.wait();
                    go.store(true, Ordering::Release);
                    me.unpark();
                }
            };
            match on_thread {
                true => drop(std::thread::spawn(unpark)),
                false => drop(spawn(unpark)),
            }
            others.run_during(|| {
                while !go.load(Ordering::Acquire) {
                    std::thread::park();
                }
            });
        };
        parked(false);
        parked(true);
        // Early ones are not lost, and each coroutine has its own.
        let idle = spawn(|| std::thread::park_timeout(A_WHILE));
        std::thread::current().unpark();
        std::thread::park();
        others.run_during(|| std::thread::park_timeout(A_WHILE));
        idle.join().unwrap();
    });
}

#[test]
fn channels() {
    patched(|| {
        let others = Others::new();
        let pause = others.pause();
        let (sender, receiver) = mpsc::channel();
        let producers: Vec<_> = (0..3)
            .map(|i| {
                let sender = sender.clone();
                let send = move || {
                    for n in 0..50 {
                        sleep(Duration::from_micros(50));
                        sender.send(n).unwrap();
                    }
                };
                match i {
                    0 => Ok(std::thread::spawn(send)),
                    _ => Err(spawn(send)),
                }
            })
            .collect();
        drop(sender);
        let sum: u32 = others.run_during(|| receiver.iter().sum());
        assert_eq!(sum, 3 * (0..50).sum::<u32>());
        producers.into_iter().for_each(|p| match p {
            Ok(thread) => {
                until(|| thread.is_finished());
                thread.join().unwrap();
            }
            Err(coroutine) => coroutine.join().unwrap(),
        });

        // A rendezvous, either side first.
        let (sender, receiver) = mpsc::sync_channel(0);
        let taker = spawn(move || {
            let first: u32 = receiver.recv().unwrap();
            pause.wait();
            let second = receiver.recv().unwrap();
            let nothing = receiver.recv_timeout(A_WHILE);
            (first, second, nothing)
        });
        pause.wait();
        sender.send(1).unwrap();
        others.run_during(|| sender.send(2).unwrap());
        let result = others.run_during(|| taker.join().unwrap());
        assert_eq!(result, (1, 2, Err(mpsc::RecvTimeoutError::Timeout)));
    });
}

#[test]
fn threads_of_a_scope() {
    patched(|| {
        let others = Others::new();
        let pause = others.pause();
        let sum = AtomicUsize::new(0);
        others.run_during(|| {
            std::thread::scope(|s| {
                for n in 1..=3 {
                    let sum = &sum;
                    s.spawn(move || {
                        pause.wait();
                        sum.fetch_add(n, Ordering::Relaxed);
                    });
                }
            });
        });
        assert_eq!(sum.into_inner(), 6);
    });
}

#[test]
fn a_lazy_local_whose_initialiser_waits() {
    patched(|| {
        thread_local!(static LOCAL: Cell<u32> = {
            static LOCK: Mutex<u32> = Mutex::new(0);
            let mut number = LOCK.lock().unwrap();
            *number += 1;
            sleep(Duration::from_millis(1));
            Cell::new(*number)
        });
        let handles: Vec<_> = (0..5).map(|_| spawn(|| (LOCAL.get(), LOCAL.get()))).collect();
        let mut seen: Vec<_> = handles.into_iter().map(|h| h.join().unwrap()).collect();
        assert!(seen.iter().all(|(first, again)| first == again));
        seen.sort_unstable();
        assert_eq!(seen.iter().map(|s| s.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    });
}

#[test]
fn a_destructor_that_locks_while_panicking() {
    patched(|| {
        struct Locks(Arc<Mutex<u32>>);
        impl Drop for Locks {
            fn drop(&mut self) {
                *self.0.lock().unwrap() += 1;
            }
        }
        let mutex = Arc::new(Mutex::new(0));
        let held = mutex.lock().unwrap();
        let locks = Locks(mutex.clone());
        let panics = spawn(move || {
            let _locks = locks;
            std::panic::resume_unwind(Box::new("expected"));
        });
        until(|| panics.coroutine().waits_for() == Some("futex"));
        assert!(!std::thread::panicking());
        drop(held);
        assert!(panics.join().is_err());
        assert!(!mutex.is_poisoned());
        assert_eq!(*mutex.lock().unwrap(), 1);
    });
}

#[test]
fn a_lock_is_not_interrupted() {
    patched(|| {
        let mutex = Arc::new(Mutex::new(0));
        let held = mutex.lock().unwrap();
        let waiter = spawn({
            let mutex = mutex.clone();
            move || {
                *mutex.lock().unwrap() += 1;
                // What can fail, or unwind, reports it.
                sleep(Duration::MAX);
            }
        });
        until(|| waiter.coroutine().waits_for() == Some("futex"));
        waiter.cancel();
        sleep(A_WHILE);
        assert!(!waiter.is_finished());
        drop(held);
        assert!(waiter.join().is_err());
        assert_eq!(*mutex.lock().unwrap(), 1);
    });
}
