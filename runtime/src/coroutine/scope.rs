//! Scopes: coroutines that borrow from their parent, as in [`std::thread::scope`].

use std::io;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::spawn::launch;
use super::{Builder, Coroutine, Header, JoinHandle, Parent, Placement, Registry, Task};
use crate::cancel::Cancelled;
use crate::park::{self, Reason, Unparker};
use crate::worker;

/// A scope in which coroutines are spawned that may borrow what outlives it. See [`scope`].
#[derive(Debug)]
pub struct Scope<'scope, 'env: 'scope> {
    pub(super) data: Arc<ScopeData>,
    // Invariant in both, as std's: a longer 'scope must not be taken for a shorter one.
    _scope: PhantomData<&'scope mut &'scope ()>,
    _env: PhantomData<&'env mut &'env ()>,
}

/// What a scope and its children share.
#[derive(Debug)]
pub(super) struct ScopeData {
    running: AtomicUsize,
    panicked: AtomicBool,
    children: Registry,
    parent: Unparker,
}

impl ScopeData {
    pub(super) fn has_children(&self) -> bool {
        self.running.load(Ordering::Acquire) != 0
    }

    /// Whether a child panicked that nobody joined.
    pub(super) fn has_panicked(&self) -> bool {
        self.panicked.load(Ordering::Relaxed)
    }

    /// Waits for all children, whatever happens to the caller.
    pub(super) fn wait(&self) {
        while self.has_children() {
            park::park_uninterrupted(&SCOPE);
        }
    }

    pub(super) fn cancel(&self) {
        self.children.close();
    }
}

pub(super) const SCOPE: Reason = Reason("scope");

impl Parent for ScopeData {
    fn started(&self, task: &Arc<dyn Task>) -> usize {
        self.running.fetch_add(1, Ordering::Relaxed);
        self.children.enter(task)
    }

    fn finished(&self, key: usize, _: &Header) {
        self.children.leave(key);
        if self.running.fetch_sub(1, Ordering::Release) == 1 {
            self.parent.unpark();
        }
    }

    fn panicked(&self) {
        self.panicked.store(true, Ordering::Relaxed);
    }
}

/// Runs `f` with a scope for coroutines that may borrow from the caller, and waits for all of them, like [`std::thread::scope`].
///
/// Suspends until the last child has finished. That wait cannot be cancelled, since the children borrow from this stack, and a cancellation
/// of the caller does not reach them: [`try_scope`](crate::try_scope) passes it on. On an OS thread, the children run in the global runtime.
///
/// # Panics
/// If `f` panics, or a child that was not joined did.
///
/// ```
/// # greenwood_runtime::run(|| {
/// let words = ["plain", "blocking", "code"];
/// let total: usize = greenwood_runtime::scope(|s| {
///     let handles: Vec<_> = words.iter().map(|w| s.spawn(move || w.len())).collect();
///     handles.into_iter().map(|h| h.join().unwrap()).sum()
/// });
/// assert_eq!(total, 17);
/// # });
/// ```
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope::new();
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    scope.data.wait();
    match result {
        Err(payload) => resume_unwind(payload),
        Ok(_) if scope.data.has_panicked() => panic!("a scoped coroutine panicked"),
        Ok(value) => value,
    }
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// For the caller, who waits for the children before it goes.
    pub(super) fn new() -> Scope<'scope, 'env> {
        Scope {
            data: Arc::new(ScopeData {
                running: AtomicUsize::new(0),
                panicked: AtomicBool::new(false),
                children: Registry::default(),
                parent: park::unparker(),
            }),
            _scope: PhantomData,
            _env: PhantomData,
        }
    }

    /// Asks all children to end, as [`JoinHandle::cancel`] does, and those that are spawned from now on: they do not start. Does not
    /// suspend, and does not end the scope's own closure.
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// use std::time::Duration;
    ///
    /// greenwood_runtime::scope(|s| {
    ///     for _ in 0..3 {
    ///         s.spawn(|| greenwood_runtime::sleep(Duration::MAX));
    ///     }
    ///     s.cancel();
    /// });
    /// # });
    /// ```
    pub fn cancel(&self) {
        self.data.cancel();
    }

    /// Spawns a coroutine that may borrow what outlives the scope. Does not suspend.
    ///
    /// # Panics
    /// If the global runtime is needed and cannot be started. Use [`Builder::spawn_scoped`] for an error.
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let target = worker::Target::choose(Placement::Anywhere)
            .unwrap_or_else(|e| panic!("the global runtime could not be started: {e}"));
        let header = Header::new(None, Location::caller());
        // SAFETY: `scope` waits for the child, and what it borrows outlives 'scope.
        let handle = unsafe { launch(f, header, Some(self.data.clone()), target) };
        ScopedJoinHandle { handle, _scope: PhantomData }
    }
}

impl Builder {
    /// Spawns a coroutine in a scope, with these settings. Does not suspend.
    ///
    /// # Errors
    /// As for [`Builder::spawn`].
    #[track_caller]
    pub fn spawn_scoped<'scope, F, T>(
        self,
        scope: &'scope Scope<'scope, '_>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        // SAFETY: `scope` waits for the child, and what it borrows outlives 'scope.
        let handle = unsafe {
            self.spawn_unchecked(
                worker::Target::choose,
                f,
                Some(scope.data.clone()),
                Location::caller(),
            )?
        };
        Ok(ScopedJoinHandle { handle, _scope: PhantomData })
    }
}

/// Owns the right to a scoped coroutine's result, like [`std::thread::ScopedJoinHandle`].
#[derive(Debug)]
pub struct ScopedJoinHandle<'scope, T> {
    handle: JoinHandle<T>,
    _scope: PhantomData<&'scope ()>,
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Waits until the coroutine has finished and returns its result. See [`JoinHandle::join`].
    ///
    /// # Errors
    /// As for [`JoinHandle::join`].
    pub fn join(self) -> thread::Result<T> {
        self.handle.join()
    }

    /// Whether the coroutine has finished. Does not suspend.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// The coroutine that this handle is for.
    pub fn coroutine(&self) -> Coroutine {
        self.handle.coroutine()
    }

    /// Asks the coroutine to end. See [`JoinHandle::cancel`].
    pub fn cancel(&self) {
        self.handle.cancel();
    }
}

/// Runs a borrowing `f` as a coroutine and waits for its result, whatever happens to the caller.
pub(crate) fn run_borrowed<F, T>(
    f: F,
    spawned_at: &'static Location<'static>,
    target: worker::Target,
) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    // SAFETY: joined below, before anything borrowed can end.
    let handle = unsafe { launch(f, Header::new(None, spawned_at), None, target) };
    handle.join_uncancellable().unwrap_or_else(|why| match why.downcast::<Cancelled>() {
        Ok(cancelled) => resume_unwind(cancelled),
        Err(why) => super::handle::rethrow(why),
    })
}
