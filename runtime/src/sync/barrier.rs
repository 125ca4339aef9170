//! Waiting for a number of others to arrive, after [`std::sync::Barrier`].

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

use super::deadline::{after, timed_out};
use crate::model::const_fn;
use crate::park::{Place, Queue, Reason, Wakeup};

const REASON: &Reason = &Reason("barrier");

/// Lets coroutines and OS threads go on together once a given number of them have arrived, like [`std::sync::Barrier`]; then it can be used
/// again.
///
/// Who stops waiting, by a time limit, a cancellation or a [`timeout`](crate::timeout) around it, is not counted any more: the others wait for
/// another in its place.
///
/// ```
/// use std::sync::Arc;
/// use greenwood_runtime::{spawn, sync::Barrier};
///
/// # greenwood_runtime::run(|| {
/// let barrier = Arc::new(Barrier::new(3));
/// let others: Vec<_> = (0..2)
///     .map(|_| {
///         let barrier = barrier.clone();
///         spawn(move || barrier.wait().is_leader())
///     })
///     .collect();
/// let mut leaders = usize::from(barrier.wait().is_leader());
/// for other in others {
///     leaders += usize::from(other.join().unwrap());
/// }
/// assert_eq!(leaders, 1);
/// # });
/// ```
pub struct Barrier {
    size: usize,
    /// How many wait.
    queue: Queue<usize, ()>,
}

/// What [`Barrier::wait`] returns, like [`std::sync::BarrierWaitResult`].
#[derive(Debug)]
pub struct BarrierWaitResult {
    leader: bool,
}

impl BarrierWaitResult {
    /// True for one of those who went on together: the last to arrive.
    pub fn is_leader(&self) -> bool {
        self.leader
    }
}

// No user code runs under the queue's lock.
impl UnwindSafe for Barrier {}
impl RefUnwindSafe for Barrier {}

impl Barrier {
    const_fn! {
        /// One for `n` at a time. With 0, as with 1, nobody waits. Does not suspend.
        pub fn new(n: usize) -> Barrier {
            Barrier { size: n, queue: Queue::new(0) }
        }
    }

    /// Suspends until `n` have arrived, the caller included. Interrupted meanwhile, the caller unwinds, and is not counted.
    pub fn wait(&self) -> BarrierWaitResult {
        self.wait_by(None).unwrap_or_else(|| unreachable!("a wait without a deadline"))
    }

    /// [`Barrier::wait`] for at most `duration`: `None` if too few had arrived by then, and the caller is not counted. An extension of std's.
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// use std::time::Duration;
    ///
    /// let barrier = greenwood_runtime::sync::Barrier::new(2);
    /// assert!(barrier.wait_timeout(Duration::from_millis(1)).is_none());
    /// # });
    /// ```
    pub fn wait_timeout(&self, duration: Duration) -> Option<BarrierWaitResult> {
        self.wait_by(after(duration))
    }

    fn wait_by(&self, deadline: Option<Instant>) -> Option<BarrierWaitResult> {
        let mut queue = self.queue.lock();
        if *queue + 1 < self.size {
            *queue += 1;
            return match queue.wait(0, Place::Back, (), REASON, deadline) {
                Ok(()) => Some(BarrierWaitResult { leader: false }),
                Err((stopped, (), mut queue)) => {
                    *queue -= 1;
                    drop(queue);
                    timed_out(stopped);
                    None
                }
            };
        }
        *queue = 0;
        // All at once: who arrives from now on belongs to the next round.
        let mut wakeups: Vec<Wakeup> = Vec::new();
        while let Some(((), wakeup)) = queue.serve(0, |()| ()) {
            wakeups.push(wakeup);
        }
        drop(queue);
        drop(wakeups);
        Some(BarrierWaitResult { leader: true })
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}
