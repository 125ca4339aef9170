//! Which coroutines of a group have finished, in the order in which they did.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::places::Places;
use crate::coroutine::{CoroutineId, Header, Parent, Task};
use crate::park::{Place, Queue, Reason, Stopped};

/// The parent of a group's coroutines. Their results stay with them.
pub(super) struct Finished {
    queue: Queue<State, Option<CoroutineId>>,
    /// Where each of them occupies a place.
    places: Option<Arc<Places>>,
}

struct State {
    ids: VecDeque<CoroutineId>,
    /// Nobody asks any more.
    closed: bool,
}

impl Finished {
    pub(super) fn new(places: Option<Arc<Places>>) -> Finished {
        Finished { queue: Queue::new(State { ids: VecDeque::new(), closed: false }), places }
    }

    /// The first that finished, if any has.
    pub(super) fn try_next(&self) -> Option<CoroutineId> {
        self.queue.lock().ids.pop_front()
    }

    /// The first that finishes. None when `deadline` has passed. A cancelled caller unwinds.
    pub(super) fn next(&self, deadline: Option<Instant>) -> Option<CoroutineId> {
        let mut queue = self.queue.lock();
        if let Some(id) = queue.ids.pop_front() {
            return Some(id);
        }
        match queue.wait(0, Place::Back, None, &Reason("task set"), deadline) {
            Ok(id) => id,
            Err((Stopped::TimedOut, _, queue)) => {
                drop(queue);
                None
            }
            Err((Stopped::Interrupted(interrupt), _, queue)) => {
                drop(queue);
                interrupt.unwind()
            }
        }
    }

    /// Puts back what the next call is to return.
    pub(super) fn put_back(&self, id: CoroutineId) {
        self.queue.lock().ids.push_front(id);
    }

    pub(super) fn places(&self) -> Option<Arc<Places>> {
        self.places.clone()
    }

    pub(super) fn close(&self) {
        let mut queue = self.queue.lock();
        queue.closed = true;
        let ids = std::mem::take(&mut queue.ids);
        drop(queue);
        drop(ids);
    }
}

impl Parent for Finished {
    fn started(&self, task: &Arc<dyn Task>) -> usize {
        self.places.as_ref().map_or(0, |places| places.started(task))
    }

    fn finished(&self, key: usize, child: &Header) {
        if let Some(places) = &self.places {
            // First: whoever hears of the end may want the place.
            places.finished(key, child);
        }
        let id = CoroutineId::of(child);
        let mut queue = self.queue.lock();
        let served = queue.serve(0, |slot| *slot = Some(id));
        if served.is_none() && !queue.closed {
            queue.ids.push_back(id);
        }
        drop(queue);
        drop(served);
    }
}
