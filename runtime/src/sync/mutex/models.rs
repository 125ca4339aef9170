//! The mutex, modelled: nobody shares it, no wake-up is lost, and whoever leaves leaves nothing behind.

use std::sync::Arc;
use std::time::Instant;

use loom::cell::UnsafeCell;
use loom::thread;

use super::raw::RawMutex;

struct Counter {
    lock: RawMutex,
    count: UnsafeCell<u32>,
}

// SAFETY: the count is used under the lock; loom finds it out if not.
unsafe impl Sync for Counter {}
// SAFETY: as above.
unsafe impl Send for Counter {}

impl Counter {
    fn add(&self, deadline: Option<Instant>) -> u32 {
        if self.lock.lock(deadline).is_err() {
            return 0;
        }
        self.add_locked()
    }

    fn add_locked(&self) -> u32 {
        // SAFETY: as above.
        self.count.with_mut(|count| unsafe { *count += 1 });
        self.lock.unlock();
        1
    }
}

fn model(preemptions: usize, f: impl Fn(Arc<Counter>) + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(move || {
        let counter = Arc::new(Counter { lock: RawMutex::new(), count: UnsafeCell::new(0) });
        f(counter.clone());
        assert!(counter.lock.is_as_new());
    });
}

fn add_on_thread(counter: &Arc<Counter>, deadline: Option<Instant>) -> thread::JoinHandle<u32> {
    let counter = counter.clone();
    thread::spawn(move || counter.add(deadline))
}

#[test]
fn loom_two_take_turns() {
    model(3, |counter| {
        let other = add_on_thread(&counter, None);
        // The second time may overtake one that was woken, which is handed the lock then.
        let added = counter.add(None) + counter.add(None);
        assert_eq!(added + other.join().unwrap(), 3);
    });
}

#[test]
fn loom_three_take_turns() {
    model(2, |counter| {
        let others = [add_on_thread(&counter, None), add_on_thread(&counter, None)];
        let added = counter.add(None);
        assert_eq!(others.map(|o| o.join().unwrap()).iter().sum::<u32>() + added, 3);
    });
}

/// A deadline that passes while the lock is handed over, or while another waits behind.
#[test]
fn loom_a_time_out_passes_the_wake_up_on() {
    model(2, |counter| {
        let patient = add_on_thread(&counter, None);
        let hasty = add_on_thread(&counter, Some(Instant::now()));
        let added = counter.add(None) + counter.add(None);
        assert_eq!(added + patient.join().unwrap(), 3);
        let in_time = hasty.join().unwrap();
        // SAFETY: all have ended.
        counter.count.with(|count| assert_eq!(unsafe { *count }, 3 + in_time));
    });
}

/// Woken, too late for the lock, in front of the queue, and then the time is over.
#[test]
fn loom_a_time_out_of_the_next_in_turn() {
    model(3, |counter| {
        assert!(counter.lock.lock(None).is_ok());
        let hasty = add_on_thread(&counter, Some(Instant::now()));
        counter.add_locked();
        let added = 1 + counter.add(None) + hasty.join().unwrap();
        // SAFETY: all have ended.
        counter.count.with(|count| assert_eq!(unsafe { *count }, added));
    });
}

#[test]
fn loom_trying_disturbs_nobody() {
    model(2, |counter| {
        let patient = [add_on_thread(&counter, None), add_on_thread(&counter, None)];
        if counter.lock.try_lock() {
            counter.add_locked();
        }
        patient.map(|p| assert_eq!(p.join().unwrap(), 1));
    });
}
