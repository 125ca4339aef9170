//! Scopes that fail as one: the first error, panic or cancellation ends all children.

use std::any::Any;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};

use super::scope::{SCOPE, Scope};
use super::{Builder, Coroutine, JoinHandle};
use crate::cancel::{CancelToken, Cancelled, is_interruption};
use crate::park::{self, Woken};
use crate::sys::lock::Mutex;
use crate::worker;

/// A scope whose children fail together. See [`try_scope`].
pub struct TryScope<'scope, 'env: 'scope, E: 'env> {
    scope: Scope<'scope, 'env>,
    /// What the scope ends with, if not with the closure's value.
    failure: Mutex<Option<Failure<E>>>,
    /// Around the scope's closure: a failure ends it as well.
    body: CancelToken,
}

enum Failure<E> {
    Error(E),
    Panic(Box<dyn Any + Send>),
    /// The caller is to end. It knows itself what it unwinds with.
    Interrupted,
}

/// Runs `f` with a scope for coroutines that may borrow from the caller and that fail together, and waits for all of them.
///
/// Children return a [`Result`]. The first error, of a child or of `f`, and the first panic cancel the other children and end the waits
/// of `f`; children that were not started yet never are. So do a cancellation of the caller and a [`timeout`](crate::timeout) or
/// [`CancelToken`] around it, whether `f` still runs or the scope waits for its children: those are cancelled, waited for, and then
/// the caller unwinds. That last wait, in which children that have been asked to end do so, cannot be cancelled, as they borrow from this stack.
///
/// Suspends until the last child has finished. On an OS thread, the children run in the global runtime. [`scope`](crate::scope) is the
/// plain one, with the standard library's behaviour.
///
/// # Errors
/// The first error, of a child or of `f`. Those that came after it are dropped.
///
/// # Panics
/// If `f` panics, or a child does, with the payload of the first panic; also if there was an error before it.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use std::time::Duration;
/// use greenwood_runtime::{sleep, try_scope};
///
/// let parts = ["1", "20", "300"];
/// let sum = try_scope(|s| {
///     let handles: Vec<_> = parts.iter().map(|p| s.spawn(|| p.parse::<u32>())).collect();
///     Ok(handles.into_iter().map(|h| h.join().unwrap()).sum::<u32>())
/// });
/// assert_eq!(sum, Ok(321));
///
/// let failed: Result<(), _> = try_scope(|s| {
///     s.spawn(|| Ok(sleep(Duration::MAX)));
///     s.spawn(|| "no number".parse::<u32>());
///     Ok(())
/// });
/// assert!(failed.is_err());
/// # });
/// ```
#[track_caller]
pub fn try_scope<'env, F, T, E>(f: F) -> Result<T, E>
where
    E: 'env,
    F: for<'scope> FnOnce(&'scope TryScope<'scope, 'env, E>) -> Result<T, E>,
{
    let scope =
        TryScope { scope: Scope::new(), failure: Mutex::new(None), body: CancelToken::new() };
    let mut value = None;
    let mut unwinding = None;
    match catch_unwind(AssertUnwindSafe(|| scope.body.run(|| f(&scope)))) {
        Ok(Ok(Ok(v))) => value = Some(v),
        Ok(Ok(Err(e))) => scope.fail(Failure::Error(e)),
        // By a failure that came before.
        Ok(Err(Cancelled)) => {}
        Err(payload) if is_interruption(&*payload) => {
            unwinding = Some(payload);
            scope.fail(Failure::Interrupted);
        }
        Err(payload) => scope.fail(Failure::Panic(payload)),
    }
    let mut interrupt = None;
    while interrupt.is_none() && unwinding.is_none() && scope.scope.data.has_children() {
        if let Woken::Interrupted(by) = park::wait(&SCOPE, None) {
            if !scope.scope.data.has_children() {
                break;
            }
            interrupt = Some(by);
            scope.fail(Failure::Interrupted);
        }
    }
    scope.scope.data.wait();
    let failure = scope.failure.lock().take();
    match (failure, value) {
        (Some(Failure::Error(e)), _) => Err(e),
        (Some(Failure::Panic(payload)), _) => resume_unwind(payload),
        (Some(Failure::Interrupted), value) => {
            drop(value);
            match (unwinding, interrupt) {
                (Some(payload), _) => resume_unwind(payload),
                (None, Some(interrupt)) => interrupt.unwind(),
                (None, None) => unreachable!("one of the two has set the failure"),
            }
        }
        (None, _) if scope.scope.data.has_panicked() => panic!("a scoped coroutine panicked"),
        (None, Some(value)) => Ok(value),
        (None, None) => unreachable!("only a failure ends the closure without a value"),
    }
}

impl<'scope, 'env, E: 'env> TryScope<'scope, 'env, E> {
    /// Spawns a coroutine that may borrow what outlives the scope. Does not suspend.
    ///
    /// # Panics
    /// If the global runtime is needed and cannot be started. Use [`TryScope::spawn_with`] for an error.
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> TryScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> Result<T, E> + Send + 'scope,
        T: Send + 'scope,
        E: Send,
    {
        self.spawn_at(Builder::new(), f, Location::caller())
            .unwrap_or_else(|e| panic!("the global runtime could not be started: {e}"))
    }

    /// [`TryScope::spawn`] with settings. Does not suspend.
    ///
    /// # Errors
    /// As for [`Builder::spawn`].
    #[track_caller]
    pub fn spawn_with<F, T>(
        &'scope self,
        builder: Builder,
        f: F,
    ) -> io::Result<TryScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> Result<T, E> + Send + 'scope,
        T: Send + 'scope,
        E: Send,
    {
        self.spawn_at(builder, f, Location::caller())
    }

    fn spawn_at<F, T>(
        &'scope self,
        builder: Builder,
        f: F,
        spawned_at: &'static Location<'static>,
    ) -> io::Result<TryScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> Result<T, E> + Send + 'scope,
        T: Send + 'scope,
        E: Send,
    {
        let run = move || match catch_unwind(AssertUnwindSafe(f)) {
            Ok(Ok(value)) => Some(value),
            Ok(Err(e)) => {
                self.fail(Failure::Error(e));
                None
            }
            Err(payload) if is_interruption(&*payload) => resume_unwind(payload),
            Err(payload) => {
                self.fail(Failure::Panic(payload));
                None
            }
        };
        let parent = self.scope.data.clone();
        // SAFETY: `try_scope` waits for the child, and what it borrows outlives 'scope.
        let handle = unsafe {
            builder.spawn_unchecked(worker::Target::choose, run, Some(parent), spawned_at)?
        };
        Ok(TryScopedJoinHandle { handle, _scope: PhantomData })
    }

    /// Asks all children to end, and those that are spawned from now on: they do not start. Does not suspend, and does not end the scope's
    /// own closure, whose value is still what the scope returns.
    pub fn cancel(&self) {
        self.scope.cancel();
    }

    /// Keeps the first failure, but a panic before an error, and ends the others.
    fn fail(&self, failure: Failure<E>) {
        let mut kept = self.failure.lock();
        let dropped = match (&*kept, &failure) {
            (None | Some(Failure::Error(_) | Failure::Interrupted), Failure::Panic(_))
            | (None, _) => kept.replace(failure),
            _ => Some(failure),
        };
        drop(kept);
        self.body.cancel();
        self.scope.cancel();
        drop(dropped);
    }
}

impl<'env, E: 'env> fmt::Debug for TryScope<'_, 'env, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryScope").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// Owns the right to the value of a coroutine in a [`try_scope`]. Dropping it leaves the coroutine to the scope.
#[derive(Debug)]
pub struct TryScopedJoinHandle<'scope, T> {
    handle: JoinHandle<Option<T>>,
    _scope: PhantomData<&'scope ()>,
}

impl<T> TryScopedJoinHandle<'_, T> {
    /// Waits until the coroutine has finished and returns its value.
    ///
    /// Suspends the calling coroutine or blocks the calling OS thread; a cancelled caller unwinds. If the coroutine fails, its error or
    /// panic is the scope's, which then ends: in the scope's closure and in its children this does not return, but unwinds.
    ///
    /// # Errors
    /// [`Cancelled`] if the coroutine was cancelled by itself, by [`TryScopedJoinHandle::cancel`] or [`TryScope::cancel`]; and if it failed, in
    /// code that must not be ended ([`shield`](crate::shield)).
    ///
    /// # Panics
    /// If the coroutine could not be started for want of a stack.
    pub fn join(self) -> Result<T, Cancelled> {
        match self.handle.join() {
            Ok(Some(value)) => Ok(value),
            Err(payload) if !payload.is::<Cancelled>() => super::rethrow(payload),
            ended => {
                drop(ended);
                // The scope's failure was recorded before the child ended. The token makes the wait return if nothing ends it.
                park::unparker().unpark();
                match park::wait(&SCOPE, None) {
                    Woken::Interrupted(interrupt) => interrupt.unwind(),
                    Woken::Unparked | Woken::TimedOut => Err(Cancelled),
                }
            }
        }
    }

    /// Whether the coroutine has finished. Does not suspend.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// The coroutine that this handle is for.
    pub fn coroutine(&self) -> Coroutine {
        self.handle.coroutine()
    }

    /// Asks the coroutine to end, which is no failure of the scope. See [`JoinHandle::cancel`].
    pub fn cancel(&self) {
        self.handle.cancel();
    }
}
