//! Condition variables and barriers, modelled: nothing is lost between giving up one lock and waiting for another.

use std::sync::Arc;
use std::time::Duration;

use loom::thread;

use super::{Barrier, Condvar, Mutex};

fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(f);
}

#[test]
fn loom_no_notification_is_lost() {
    model(|| {
        let pair = Arc::new((Mutex::new(false), Condvar::new()));
        let other = pair.clone();
        let notifier = thread::spawn(move || {
            *other.0.lock() = true;
            other.1.notify_one();
        });
        let guard = pair.1.wait_while(pair.0.lock(), |ready| !*ready);
        assert!(*guard);
        drop(guard);
        notifier.join().unwrap();
    });
}

/// Two waiters and two notifications, one of which may find a waiter whose time is over.
#[test]
fn loom_a_time_out_takes_no_notification() {
    model(|| {
        let tokens = Arc::new((Mutex::new(0), Condvar::new()));
        let (giver, hasty) = (tokens.clone(), tokens.clone());
        let giver = thread::spawn(move || {
            *giver.0.lock() = 1;
            giver.1.notify_one();
        });
        let hasty = thread::spawn(move || {
            let (guard, result) = hasty.1.wait_timeout(hasty.0.lock(), Duration::ZERO);
            // One that was notified, and does not want it, tells the next.
            drop(guard);
            if !result.timed_out() {
                hasty.1.notify_one();
            }
        });
        drop(tokens.1.wait_while(tokens.0.lock(), |count| *count == 0));
        giver.join().unwrap();
        hasty.join().unwrap();
    });
}

#[test]
fn loom_a_barrier_opens_for_two() {
    model(|| {
        let barrier = Arc::new(Barrier::new(2));
        let other = barrier.clone();
        let thread = thread::spawn(move || other.wait().is_leader());
        let leads = barrier.wait().is_leader();
        assert!(thread.join().unwrap() != leads);
    });
}
