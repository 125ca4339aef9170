//! The semaphore, modelled.

use std::sync::Arc;
use std::time::Instant;

use super::*;
use loom::cell::UnsafeCell;
use loom::thread;

fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(f);
}

/// One permit is a lock: what one holder wrote the next one reads, whichever way the permit came.
#[test]
fn loom_one_permit_excludes() {
    model(|| {
        let shared = Arc::new((Semaphore::new(1), UnsafeCell::new(0)));
        let visit = |shared: &(Semaphore, UnsafeCell<i32>)| {
            let _permit = shared.0.acquire().unwrap();
            // SAFETY: one at a time, which is what loom checks here.
            shared.1.with_mut(|n| unsafe { *n += 1 });
        };
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || visit(&shared))
            })
            .collect();
        visit(&shared);
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert!(shared.0.permits.rests_at(1));
    });
}

/// A deadline that passes while permits come: they are with the waiter or still there, and those behind it get theirs.
#[test]
fn loom_nothing_is_lost_when_a_deadline_passes() {
    model(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let of_giver = semaphore.clone();
        let giver = thread::spawn(move || of_giver.add_permits(1));
        let of_small = semaphore.clone();
        let small = thread::spawn(move || of_small.acquire().unwrap().forget());
        let two = semaphore.acquire_many_until(2, Instant::now());
        drop(two);
        giver.join().unwrap();
        small.join().unwrap();
        assert!(semaphore.permits.rests_at(1));
    });
}

#[test]
fn loom_close_reaches_everybody() {
    model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let of_waiter = semaphore.clone();
        let waiter = thread::spawn(move || of_waiter.acquire().map(Permit::forget));
        let of_giver = semaphore.clone();
        let giver = thread::spawn(move || of_giver.add_permits(1));
        semaphore.close();
        giver.join().unwrap();
        let got = waiter.join().unwrap().is_ok();
        assert!(semaphore.permits.rests_at(usize::from(!got)));
    });
}
