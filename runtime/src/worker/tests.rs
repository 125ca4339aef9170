//! loom models of the sleep protocol and the inbox: every interleaving that the memory model allows.

#[cfg(not(greenwood_loom))]
use super::inbox::{Bell, Inbox};

#[cfg(greenwood_loom)]
mod loom_models {
    use std::sync::Arc as StdArc;

    use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use loom::sync::{Arc, Condvar, Mutex};
    use loom::thread;

    use super::super::inbox::{Bell, Inbox};

    /// All interleavings with up to three preemptions, which bounds the time; bugs of two threads need two.
    fn explore(model: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(model);
    }

    /// The kernel's side of `mio::Waker`: a wake-up is remembered until a wait takes it.
    struct Waker {
        rung: Mutex<bool>,
        wakes: Condvar,
        count: AtomicUsize,
    }

    impl Waker {
        fn new() -> Waker {
            Waker { rung: Mutex::new(false), wakes: Condvar::new(), count: AtomicUsize::new(0) }
        }
        fn wake(&self) {
            self.count.fetch_add(1, Ordering::Relaxed);
            *self.rung.lock().unwrap() = true;
            self.wakes.notify_one();
        }
        /// Blocks for ever if nobody wakes: loom reports that as a deadlock.
        fn wait(&self) {
            let mut rung = self.rung.lock().unwrap();
            while !*rung {
                rung = self.wakes.wait(rung).unwrap();
            }
            *rung = false;
        }
    }

    struct Worker {
        inbox: Inbox<u32>,
        bell: Bell,
        waker: Waker,
    }

    impl Worker {
        fn new() -> Arc<Worker> {
            Arc::new(Worker { inbox: Inbox::new(), bell: Bell::new(), waker: Waker::new() })
        }
        fn send(&self, message: u32) {
            self.inbox.push(message).unwrap();
            self.bell.ring(|| self.waker.wake());
        }
        /// One round of the loop, as `turn_until_closed` and `sleep` do it.
        fn round(&self, got: &mut Vec<u32>) {
            if self.inbox.is_pending() {
                let mut letters = Vec::new();
                self.inbox.take(&mut letters);
                got.append(&mut letters);
                return;
            }
            self.bell.prepare_to_sleep();
            if !self.inbox.is_pending() {
                self.waker.wait();
            }
            self.bell.awake();
        }
    }

    #[test]
    fn loom_no_message_is_slept_over() {
        explore(|| {
            let worker = Worker::new();
            let senders: Vec<_> = (0..2)
                .map(|i| {
                    let worker = worker.clone();
                    thread::spawn(move || worker.send(i))
                })
                .collect();
            let mut got = Vec::new();
            while got.len() < 2 {
                worker.round(&mut got);
            }
            senders.into_iter().for_each(|s| s.join().unwrap());
            got.sort();
            assert_eq!(got, [0, 1]);
        });
    }

    #[test]
    fn loom_rings_coalesce_while_the_worker_sleeps() {
        explore(|| {
            let worker = Worker::new();
            worker.bell.prepare_to_sleep();
            let other = {
                let worker = worker.clone();
                thread::spawn(move || worker.send(1))
            };
            worker.send(2);
            other.join().unwrap();
            assert_eq!(worker.waker.count.load(Ordering::Relaxed), 1);
        });
    }

    /// The deques and the injector: plain memory that is written before the ring and read after the announcement.
    #[test]
    fn loom_new_work_is_seen_or_rung_for() {
        explore(|| {
            let worker = Worker::new();
            let work = Arc::new(AtomicBool::new(false));
            let sleepers = Arc::new(AtomicUsize::new(0));
            let spawner = {
                let (worker, work, sleepers) = (worker.clone(), work.clone(), sleepers.clone());
                thread::spawn(move || {
                    work.store(true, Ordering::Relaxed);
                    // As in `Pool::rouse_one`.
                    loom::sync::atomic::fence(Ordering::SeqCst);
                    if sleepers.load(Ordering::Relaxed) > 0 {
                        worker.bell.ring(|| worker.waker.wake());
                    }
                })
            };
            sleepers.fetch_add(1, Ordering::Relaxed);
            worker.bell.prepare_to_sleep();
            if !work.load(Ordering::Relaxed) {
                worker.waker.wait();
            }
            worker.bell.awake();
            sleepers.fetch_sub(1, Ordering::Relaxed);
            spawner.join().unwrap();
            assert!(work.load(Ordering::Relaxed));
        });
    }

    #[test]
    fn loom_a_closing_inbox_hands_every_message_to_somebody() {
        explore(|| {
            let inbox = Arc::new(Inbox::new());
            let sender = {
                let inbox = inbox.clone();
                thread::spawn(move || inbox.push(StdArc::new(7)).is_err())
            };
            let mut taken = Vec::new();
            inbox.take(&mut taken);
            taken.extend(inbox.close());
            let refused = sender.join().unwrap();
            assert_eq!(taken.len() + usize::from(refused), 1);
        });
    }

    /// `wake_pending`: a wake-up that is not sent, because one is on its way, is covered by that one.
    #[test]
    fn loom_a_skipped_wake_is_covered_by_the_pending_one() {
        explore(|| {
            let worker = Worker::new();
            let pending = Arc::new(AtomicBool::new(false));
            let facts = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
            let wakers: Vec<_> = (0..2)
                .map(|i| {
                    let (worker, pending, facts) = (worker.clone(), pending.clone(), facts.clone());
                    thread::spawn(move || {
                        facts[i].store(true, Ordering::Relaxed);
                        if !pending.swap(true, Ordering::AcqRel) {
                            worker.send(0);
                        }
                    })
                })
                .collect();
            // The coroutine waits for both facts, and looks again at each wake-up.
            while !facts.iter().all(|f| f.load(Ordering::Relaxed)) {
                let mut got = Vec::new();
                while got.is_empty() {
                    worker.round(&mut got);
                }
                pending.swap(false, Ordering::AcqRel);
            }
            wakers.into_iter().for_each(|w| w.join().unwrap());
        });
    }
}

#[cfg(not(greenwood_loom))]
mod plain {
    use super::*;

    #[test]
    fn a_bell_rings_once_a_sleep() {
        let bell = Bell::new();
        let mut rings = 0;
        assert!(!bell.ring(|| unreachable!("awake")));
        for _ in 0..2 {
            bell.prepare_to_sleep();
            assert!(bell.ring(|| rings += 1));
            assert!(!bell.ring(|| unreachable!("rung already")));
            bell.awake();
        }
        assert_eq!(rings, 2);
    }

    #[test]
    fn an_inbox_keeps_order_and_refuses_when_closed() {
        let inbox = Inbox::new();
        (0..5).for_each(|i| inbox.push(i).unwrap());
        let mut some = Vec::new();
        inbox.take_some(|len| len - 3, |i| some.push(i));
        assert_eq!(some, [0, 1]);
        assert!(inbox.is_pending());
        let mut rest = Vec::new();
        inbox.take(&mut rest);
        assert_eq!(rest, [2, 3, 4]);
        assert!(!inbox.is_pending());
        inbox.push(9).unwrap();
        assert_eq!(inbox.close(), [9]);
        assert_eq!(inbox.push(1), Err(1));
        inbox.reopen();
        assert_eq!(inbox.push(1), Ok(()));
    }
}
