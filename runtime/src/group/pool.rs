//! Pools: at most so many coroutines at once.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::panic::{Location, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::map::{Imap, ImapUnordered};
use super::places::{Permit, Places};
use crate::coroutine::{Builder, JoinHandle, try_scope};
use crate::{Cancelled, context};

/// Bounds how many coroutines run at once, like gevent's `Pool`: spawning waits for a free place.
///
/// A place is taken from the spawn to the very end of the coroutine, panic or not. Places go to those who wait in the order in which
/// they came. To share a pool, borrow it or put it into an [`Arc`]. Dropping it cancels what runs in it, and does not wait;
/// [`Pool::shutdown`] does. A coroutine of a full pool that spawns into it waits for the others: if all do, for ever.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use greenwood_runtime::Pool;
///
/// let pool = Pool::new(4);
/// let lengths = pool.map(["one", "three"], |word| word.len());
/// assert_eq!(lengths, [3, 5]);
///
/// let handle = pool.spawn(|| 6 * 7);
/// assert_eq!(handle.join().unwrap(), 42);
/// # });
/// ```
#[derive(Debug)]
pub struct Pool {
    places: Arc<Places>,
}

impl Pool {
    /// A pool in which at most `limit` coroutines run at once.
    ///
    /// # Panics
    /// If `limit` is zero.
    pub fn new(limit: usize) -> Pool {
        assert!(limit > 0, "a pool needs at least one place");
        Pool { places: Arc::new(Places::new(limit)) }
    }

    /// How many coroutines may run at once.
    pub fn limit(&self) -> usize {
        self.places.limit()
    }

    /// How many places are free. Does not suspend.
    pub fn free_places(&self) -> usize {
        self.places.free()
    }

    pub(super) fn places(&self) -> &Arc<Places> {
        &self.places
    }

    /// Spawns a coroutine once a place is free. Suspends the calling coroutine (blocks the calling OS thread) until then; a cancelled caller
    /// unwinds, and `f` is dropped.
    ///
    /// In a pool that was [shut down](Pool::shutdown), the coroutine ends as cancelled before it starts.
    ///
    /// # Panics
    /// If the global runtime is needed and cannot be started. Use [`Pool::spawn_with`] for an error.
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        started(self.spawn_at(self.wait(), Builder::new(), f, Location::caller()))
    }

    /// [`Pool::spawn`] with settings.
    ///
    /// # Errors
    /// As for [`Builder::spawn`].
    #[track_caller]
    pub fn spawn_with<F, T>(&self, builder: Builder, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_at(self.wait(), builder, f, Location::caller())
    }

    /// [`Pool::spawn`] if a place is free. Does not suspend.
    ///
    /// # Errors
    /// [`PoolFull`] with `f` if none is.
    ///
    /// # Panics
    /// As for [`Pool::spawn`].
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// use std::time::Duration;
    /// use greenwood_runtime::{Pool, sleep};
    ///
    /// let pool = Pool::new(1);
    /// let first = pool.try_spawn(|| sleep(Duration::MAX)).unwrap();
    /// let refused = pool.try_spawn(|| 5).unwrap_err();
    /// first.cancel();
    /// assert_eq!(pool.spawn(refused.into_inner()).join().unwrap(), 5);
    /// # });
    /// ```
    #[track_caller]
    pub fn try_spawn<F, T>(&self, f: F) -> Result<JoinHandle<T>, PoolFull<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        match self.places.try_acquire() {
            Some(permit) => {
                Ok(started(self.spawn_at(permit, Builder::new(), f, Location::caller())))
            }
            None => Err(PoolFull(f)),
        }
    }

    /// [`Pool::spawn`] if a place is free within `timeout`.
    ///
    /// # Errors
    /// [`PoolFull`] with `f` if none is.
    ///
    /// # Panics
    /// As for [`Pool::spawn`].
    #[track_caller]
    pub fn spawn_timeout<F, T>(&self, timeout: Duration, f: F) -> Result<JoinHandle<T>, PoolFull<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        match self.places.acquire(crate::now().checked_add(timeout)) {
            Some(permit) => {
                Ok(started(self.spawn_at(permit, Builder::new(), f, Location::caller())))
            }
            None => Err(PoolFull(f)),
        }
    }

    /// Waits for a place, however long.
    fn wait(&self) -> Permit {
        self.places.acquire(None).unwrap_or_else(|| unreachable!("it has no deadline"))
    }

    fn spawn_at<F, T>(
        &self,
        permit: Permit,
        builder: Builder,
        f: F,
        spawned_at: &'static Location<'static>,
    ) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let handle = builder.spawn_child(self.places.clone(), f, spawned_at)?;
        permit.pass_on();
        Ok(handle)
    }

    /// Runs `f` on each item in a coroutine of its own, and returns the results in the order of the items. Suspends until all have ended; a
    /// cancelled caller unwinds and cancels what still runs.
    ///
    /// # Panics
    /// If `f` does, with its payload, for the first such item in order; the others are cancelled then. Also if one is cancelled by
    /// [`Pool::shutdown`].
    #[track_caller]
    pub fn map<I, F, R>(&self, items: I, f: F) -> Vec<R>
    where
        I: IntoIterator,
        I::Item: Send + 'static,
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        R: Send + 'static,
    {
        self.imap(items, f).collect()
    }

    /// [`Pool::map`] that ends with the first error to occur, which cancels what still runs. That is not waited for.
    ///
    /// # Errors
    /// The first error that `f` returned.
    ///
    /// # Panics
    /// As for [`Pool::map`], with the first panic to occur.
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// let pool = greenwood_runtime::Pool::new(2);
    /// assert_eq!(pool.try_map(["1", "2"], |s| s.parse::<u8>()), Ok(vec![1, 2]));
    /// assert!(pool.try_map(["1", "x"], |s| s.parse::<u8>()).is_err());
    /// # });
    /// ```
    #[track_caller]
    pub fn try_map<I, F, R, E>(&self, items: I, f: F) -> Result<Vec<R>, E>
    where
        I: IntoIterator,
        I::Item: Send + 'static,
        F: Fn(I::Item) -> Result<R, E> + Send + Sync + 'static,
        R: Send + 'static,
        E: Send + 'static,
    {
        let mut values: Vec<Option<R>> = Vec::new();
        let numbered = items.into_iter().enumerate();
        for result in self.imap_unordered(numbered, move |(n, item)| Ok((n, f(item)?))) {
            let (n, value) = result?;
            values.resize_with(values.len().max(n + 1), || None);
            values[n] = Some(value);
        }
        Ok(values.into_iter().flatten().collect())
    }

    /// [`Pool::map`] as an iterator: results in the order of the items, as soon as they are there.
    ///
    /// Items are taken, and coroutines started, only while the iterator is asked for its next result, when places are free. At most twice as
    /// many results as there are places are under way, waiting ones included, however slow the first of them is. Dropping the iterator cancels what
    /// it has started.
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// let pool = greenwood_runtime::Pool::new(2);
    /// let squares: Vec<u64> = pool.imap(1.., |n| n * n).take(4).collect();
    /// assert_eq!(squares, [1, 4, 9, 16]);
    /// # });
    /// ```
    #[track_caller]
    pub fn imap<I, F, R>(&self, items: I, f: F) -> Imap<'_, I::IntoIter, F, R>
    where
        I: IntoIterator,
        I::Item: Send + 'static,
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        R: Send + 'static,
    {
        Imap::new(self, items.into_iter(), f, Location::caller())
    }

    /// [`Pool::imap`] with the results in the order in which they come.
    #[track_caller]
    pub fn imap_unordered<I, F, R>(&self, items: I, f: F) -> ImapUnordered<'_, I::IntoIter, F, R>
    where
        I: IntoIterator,
        I::Item: Send + 'static,
        F: Fn(I::Item) -> R + Send + Sync + 'static,
        R: Send + 'static,
    {
        ImapUnordered::new(self, items.into_iter(), f, Location::caller())
    }

    /// [`Pool::map`] of items and a function that borrow. Like a [`try_scope`](crate::try_scope) it waits for all it has started,
    /// whatever happens. A place is free again when `f` has returned, before the coroutine's thread-locals end.
    ///
    /// # Panics
    /// As for [`Pool::map`], with the first panic to occur.
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// let (pool, words) = (greenwood_runtime::Pool::new(2), [String::from("on this stack")]);
    /// assert_eq!(pool.scope_map(&words, |word| word.len()), [13]);
    /// # });
    /// ```
    #[track_caller]
    pub fn scope_map<I, F, R>(&self, items: I, f: F) -> Vec<R>
    where
        I: IntoIterator,
        I::Item: Send,
        F: Fn(I::Item) -> R + Sync,
        R: Send,
    {
        let (places, f) = (&*self.places, &f);
        let all: Result<Vec<R>, Infallible> = try_scope(|s| {
            let mut handles = Vec::new();
            for item in items {
                let permit = self.wait();
                handles.push(s.spawn(move || {
                    // Given back at the end of the closure, which does not run if it is cancelled before.
                    let _permit = permit;
                    let _listed = places.list_caller();
                    Ok(f(item))
                }));
            }
            let cancelled = |_| panic!("the coroutine was cancelled");
            Ok(handles.into_iter().map(|h| h.join().unwrap_or_else(cancelled)).collect())
        });
        all.unwrap_or_else(|never| match never {})
    }

    /// Waits until all places are free. Suspends; a cancelled caller unwinds.
    pub fn wait_idle(&self) {
        self.places.wait_idle(None);
    }

    /// [`Pool::wait_idle`] for at most `timeout`. False if not all places were free by then.
    pub fn wait_idle_timeout(&self, timeout: Duration) -> bool {
        self.places.wait_idle(after(timeout))
    }

    /// Asks all that run in the pool to end, as [`JoinHandle::cancel`] does. Does not suspend.
    pub fn cancel_all(&self) {
        self.places.cancel_all();
    }

    /// Closes the pool for good, cancels all that run in it, and waits for at most `timeout` until they have ended. Returns how many have not.
    ///
    /// Whoever waits for a place then, or spawns later, gets the handle of a coroutine that ends as cancelled without having started. Suspends;
    /// a cancelled caller unwinds.
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// use std::time::Duration;
    /// use greenwood_runtime::{Pool, sleep};
    ///
    /// let pool = Pool::new(3);
    /// pool.spawn(|| sleep(Duration::MAX));
    /// assert_eq!(pool.shutdown(Duration::from_secs(60)), 0);
    /// assert!(pool.spawn(|| ()).join().is_err());
    /// # });
    /// ```
    pub fn shutdown(&self, timeout: Duration) -> usize {
        self.places.close();
        if self.places.wait_idle(after(timeout)) { 0 } else { self.places.occupied() }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.places.close();
    }
}

impl Places {
    /// Lists the calling coroutine, which is to end if it has been cancelled by that.
    fn list_caller(&self) -> Option<super::places::Listed<'_>> {
        let cx = context::current()?;
        let listed = self.list(&cx.task()?);
        if cx.header().is_some_and(|h| h.cancel.is_made()) {
            drop(listed);
            resume_unwind(Box::new(Cancelled));
        }
        Some(listed)
    }
}

fn after(timeout: Duration) -> Option<Instant> {
    crate::now().checked_add(timeout)
}

fn started<T>(spawned: io::Result<T>) -> T {
    spawned.unwrap_or_else(|e| panic!("the global runtime could not be started: {e}"))
}

/// No place was free in a [`Pool`] for this closure.
pub struct PoolFull<F>(F);

impl<F> PoolFull<F> {
    /// The closure.
    pub fn into_inner(self) -> F {
        self.0
    }
}

impl<F> fmt::Debug for PoolFull<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PoolFull(..)")
    }
}

impl<F> fmt::Display for PoolFull<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no place is free in the pool")
    }
}

impl<F> std::error::Error for PoolFull<F> {}
