//! Channels: time-outs and cancellation at each wait, and that no message is lost by them.

mod channels;
mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use channels::{Mix, each_mix};
use common::{each_mode, own, until, watchdog};
use greenwood_runtime::channel::{
    Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded, never, select, tick, unbounded,
};
use greenwood_runtime::{
    Builder, Cancelled, Elapsed, JoinHandle, Placement, Runtime, now, sleep, spawn, timeout,
};

#[track_caller]
fn cancelled<T: std::fmt::Debug>(handle: JoinHandle<T>, reason: &str) {
    until(|| handle.coroutine().waits_for() == Some(reason));
    handle.cancel();
    assert!(handle.join().unwrap_err().is::<Cancelled>());
}

#[test]
fn time_outs() {
    each_mix(|mix| {
        for capacity in [0, 1] {
            let (s, r) = bounded(capacity);
            (0..capacity).for_each(|i| s.send(i).unwrap());
            let party = mix.start(0, move || {
                let soon = Duration::from_millis(1);
                assert_eq!(s.send_timeout(9, soon), Err(SendTimeoutError::Timeout(9)));
                assert_eq!(s.send_deadline(9, now() + soon), Err(SendTimeoutError::Timeout(9)));
                s
            });
            let s = party.join();
            (0..capacity).for_each(|i| assert_eq!(r.recv(), Ok(i)));
            let party = mix.start(1, move || {
                let soon = Duration::from_millis(1);
                assert_eq!(r.recv_timeout(soon), Err(RecvTimeoutError::Timeout));
                assert_eq!(r.recv_deadline(now() + soon), Err(RecvTimeoutError::Timeout));
            });
            party.join();
            drop(s);
        }
    });
}

#[test]
fn cancelled_in_each_wait() {
    each_mode(|| {
        let drops = Arc::new(());
        for capacity in [0, 1] {
            let (s, r) = bounded(capacity);
            (0..capacity).for_each(|_| s.send(drops.clone()).unwrap());
            let (sender, message) = (s.clone(), drops.clone());
            cancelled(spawn(move || sender.send(message)), "channel send");
            assert_eq!(Arc::strong_count(&drops), 1 + capacity, "its message was dropped");
            let (sender, message) = (s.clone(), drops.clone());
            let selecting = spawn(move || {
                select! {
                    send(sender, message) -> _ => {}
                    recv(never::<u8>()) -> _ => {}
                }
            });
            cancelled(selecting, "select");
            assert_eq!(r.try_iter().count(), capacity);
            let receiver = r.clone();
            cancelled(spawn(move || receiver.recv().is_ok()), "channel receive");
            let receiver = r.clone();
            let selecting = spawn(move || {
                select! {
                    recv(receiver) -> _ => {}
                    recv(never::<u8>()) -> _ => {}
                }
            });
            cancelled(selecting, "select");
            // Nobody of them is left in a queue.
            assert_eq!(s.try_send(drops.clone()).is_ok(), capacity == 1);
        }
        cancelled(spawn(|| never::<u8>().recv()), "channel receive");
        cancelled(spawn(|| tick(Duration::from_secs(3600)).recv()), "channel receive");
        assert_eq!(Arc::strong_count(&drops), 1);
    });
}

#[test]
fn a_time_out_around_it() {
    each_mode(|| {
        let (s, r) = bounded(0);
        assert_eq!(timeout(Duration::from_millis(1), || s.send(1)), Err(Elapsed));
        assert_eq!(timeout(Duration::from_millis(1), || r.recv()), Err(Elapsed));
        let select = || {
            select! {
                send(s, 1) -> _ => {}
                recv(r) -> _ => {}
            }
        };
        assert_eq!(timeout(Duration::from_millis(1), select), Err(Elapsed));
        assert_eq!(s.try_send(1).unwrap_err().into_inner(), 1);
    });
}

/// A receiver that is cancelled while it waits for a selected sender's message leaves that to the next.
#[test]
fn cancelled_while_its_message_is_made() {
    each_mode(|| {
        let (s, r) = bounded(0);
        let (go, gone) = bounded::<()>(0);
        let sender = spawn(move || {
            select! {
                send(s, { let _ = gone.recv(); 7 }) -> r => r,
                recv(never::<u8>()) -> _ => unreachable!(),
            }
        });
        until(|| sender.coroutine().waits_for() == Some("select"));
        let first = r.clone();
        let receiver = spawn(move || first.recv());
        until(|| sender.coroutine().waits_for() == Some("channel receive"));
        cancelled(receiver, "channel receive");
        drop(go);
        assert_eq!(r.recv(), Ok(7));
        assert_eq!(sender.join().unwrap(), Ok(()));
    });
}

/// A message that is handed over to one that is cancelled at the same time: received, or still there.
#[test]
fn handed_over_and_cancelled_at_once() {
    each_mode(|| {
        for _ in 0..100 {
            let (s, r) = unbounded();
            let receiver = r.clone();
            let got = Arc::new(AtomicUsize::new(0));
            let count = got.clone();
            let handle = spawn(move || {
                receiver.recv().unwrap();
                count.fetch_add(1, Ordering::Relaxed);
            });
            until(|| handle.coroutine().waits_for() == Some("channel receive"));
            s.send(()).unwrap();
            handle.cancel();
            let _ = handle.join();
            assert_eq!(got.load(Ordering::Relaxed) + r.len(), 1);
        }
    });
}

/// What became of the messages.
#[derive(Default)]
struct Account {
    sent: AtomicUsize,
    given_back: AtomicUsize,
    received: AtomicUsize,
    alive: Arc<()>,
}

/// A small generator, so that a failure can be run again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn produce(s: &Sender<Arc<()>>, account: &Account, dice: &mut Dice) {
    let message = account.alive.clone();
    let short = Duration::from_micros(dice.below(60));
    let sent = match dice.below(5) {
        0 => s.try_send(message).map_err(|e| e.into_inner()),
        1 => s.send_timeout(message, short).map_err(|e| e.into_inner()),
        2 => select! {
            send(s, message) -> result => result.map_err(|e| e.into_inner()),
            default(short) => return,
        },
        3 => select! {
            send(s, { if short.as_micros() < 20 { sleep(short) } message }) -> result => {
                result.map_err(|e| e.into_inner())
            }
            recv(never::<u8>()) -> _ => unreachable!(),
        },
        _ => s.send(message).map_err(|e| e.into_inner()),
    };
    let count = if sent.is_ok() { &account.sent } else { &account.given_back };
    count.fetch_add(1, Ordering::Relaxed);
}

fn consume(r: &Receiver<Arc<()>>, account: &Account, dice: &mut Dice) -> bool {
    let short = Duration::from_micros(dice.below(60));
    let got = match dice.below(5) {
        0 => r.try_recv().map_err(|e| e.is_disconnected()),
        1 => r.recv_timeout(short).map_err(|e| e.is_disconnected()),
        2 => select! {
            recv(r) -> m => m.map_err(|_| true),
            default(short) => Err(false),
        },
        3 => select! {
            recv(r) -> m => m.map_err(|_| true),
            recv(never::<u8>()) -> _ => unreachable!(),
        },
        _ => r.recv().map_err(|_| true),
    };
    if got.is_ok() {
        account.received.fetch_add(1, Ordering::Relaxed);
    }
    got != Err(true)
}

/// Producers and consumers of every kind, with time-outs, some of them cancelled on the way.
fn storm(runtime: &Runtime, capacity: Option<usize>, seed: u64) {
    let account = Arc::new(Account::default());
    let (s, r) = capacity.map_or_else(unbounded, bounded);
    let start = |n: u64, f: Box<dyn FnOnce() + Send>| {
        let place = Builder::new().placement(Placement::Worker(n as usize % 2));
        runtime.spawn_with(place, f).unwrap()
    };
    let mut coroutines = Vec::new();
    for n in 0..6 {
        let (s, a) = (s.clone(), account.clone());
        let f = move || (0..60).for_each(|i| produce(&s, &a, &mut Dice(seed * 31 + n * 7 + i)));
        coroutines.push(start(n, Box::new(f)));
        let (r, a) = (r.clone(), account.clone());
        let f = move || {
            let mut dice = Dice(seed * 57 + n);
            while consume(&r, &a, &mut dice) {}
        };
        coroutines.push(start(n + 1, Box::new(f)));
    }
    let (s2, r2, a, b) = (s.clone(), r.clone(), account.clone(), account.clone());
    let producer = Mix::Threads
        .start(0, move || (0..60).for_each(|i| produce(&s2, &a, &mut Dice(seed * 77 + i))));
    let consumer = Mix::Threads.start(0, move || {
        let mut dice = Dice(seed * 91);
        while consume(&r2, &b, &mut dice) {}
    });
    drop(s);
    let mut dice = Dice(seed);
    for _ in 0..4 {
        std::thread::sleep(Duration::from_micros(dice.below(400)));
        coroutines[dice.below(12) as usize].cancel();
    }
    producer.join();
    consumer.join();
    for coroutine in coroutines {
        if let Err(payload) = coroutine.join() {
            assert!(payload.is::<Cancelled>(), "seed {seed}");
        }
    }
    let left = r.try_iter().count();
    let count = |n: &AtomicUsize| n.load(Ordering::Relaxed);
    // A consumer may be cancelled after it has its message, and a producer after its message was taken: in calls that do not wait for
    // a cancellation, so before they count.
    assert_eq!(count(&account.sent), count(&account.received) + left, "seed {seed}");
    assert_eq!(Arc::strong_count(&account.alive), 1, "seed {seed}: dropped once each");
}

#[test]
fn storms() {
    let _watched = watchdog();
    let runtime = own(2);
    for seed in 0..40 {
        for capacity in [Some(0), Some(1), Some(3), None] {
            storm(&runtime, capacity, seed);
        }
    }
}
