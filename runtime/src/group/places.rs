//! The places of a pool: as many coroutines run at once as there are places.

use std::sync::Arc;
use std::time::Instant;

use crate::coroutine::{Header, Parent, Registry, Task};
use crate::park::{Place, Queue, Reason, Stopped, Wakeup};

/// Those who wait for a place.
const SPAWNERS: usize = 0;
/// Those who wait until every place is free.
const IDLERS: usize = 1;

/// Counts the places, which are handed over in the order in which they were asked for, and knows who occupies them.
pub(super) struct Places {
    queue: Queue<State, (), 2>,
    occupants: Registry,
    limit: usize,
}

struct State {
    occupied: usize,
    /// Coroutines that come now are cancelled before they start, so they need no place, though they count as occupants.
    closed: bool,
}

impl Places {
    pub(super) fn new(limit: usize) -> Places {
        Places {
            queue: Queue::new(State { occupied: 0, closed: false }),
            occupants: Registry::default(),
            limit,
        }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn free(&self) -> usize {
        self.limit.saturating_sub(self.queue.lock().occupied)
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// What ended the wait.
    fn take(&self, deadline: Option<Instant>) -> Result<(), Stopped> {
        let mut queue = self.queue.lock();
        if queue.closed || queue.occupied < self.limit {
            queue.occupied += 1;
            return Ok(());
        }
        match queue.wait(SPAWNERS, Place::Back, (), &Reason("pool"), deadline) {
            Ok(()) => Ok(()),
            Err((stopped, (), queue)) => {
                drop(queue);
                Err(stopped)
            }
        }
    }

    fn give_back(&self) {
        let mut wakeups: Vec<Wakeup> = Vec::new();
        let mut queue = self.queue.lock();
        // Whoever is served keeps it occupied.
        let served = queue.serve(SPAWNERS, |()| ());
        if served.is_none() {
            queue.occupied -= 1;
            while queue.occupied == 0
                && let Some(((), wakeup)) = queue.serve(IDLERS, |()| ())
            {
                wakeups.push(wakeup);
            }
        }
        drop(queue);
        drop(served);
        drop(wakeups);
    }

    /// Waits for a place. None when `deadline` has passed. A cancelled caller unwinds.
    pub(super) fn acquire(self: &Arc<Places>, deadline: Option<Instant>) -> Option<Permit> {
        match self.take(deadline) {
            Ok(()) => Some(Permit(Some(self.clone()))),
            Err(Stopped::TimedOut) => None,
            Err(Stopped::Interrupted(interrupt)) => interrupt.unwind(),
        }
    }

    pub(super) fn try_acquire(self: &Arc<Places>) -> Option<Permit> {
        let mut queue = self.queue.lock();
        let free = queue.closed || queue.occupied < self.limit;
        if free {
            queue.occupied += 1;
        }
        drop(queue);
        free.then(|| Permit(Some(self.clone())))
    }

    /// Waits until all places are free. False when `deadline` has passed. A cancelled caller unwinds.
    pub(super) fn wait_idle(&self, deadline: Option<Instant>) -> bool {
        let queue = self.queue.lock();
        if queue.occupied == 0 {
            return true;
        }
        match queue.wait(IDLERS, Place::Back, (), &Reason("pool"), deadline) {
            Ok(()) => true,
            Err((stopped, (), queue)) => {
                drop(queue);
                match stopped {
                    Stopped::TimedOut => false,
                    Stopped::Interrupted(interrupt) => interrupt.unwind(),
                }
            }
        }
    }

    pub(super) fn occupied(&self) -> usize {
        self.queue.lock().occupied
    }

    pub(super) fn cancel_all(&self) {
        self.occupants.cancel_all();
    }

    /// Cancels all, and whoever comes.
    pub(super) fn close(&self) {
        self.occupants.close();
        let mut wakeups = Vec::new();
        let mut queue = self.queue.lock();
        queue.closed = true;
        while let Some(((), wakeup)) = queue.serve(SPAWNERS, |()| ()) {
            queue.occupied += 1;
            wakeups.push(wakeup);
        }
        drop(queue);
        drop(wakeups);
    }

    /// For a coroutine that holds its place as a permit: lists it until the guard goes.
    pub(super) fn list(&self, task: &Arc<dyn Task>) -> Listed<'_> {
        Listed(self, self.occupants.enter(task))
    }
}

/// Its children hold a place from the start, which is given back when they have ended.
impl Parent for Places {
    fn started(&self, task: &Arc<dyn Task>) -> usize {
        self.occupants.enter(task)
    }

    fn finished(&self, key: usize, _: &Header) {
        self.occupants.leave(key);
        self.give_back();
    }
}

impl std::fmt::Debug for Places {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Places")
            .field("limit", &self.limit)
            .field("occupied", &self.occupied())
            .finish()
    }
}

/// A place that is given back unless it is passed on.
pub(super) struct Permit(Option<Arc<Places>>);

impl Permit {
    /// A child of the places has taken it over.
    pub(super) fn pass_on(mut self) {
        self.0 = None;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(places) = &self.0 {
            places.give_back();
        }
    }
}

/// An occupant that entered by itself.
pub(super) struct Listed<'a>(&'a Places, usize);

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.0.occupants.leave(self.1);
    }
}

#[cfg(all(test, greenwood_loom))]
mod models {
    use super::*;
    use loom::thread;

    fn model(f: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(f);
    }

    /// A waiter whose deadline passes while a place is handed over has it, or it is free.
    #[test]
    fn loom_no_place_is_lost() {
        model(|| {
            let places = Arc::new(Places::new(1));
            assert!(places.take(None).is_ok());
            let giver = places.clone();
            let thread = thread::spawn(move || giver.give_back());
            let taken = places.take(Some(Instant::now())).is_ok();
            thread.join().unwrap();
            assert_eq!(places.free(), usize::from(!taken));
        });
    }

    /// Whoever waits is let in when the pool closes, whether a place was given back or not.
    #[test]
    fn loom_closing_lets_everybody_go() {
        model(|| {
            let places = Arc::new(Places::new(1));
            assert!(places.take(None).is_ok());
            let others = [places.clone(), places.clone()];
            let [closer, giver] = others;
            let closer = thread::spawn(move || closer.close());
            let giver = thread::spawn(move || giver.give_back());
            assert!(places.take(None).is_ok());
            closer.join().unwrap();
            giver.join().unwrap();
            assert_eq!(places.occupied(), 1);
            places.give_back();
            assert!(places.wait_idle(None));
        });
    }
}
