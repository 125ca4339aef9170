//! Mapping over an iterator in a pool, a bounded piece of it at a time.

use std::collections::{HashMap, VecDeque};
use std::panic::Location;
use std::sync::Arc;
use std::thread;

use super::places::Permit;
use super::{Pool, TaskSet};
use crate::coroutine::{self, CoroutineId};

/// Items on their way into a pool.
struct Feed<'p, I: Iterator, F> {
    pool: &'p Pool,
    /// None once it has ended.
    items: Option<I>,
    /// Taken from `items` while a place was free, which another then got.
    pending: Option<I::Item>,
    f: Arc<F>,
    spawned_at: &'static Location<'static>,
}

impl<I, F> Feed<'_, I, F>
where
    I: Iterator,
    I::Item: Send + 'static,
{
    /// Sees to it that an item is pending. False at the end. No place is held meanwhile: the items may come from the same pool.
    fn pull(&mut self) -> bool {
        if self.pending.is_none()
            && let Some(items) = &mut self.items
        {
            self.pending = items.next();
            if self.pending.is_none() {
                self.items = None;
            }
        }
        self.pending.is_some()
    }

    fn spawn<R>(&mut self, set: &mut TaskSet<R>, permit: Permit) -> Option<CoroutineId>
    where
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        R: Send + 'static,
    {
        let (item, f) = (self.pending.take()?, self.f.clone());
        Some(set.spawn_in_place(permit, move || f(item), self.spawned_at))
    }

    /// Spawns the next item if there is a place for it now.
    fn try_feed<R>(&mut self, set: &mut TaskSet<R>, under_way: usize) -> Option<CoroutineId>
    where
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        R: Send + 'static,
    {
        let window = self.pool.limit().saturating_mul(2);
        if under_way >= window || self.pool.free_places() == 0 || !self.pull() {
            return None;
        }
        let permit = self.pool.places().try_acquire()?;
        self.spawn(set, permit)
    }

    /// Waits for a place for the next item.
    fn feed<R>(&mut self, set: &mut TaskSet<R>) -> Option<CoroutineId>
    where
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        R: Send + 'static,
    {
        if !self.pull() {
            return None;
        }
        let permit = self.pool.places().acquire(None)?;
        self.spawn(set, permit)
    }
}

/// The results of [`Pool::imap`]. Each step suspends until the next result is there.
pub struct Imap<'p, I: Iterator, F, R> {
    feed: Feed<'p, I, F>,
    set: TaskSet<R>,
    /// Of those whose results have not been returned, in the order of the items.
    order: VecDeque<CoroutineId>,
    /// Results that came before their turn.
    early: HashMap<CoroutineId, thread::Result<R>>,
}

/// The results of [`Pool::imap_unordered`]. Each step suspends until a result is there.
pub struct ImapUnordered<'p, I: Iterator, F, R> {
    feed: Feed<'p, I, F>,
    set: TaskSet<R>,
}

impl<'p, I: Iterator, F, R> Imap<'p, I, F, R> {
    pub(super) fn new(
        pool: &'p Pool,
        items: I,
        f: F,
        spawned_at: &'static Location<'static>,
    ) -> Imap<'p, I, F, R> {
        Imap {
            feed: Feed { pool, items: Some(items), pending: None, f: Arc::new(f), spawned_at },
            set: TaskSet::within(Some(pool.places().clone())),
            order: VecDeque::new(),
            early: HashMap::new(),
        }
    }
}

impl<'p, I: Iterator, F, R> ImapUnordered<'p, I, F, R> {
    pub(super) fn new(
        pool: &'p Pool,
        items: I,
        f: F,
        spawned_at: &'static Location<'static>,
    ) -> ImapUnordered<'p, I, F, R> {
        ImapUnordered {
            feed: Feed { pool, items: Some(items), pending: None, f: Arc::new(f), spawned_at },
            set: TaskSet::within(Some(pool.places().clone())),
        }
    }
}

impl<I, F, R> Iterator for Imap<'_, I, F, R>
where
    I: Iterator,
    I::Item: Send + 'static,
    F: Fn(I::Item) -> R + Send + Sync + 'static,
    R: Send + 'static,
{
    type Item = R;

    fn next(&mut self) -> Option<R> {
        loop {
            while let Some(id) = self.feed.try_feed(&mut self.set, self.order.len()) {
                self.order.push_back(id);
            }
            let Some(first) = self.order.front() else {
                let id = self.feed.feed(&mut self.set)?;
                self.order.push_back(id);
                continue;
            };
            if let Some(result) = self.early.remove(first) {
                self.order.pop_front();
                return Some(result.unwrap_or_else(|why| coroutine::rethrow(why)));
            }
            if let Some((id, result)) = self.set.join_next_with_id() {
                self.early.insert(id, result);
            }
        }
    }
}

impl<I, F, R> Iterator for ImapUnordered<'_, I, F, R>
where
    I: Iterator,
    I::Item: Send + 'static,
    F: Fn(I::Item) -> R + Send + Sync + 'static,
    R: Send + 'static,
{
    type Item = R;

    fn next(&mut self) -> Option<R> {
        let mut under_way = self.set.len();
        while self.feed.try_feed(&mut self.set, under_way).is_some() {
            under_way += 1;
        }
        if self.set.is_empty() {
            self.feed.feed(&mut self.set)?;
        }
        let result = self.set.join_next()?;
        Some(result.unwrap_or_else(|why| coroutine::rethrow(why)))
    }
}

impl<I: Iterator, F, R> std::fmt::Debug for Imap<'_, I, F, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Imap").field("under_way", &self.order.len()).finish_non_exhaustive()
    }
}

impl<I: Iterator, F, R> std::fmt::Debug for ImapUnordered<'_, I, F, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImapUnordered").field("under_way", &self.set.len()).finish_non_exhaustive()
    }
}
