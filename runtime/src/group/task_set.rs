//! Sets of coroutines whose results are taken as they finish.

use std::collections::HashMap;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::finished::Finished;
use super::places::{Permit, Places};
use crate::coroutine::{self, Builder, CoroutineId, JoinHandle};

/// Coroutines whose results are taken in the order in which they finish, like tokio's `JoinSet` and gevent's `Group`.
///
/// Dropping it cancels those that have not finished, and does not wait for them, as `JoinSet` does. [`TaskSet::shutdown`] waits;
/// [`TaskSet::detach_all`] lets them run on.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use std::time::Duration;
/// use greenwood_runtime::{TaskSet, sleep};
///
/// let mut set = TaskSet::new();
/// for n in [30, 1, 10] {
///     set.spawn(move || {
///         sleep(Duration::from_millis(n));
///         n
///     });
/// }
/// while let Some(result) = set.join_next() {
///     println!("{}", result.unwrap()); // 1, then 10, then 30
/// }
/// # });
/// ```
pub struct TaskSet<T> {
    handles: HashMap<CoroutineId, JoinHandle<T>>,
    finished: Arc<Finished>,
}

impl<T> TaskSet<T> {
    /// An empty set.
    pub fn new() -> TaskSet<T> {
        TaskSet::within(None)
    }

    /// An empty set of coroutines that occupy places.
    pub(super) fn within(places: Option<Arc<Places>>) -> TaskSet<T> {
        TaskSet { handles: HashMap::new(), finished: Arc::new(Finished::new(places)) }
    }

    /// Spawns a coroutine into the set. Does not suspend. Its id names it in [`TaskSet::join_next_with_id`].
    ///
    /// # Panics
    /// If the global runtime is needed and cannot be started. Use [`TaskSet::spawn_with`] for an error.
    #[track_caller]
    pub fn spawn<F>(&mut self, f: F) -> CoroutineId
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_at(Builder::new(), f, Location::caller())
            .unwrap_or_else(|e| panic!("the global runtime could not be started: {e}"))
    }

    /// [`TaskSet::spawn`] with settings.
    ///
    /// # Errors
    /// As for [`Builder::spawn`].
    #[track_caller]
    pub fn spawn_with<F>(&mut self, builder: Builder, f: F) -> io::Result<CoroutineId>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_at(builder, f, Location::caller())
    }

    fn spawn_at<F>(
        &mut self,
        builder: Builder,
        f: F,
        spawned_at: &'static Location<'static>,
    ) -> io::Result<CoroutineId>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let handle = builder.spawn_child(self.finished.clone(), f, spawned_at)?;
        let id = handle.coroutine().id();
        self.handles.insert(id, handle);
        Ok(id)
    }

    /// Spawns a coroutine that takes over the place of `permit`, which is one of those that the set is within.
    pub(super) fn spawn_in_place<F>(
        &mut self,
        permit: Permit,
        f: F,
        spawned_at: &'static Location<'static>,
    ) -> CoroutineId
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let id = self
            .spawn_at(Builder::new(), f, spawned_at)
            .unwrap_or_else(|e| panic!("the global runtime could not be started: {e}"));
        permit.pass_on();
        id
    }

    /// How many there are whose results have not been taken, finished or not.
    pub fn len(&self) -> usize {
        self.handles.len()
    }

    /// Whether all results have been taken.
    pub fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }

    /// Waits for the next coroutine to finish, its thread-locals' destructors included, and returns its result. `None` if the set is empty.
    ///
    /// Suspends the calling coroutine (blocks the calling OS thread) if none has finished yet. A cancelled caller unwinds, and no result is
    /// lost. The results are as those of [`JoinHandle::join`].
    pub fn join_next(&mut self) -> Option<thread::Result<T>> {
        Some(self.join_next_with_id()?.1)
    }

    /// [`TaskSet::join_next`] that says which it was.
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// let mut set = greenwood_runtime::TaskSet::new();
    /// let id = set.spawn(|| "done");
    /// let (which, result) = set.join_next_with_id().unwrap();
    /// assert_eq!((which, result.unwrap()), (id, "done"));
    /// # });
    /// ```
    pub fn join_next_with_id(&mut self) -> Option<(CoroutineId, thread::Result<T>)> {
        while !self.is_empty() {
            let id = self.finished.next(None);
            if let Some(taken) = id.and_then(|id| self.take(id)) {
                return Some(taken);
            }
        }
        None
    }

    /// [`TaskSet::join_next`] for at most `timeout`.
    ///
    /// # Errors
    /// [`Elapsed`](crate::Elapsed) if none has finished by then.
    pub fn join_next_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<Option<thread::Result<T>>, crate::Elapsed> {
        self.join_next_until(crate::now().checked_add(timeout))
    }

    fn join_next_until(
        &mut self,
        deadline: Option<Instant>,
    ) -> Result<Option<thread::Result<T>>, crate::Elapsed> {
        if self.is_empty() {
            return Ok(None);
        }
        let id = self.finished.next(deadline).ok_or(crate::Elapsed)?;
        Ok(self.take(id).map(|(_, result)| result))
    }

    /// The result of one that has finished. `None` if the set is empty, or none has yet. Does not suspend.
    pub fn try_join_next(&mut self) -> Option<thread::Result<T>> {
        let id = self.finished.try_next()?;
        self.take(id).map(|(_, result)| result)
    }

    fn take(&mut self, id: CoroutineId) -> Option<(CoroutineId, thread::Result<T>)> {
        // Finished: this does not wait.
        self.handles.remove(&id).map(|handle| (id, handle.join()))
    }

    /// Waits until one has finished, and leaves its result to the next call. False if the set is empty. Suspends as [`TaskSet::join_next`] does.
    pub fn wait_any(&mut self) -> bool {
        if self.is_empty() {
            return false;
        }
        if let Some(id) = self.finished.next(None) {
            self.finished.put_back(id);
        }
        true
    }

    /// Waits for all and returns their values in the order in which they finished, as `JoinSet::join_all` does. Suspends as [`TaskSet::join_next`] does;
    /// a caller that is cancelled meanwhile cancels the set.
    ///
    /// # Panics
    /// If a coroutine of the set does, with its payload, or was cancelled. The others are cancelled then.
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// let set: greenwood_runtime::TaskSet<u32> = (0..4).map(|n| move || n * n).collect();
    /// assert_eq!(set.join_all().into_iter().sum::<u32>(), 14);
    /// # });
    /// ```
    pub fn join_all(mut self) -> Vec<T> {
        let mut values = Vec::with_capacity(self.len());
        while let Some(result) = self.join_next() {
            values.push(result.unwrap_or_else(|why| coroutine::rethrow(why)));
        }
        values
    }

    /// Asks all to end, as [`JoinHandle::cancel`] does. They stay in the set until they are joined. Does not suspend.
    pub fn cancel_all(&self) {
        self.handles.values().for_each(JoinHandle::cancel);
    }

    /// Cancels all, and waits for at most `timeout` until they have ended. Returns how many have not: they stay in the set. Results are
    /// dropped. Suspends; a cancelled caller unwinds.
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// use std::time::Duration;
    ///
    /// let mut set = greenwood_runtime::TaskSet::new();
    /// set.spawn(|| greenwood_runtime::sleep(Duration::MAX));
    /// assert_eq!(set.shutdown(Duration::from_secs(60)), 0);
    /// # });
    /// ```
    pub fn shutdown(&mut self, timeout: Duration) -> usize {
        self.cancel_all();
        let deadline = crate::now().checked_add(timeout);
        while let Ok(Some(result)) = self.join_next_until(deadline) {
            drop(result);
        }
        self.len()
    }

    /// Empties the set. Its coroutines run on, and their results are dropped. Does not suspend.
    pub fn detach_all(&mut self) {
        // What finishes from now on is no longer the set's.
        let places = self.finished.places();
        let finished = std::mem::replace(&mut self.finished, Arc::new(Finished::new(places)));
        finished.close();
        let handles = std::mem::take(&mut self.handles);
        drop(handles);
    }
}

impl<T> Drop for TaskSet<T> {
    fn drop(&mut self) {
        self.finished.close();
        self.cancel_all();
    }
}

impl<T> Default for TaskSet<T> {
    fn default() -> TaskSet<T> {
        TaskSet::new()
    }
}

impl<T> std::fmt::Debug for TaskSet<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskSet").field("len", &self.len()).finish_non_exhaustive()
    }
}
