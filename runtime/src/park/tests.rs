//! The queue, modelled with loom where its parts meet, and run on threads and coroutines.

use super::{Place, Queue, Reason};

const REASON: &Reason = &Reason("a test");

/// A bag of tokens: takers wait for them, givers hand them over.
type Bag = Queue<Vec<u32>, Option<u32>>;

fn give(bag: &Bag, token: u32) {
    let mut locked = bag.lock();
    let wakeup = match locked.serve(0, |slot| *slot = Some(token)) {
        Some(((), wakeup)) => wakeup,
        None => {
            locked.push(token);
            return;
        }
    };
    drop(locked);
    drop(wakeup);
}

fn take(bag: &Bag, deadline: Option<std::time::Instant>) -> Option<u32> {
    let mut locked = bag.lock();
    if let Some(token) = locked.pop() {
        return Some(token);
    }
    match locked.wait(0, Place::Back, None, REASON, deadline) {
        Ok(token) => token,
        Err((_, token, _)) => {
            assert!(token.is_none(), "left with a token");
            None
        }
    }
}

#[cfg(greenwood_loom)]
mod models {
    use super::*;
    use loom::thread;
    use std::sync::Arc;

    fn model(f: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(f);
    }

    #[test]
    fn loom_a_waiter_is_served() {
        model(|| {
            let bag = Arc::new(Bag::new(Vec::new()));
            let giver = bag.clone();
            let thread = thread::spawn(move || give(&giver, 7));
            assert_eq!(take(&bag, None), Some(7));
            thread.join().unwrap();
        });
    }

    /// A deadline that passes while a token is handed over: the token is taken, or still there.
    #[test]
    fn loom_nothing_is_lost_when_a_deadline_passes() {
        model(|| {
            let bag = Arc::new(Bag::new(Vec::new()));
            let giver = bag.clone();
            let thread = thread::spawn(move || give(&giver, 7));
            let taken = take(&bag, Some(std::time::Instant::now()));
            thread.join().unwrap();
            assert_eq!(taken.is_none(), bag.lock().pop() == Some(7));
        });
    }

    /// A waiter in two queues, served in both at once, takes from one, and leaves the other's token there.
    #[test]
    fn loom_one_of_two_queues_serves() {
        use crate::park::{Seat, Waiter};
        model(|| {
            let bags = Arc::new([Bag::new(Vec::new()), Bag::new(Vec::new())]);
            let givers: Vec<_> = (0..2)
                .map(|i| {
                    let bags = bags.clone();
                    thread::spawn(move || give(&bags[i], i as u32))
                })
                .collect();
            let waiter = Waiter::new();
            let seats = [Seat::new(), Seat::new()];
            let entries = [0, 1].map(|i| {
                let mut locked = bags[i].lock();
                match locked.pop() {
                    Some(token) => Err(token),
                    // SAFETY: it leaves below, if nothing panics.
                    None => Ok(unsafe { locked.enlist(0, &seats[i], &waiter, i as u32 + 1, None) }),
                }
            });
            let mut taken = Vec::new();
            if entries.iter().all(Result::is_ok) {
                waiter.wait(REASON, None).unwrap();
            } else {
                waiter.give_up();
            }
            for (i, entry) in entries.into_iter().enumerate() {
                match entry {
                    Err(token) => taken.push(token),
                    // SAFETY: it is in this list.
                    Ok(()) => taken.extend(unsafe { bags[i].leave(0, &seats[i]) }.flatten()),
                }
            }
            givers.into_iter().for_each(|g| g.join().unwrap());
            taken.extend(bags[0].lock().pop());
            taken.extend(bags[1].lock().pop());
            taken.sort_unstable();
            assert_eq!(taken, [0, 1]);
        });
    }
}

#[cfg(not(greenwood_loom))]
mod runs {
    use super::*;
    use crate::{Runtime, spawn, timeout, yield_now};
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn waiters_are_served_in_order() {
        Runtime::builder().workers(1).build().unwrap().run(|| {
            let bag = Arc::new(Bag::new(Vec::new()));
            let takers: Vec<_> = (0..3)
                .map(|_| {
                    let bag = bag.clone();
                    spawn(move || take(&bag, None))
                })
                .collect();
            yield_now();
            (0..3).for_each(|token| give(&bag, token));
            for (i, taker) in takers.into_iter().enumerate() {
                assert_eq!(taker.join().unwrap(), Some(i as u32));
            }
        });
    }

    #[test]
    fn a_time_out_leaves_the_queue() {
        let bag = Bag::new(Vec::new());
        let wait = || bag.lock().wait(0, Place::Back, None, REASON, None).map_err(|_| ());
        let on_both = || {
            let left = timeout(Duration::from_millis(1), || assert_eq!(wait(), Err(())));
            assert_eq!(left, Ok(()));
            assert!(bag.lock().is_empty(0));
        };
        on_both();
        Runtime::builder().workers(1).build().unwrap().run(on_both);
    }

    #[test]
    fn who_unwinds_before_its_wait_leaves_the_queue() {
        let bag = Bag::new(Vec::new());
        let unwinds = || std::panic::resume_unwind(Box::new("a test"));
        let wait = || bag.lock().wait_after(0, Place::Back, None, REASON, None, unwinds).is_ok();
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(wait)).is_err());
        assert!(bag.lock().is_empty(0));
    }

    /// Whatever ends a taker's wait as a token is given to it, the token is with somebody.
    #[test]
    fn nothing_is_lost_to_time_outs_and_cancellations() {
        use crate::{CancelToken, deadline, now};
        use std::sync::atomic::{AtomicU32, Ordering};

        const TOKENS: u32 = 4000;
        let bag = Arc::new(Bag::new(Vec::new()));
        let taken = Arc::new(AtomicU32::new(0));
        let taker = |n: u64| {
            let (bag, taken) = (bag.clone(), taken.clone());
            move || {
                for round in n.. {
                    let until = now() + Duration::from_micros(round * 7 % 60);
                    let own = (round % 3 == 0).then_some(until);
                    let token = CancelToken::new();
                    if round % 5 == 0 {
                        token.cancel();
                    }
                    let got = deadline(until, || token.run(|| take(&bag, own))).unwrap().unwrap();
                    let count = taken.fetch_add(u32::from(got.is_some()), Ordering::Relaxed);
                    if count + u32::from(got.is_some()) >= TOKENS {
                        return;
                    }
                    yield_now();
                }
            }
        };
        let runtime = Runtime::builder().workers(2).build().unwrap();
        let green: Vec<_> = (0..6).map(|n| runtime.spawn(taker(n))).collect();
        let threads: Vec<_> = (6..8).map(|n| std::thread::spawn(taker(n))).collect();
        for n in 0..TOKENS {
            give(&bag, n);
            if n % 16 == 0 {
                std::thread::sleep(Duration::from_micros(u64::from(n) % 90));
            }
        }
        green.into_iter().for_each(|handle| handle.join().unwrap());
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(taken.load(Ordering::Relaxed), TOKENS);
        assert!(bag.lock().is_empty(0) && bag.lock().pop().is_none());
    }
}
