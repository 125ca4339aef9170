//! Tokens: one cancellation for the code of many coroutines.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use slab::Slab;

use super::Cancelled;
use super::scopes::{self, Kind};
use crate::park::{self, Reason, Unparker, Woken};
use crate::sys::lock::Mutex;

/// Cancels a piece of code, here and in other coroutines and OS threads, wherever it runs under the token. Clones are the same token.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use std::time::Duration;
/// use greenwood_runtime::{CancelToken, Cancelled, sleep, spawn};
///
/// let token = CancelToken::new();
/// let workers: Vec<_> = (0..3)
///     .map(|_| {
///         let token = token.clone();
///         spawn(move || token.run(|| sleep(Duration::MAX)))
///     })
///     .collect();
/// token.cancel();
/// for worker in workers {
///     assert_eq!(worker.join().unwrap(), Err(Cancelled));
/// }
/// # });
/// ```
#[derive(Clone, Default)]
pub struct CancelToken(Arc<Inner>);

#[derive(Default)]
struct Inner {
    cancelled: AtomicBool,
    listeners: Mutex<Slab<Listener>>,
    /// Where a child is to be taken off when it goes. It keeps its parent, through which it hears of those further up.
    parent: Option<(Arc<Inner>, usize)>,
}

/// Who is to be told.
enum Listener {
    Waiter(Unparker),
    Child(Weak<Inner>),
}

impl CancelToken {
    /// A token that is not cancelled.
    pub fn new() -> CancelToken {
        CancelToken::default()
    }

    /// A token that is cancelled with this one, and can be by itself.
    ///
    /// ```
    /// use greenwood_runtime::CancelToken;
    ///
    /// let all = CancelToken::new();
    /// let (one, other) = (all.child(), all.child());
    /// one.cancel();
    /// assert!(!all.is_cancelled() && !other.is_cancelled());
    /// all.cancel();
    /// assert!(other.is_cancelled());
    /// ```
    pub fn child(&self) -> CancelToken {
        let child = Arc::new_cyclic(|child| {
            let key = self.0.listeners.lock().insert(Listener::Child(child.clone()));
            Inner {
                cancelled: AtomicBool::new(false),
                listeners: Mutex::default(),
                parent: Some((self.0.clone(), key)),
            }
        });
        // Its parent may have been cancelled before it could be told.
        if self.is_cancelled() {
            child.cancel();
        }
        CancelToken(child)
    }

    /// Ends what runs under the token, and what will. Does not suspend.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether it was cancelled. Does not suspend.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Runs `f` until the token is cancelled. From then on, blocking calls in `f` end as those of a cancelled coroutine do
    /// ([`JoinHandle::cancel`](crate::JoinHandle::cancel)): I/O fails with `ECANCELED`, other waits, and whatever blocks after such an error, unwind to
    /// here. A call that was completed at the same time counts, and if `f` returns, its value is returned. Suspends where `f` does.
    ///
    /// Under a token that is cancelled already, `f` runs up to its first wait. On an OS thread, calls that wait in the kernel, for a descriptor,
    /// notice it only when they have ended; so do all waits in a [`no_yield`](crate::no_yield) section of a coroutine.
    ///
    /// # Errors
    /// [`Cancelled`] if `f` was unwound for it.
    ///
    /// # Panics
    /// If `f` does.
    pub fn run<T>(&self, f: impl FnOnce() -> T) -> Result<T, Cancelled> {
        let _listens = self.listen();
        scopes::run(Kind::Token(self.clone()), f).map_err(|_| Cancelled)
    }

    /// Waits until it is cancelled. Suspends the calling coroutine; on an OS thread, blocks that thread. A cancelled caller unwinds.
    pub fn wait(&self) {
        self.wait_for(None);
    }

    /// [`CancelToken::wait`] for at most `timeout`. Says whether the token was cancelled.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_for(crate::now().checked_add(timeout))
    }

    fn wait_for(&self, deadline: Option<Instant>) -> bool {
        let _listens = self.listen();
        loop {
            if self.is_cancelled() {
                return true;
            }
            match park::wait(&Reason("token"), deadline) {
                Woken::Unparked => {}
                Woken::TimedOut => return self.is_cancelled(),
                Woken::Interrupted(_) if self.is_cancelled() => return true,
                Woken::Interrupted(interrupt) => interrupt.unwind(),
            }
        }
    }

    /// Has the caller woken when the token is cancelled, until the guard goes.
    fn listen(&self) -> Listens<'_> {
        Listens(&self.0, self.0.listeners.lock().insert(Listener::Waiter(park::unparker())))
    }
}

// Its flag is set and its list changed as a whole, under the lock, where nothing panics.
impl UnwindSafe for CancelToken {}
impl RefUnwindSafe for CancelToken {}

impl Inner {
    fn cancel(self: &Arc<Inner>) {
        let mut family = vec![self.clone()];
        while let Some(token) = family.pop() {
            if token.cancelled.swap(true, Ordering::SeqCst) {
                continue;
            }
            // Whoever is not in the list yet looks at the flag after having entered it.
            let mut waiters = Vec::new();
            for (_, listener) in &*token.listeners.lock() {
                match listener {
                    Listener::Waiter(unparker) => waiters.push(unparker.clone()),
                    Listener::Child(child) => family.extend(child.upgrade()),
                }
            }
            waiters.iter().for_each(Unparker::unpark);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // One after the other: a long line of ancestors that go with it would need as deep a stack.
        let mut parent = self.parent.take();
        while let Some((inner, key)) = parent {
            inner.listeners.lock().remove(key);
            parent = Arc::into_inner(inner).and_then(|mut inner| inner.parent.take());
        }
    }
}

struct Listens<'a>(&'a Inner, usize);

impl Drop for Listens<'_> {
    fn drop(&mut self) {
        self.0.listeners.lock().remove(self.1);
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").field("cancelled", &self.is_cancelled()).finish()
    }
}
