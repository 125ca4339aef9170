//! Futures on coroutines and threads: crates without a reactor, nesting, stray wakers, and cancellation.

mod common;

use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use common::{each_mode, each_runtime, until, watchdog};
use futures::future::{join_all, select};
use futures::stream::{FuturesUnordered, StreamExt};
use greenwood_runtime::{
    Builder, Cancelled, Elapsed, Placement, block_on, scope, shield, sleep, spawn, timeout,
    yield_now,
};

/// Ready once it has been polled so often; wakes itself in between.
fn after_polls(mut polls: usize) -> impl Future<Output = ()> {
    poll_fn(move |cx| {
        if polls == 0 {
            return Poll::Ready(());
        }
        polls -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

/// A pair of messages back and forth between `here` and wherever `elsewhere` runs its closure.
fn ping_pong(elsewhere: impl FnOnce(Box<dyn FnOnce() + Send>)) {
    const ROUNDS: u32 = 500;
    let (to, from_here) = async_channel::bounded(1);
    let (back, received) = tokio::sync::mpsc::channel(1);
    let mut received = received;
    elsewhere(Box::new(move || {
        block_on(async {
            while let Ok(n) = from_here.recv().await {
                back.send(n).await.unwrap();
            }
        });
    }));
    for n in 0..ROUNDS {
        block_on(to.send(n)).unwrap();
        assert_eq!(block_on(received.recv()), Some(n));
    }
    drop(to);
    assert_eq!(block_on(received.recv()), None);
}

#[test]
fn between_coroutines_and_threads() {
    each_runtime(|runtime| {
        let last = runtime.workers() - 1;
        runtime.run(|| {
            for worker in [0, last] {
                ping_pong(|body| {
                    let place = Builder::new().placement(Placement::Worker(worker));
                    drop(place.spawn(body).unwrap());
                });
            }
            ping_pong(|body| drop(std::thread::spawn(body)));
        });
        ping_pong(|body| drop(runtime.spawn(body)));
    });
    ping_pong(|body| drop(std::thread::spawn(body)));
}

#[test]
fn the_others_run_meanwhile() {
    each_mode(|| {
        let turns = AtomicUsize::new(0);
        let (send, receive) = tokio::sync::oneshot::channel();
        scope(|s| {
            s.spawn(|| {
                turns.fetch_add(1, Ordering::Relaxed);
                send.send(7).unwrap();
            });
            assert_eq!(block_on(receive), Ok(7));
            assert_eq!(turns.load(Ordering::Relaxed), 1);
        });
        // Also next to a future that never waits.
        let go = Arc::new(AtomicBool::new(false));
        let flag = go.clone();
        let here = Builder::new().placement(Placement::Here);
        let other = here.spawn(move || flag.store(true, Ordering::Relaxed)).unwrap();
        block_on(poll_fn(|cx| {
            if go.load(Ordering::Relaxed) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        other.join().unwrap();
    });
    block_on(after_polls(1000));
}

#[test]
fn locks_of_async_crates() {
    each_mode(|| {
        let counts = (async_lock::Mutex::new(0), tokio::sync::Mutex::new(0));
        let inside = AtomicUsize::new(0);
        scope(|s| {
            for _ in 0..10 {
                s.spawn(|| {
                    for _ in 0..20 {
                        block_on(async {
                            let mut one = counts.0.lock().await;
                            let mut other = counts.1.lock().await;
                            assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0);
                            after_polls(2).await;
                            // A wait of ours in the middle of a future.
                            yield_now();
                            inside.fetch_sub(1, Ordering::Relaxed);
                            (*one, *other) = (*one + 1, *other + 1);
                        });
                    }
                });
            }
        });
        assert_eq!((counts.0.into_inner(), counts.1.into_inner()), (200, 200));
    });
}

#[test]
fn many_futures_at_once() {
    each_mode(|| {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..50).map(|_| tokio::sync::oneshot::channel()).unzip();
        let sender = spawn(move || {
            for (n, sender) in senders.into_iter().enumerate().rev() {
                sender.send(n).unwrap();
                yield_now();
            }
        });
        let values = block_on(join_all(receivers));
        assert_eq!(values, (0..50).map(Ok).collect::<Vec<_>>());
        sender.join().unwrap();

        let (send, receive) = async_channel::unbounded();
        scope(|s| {
            for n in 0..20 {
                let send = &send;
                s.spawn(move || block_on(send.send(n)).unwrap());
            }
            let all: FuturesUnordered<_> = (0..20).map(|_| receive.recv()).collect();
            let mut got: Vec<_> = block_on(all.map(Result::unwrap).collect());
            got.sort_unstable();
            assert_eq!(got, (0..20).collect::<Vec<_>>());
        });

        let first = block_on(select(pending::<()>(), Box::pin(after_polls(3))));
        assert!(matches!(first, futures::future::Either::Right(_)));
    });
}

/// A wait inside a future takes the unpark that was meant for the future: the wake-up is not lost for that.
#[test]
fn nested() {
    let on_all = || {
        let (send, receive) = async_channel::bounded(1);
        let sender = spawn(move || {
            for n in 0..200 {
                block_on(send.send(n)).unwrap();
            }
        });
        for n in 0..200 {
            block_on(async {
                let outer = receive.recv();
                block_on(after_polls(1));
                sleep(Duration::from_micros(1));
                assert_eq!(outer.await, Ok(n));
                poll_fn(|cx| {
                    cx.waker().wake_by_ref();
                    sleep(Duration::ZERO);
                    block_on(after_polls(2));
                    Poll::<()>::Pending
                })
                .now_or(after_polls(1))
                .await;
            });
        }
        sender.join().unwrap();
    };
    each_mode(on_all);
    on_all();
}

trait NowOr: Future<Output = ()> + Sized {
    /// Polls this one along with `other` until that is ready.
    async fn now_or(self, other: impl Future<Output = ()>) {
        select(std::pin::pin!(self), std::pin::pin!(other)).await;
    }
}
impl<F: Future<Output = ()>> NowOr for F {}

#[test]
fn wakers_that_stay() {
    let on_all = || {
        let kept = Arc::new(Mutex::new(Vec::<Waker>::new()));
        for _ in 0..10 {
            let mut polled = false;
            block_on(poll_fn(|cx| {
                kept.lock().unwrap().push(cx.waker().clone());
                if std::mem::replace(&mut polled, true) {
                    return Poll::Ready(());
                }
                let waker = cx.waker().clone();
                std::thread::spawn(move || waker.wake());
                Poll::Pending
            }));
            kept.lock().unwrap().iter().for_each(Waker::wake_by_ref);
        }
        assert!(timeout(Duration::from_millis(1), || block_on(pending::<()>())).is_err());
        let dead = spawn(move || kept.lock().unwrap().drain(..).for_each(Waker::wake));
        dead.join().unwrap();
    };
    each_mode(on_all);
    on_all();
}

/// Notes that it was dropped.
struct Endless(Arc<AtomicBool>);

impl Future for Endless {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn interrupted() {
    each_mode(|| {
        let dropped = Arc::new(AtomicBool::new(false));
        let future = Endless(dropped.clone());
        let waits = spawn(move || block_on(future));
        until(|| waits.coroutine().waits_for() == Some("future"));
        waits.cancel();
        assert!(waits.join().unwrap_err().is::<Cancelled>());
        assert!(dropped.load(Ordering::Relaxed));
        // One that always wakes itself ends all the same.
        let polled = Arc::new(AtomicBool::new(false));
        let flag = polled.clone();
        let busy = spawn(move || {
            block_on(async {
                flag.store(true, Ordering::Relaxed);
                after_polls(usize::MAX).await;
            });
        });
        until(|| polled.load(Ordering::Relaxed));
        busy.cancel();
        assert!(busy.join().unwrap_err().is::<Cancelled>());
    });
    let on_all = || {
        let busy = || block_on(after_polls(usize::MAX));
        assert_eq!(timeout(Duration::from_millis(1), busy), Err(Elapsed));
        let idle = || block_on(pending::<()>());
        assert_eq!(timeout(Duration::from_millis(1), idle), Err(Elapsed));
    };
    each_mode(on_all);
    on_all();
}

/// What is received when the caller is cancelled at the same time is not lost.
#[test]
fn completed_while_cancelled() {
    each_mode(|| {
        for _ in 0..50 {
            let (send, receive) = async_channel::bounded::<u8>(1);
            let got = Arc::new(AtomicUsize::new(0));
            let (count, rest) = (got.clone(), receive.clone());
            let taker = spawn(move || {
                while block_on(receive.recv()).is_ok() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
            until(|| taker.coroutine().waits_for() == Some("future"));
            send.try_send(1).unwrap();
            taker.cancel();
            assert!(taker.join().unwrap_err().is::<Cancelled>());
            let left = usize::from(rest.try_recv().is_ok());
            assert_eq!(got.load(Ordering::Relaxed) + left, 1);
        }
    });
}

#[test]
fn panics_and_shields() {
    each_mode(|| {
        let caught =
            catch_unwind(AssertUnwindSafe(|| block_on(async { resume_unwind(Box::new(3)) })));
        let _: () = caught.map_err(|p| assert_eq!(*p.downcast::<i32>().unwrap(), 3)).unwrap_or(());
        let (send, receive) = tokio::sync::oneshot::channel();
        let shielded = spawn(move || shield(|| block_on(receive)).unwrap());
        until(|| shielded.coroutine().waits_for() == Some("future"));
        shielded.cancel();
        (0..20).for_each(|_| yield_now());
        send.send(4).unwrap();
        assert_eq!(shielded.join().unwrap(), 4);
    });
}

#[test]
fn without_switching() {
    let _watched = watchdog();
    common::own(1).run(|| {
        let (send, receive) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || send.send(4).unwrap());
        assert_eq!(greenwood_runtime::no_yield(|| block_on(receive)), Ok(4));
    });
}
