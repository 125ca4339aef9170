//! Groups of coroutines: sets that are joined as they finish, and pools that bound how many run at once.

mod finished;
mod iter;
mod map;
mod places;
mod pool;
mod task_set;

pub use iter::{TaskSetIntoIter, TaskSetIter};
pub use map::{Imap, ImapUnordered};
pub use pool::{Pool, PoolFull};
pub use task_set::TaskSet;

use std::thread;

use crate::JoinHandle;

/// Joins all of `handles` and returns their results in that order, like gevent's `joinall`.
///
/// Suspends the calling coroutine (blocks the calling OS thread) until the last has finished. A cancelled caller unwinds; the coroutines run on. For
/// results as they come, use a [`TaskSet`].
///
/// ```
/// # greenwood_runtime::run(|| {
/// use greenwood_runtime::{join_all, spawn};
///
/// let results = join_all((1..=3).map(|n| spawn(move || n * n)));
/// assert_eq!(results.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [1, 4, 9]);
/// # });
/// ```
pub fn join_all<T>(handles: impl IntoIterator<Item = JoinHandle<T>>) -> Vec<thread::Result<T>> {
    // All of them first: an iterator that spawns is to spawn before the first wait.
    let handles: Vec<_> = handles.into_iter().collect();
    handles.into_iter().map(JoinHandle::join).collect()
}
