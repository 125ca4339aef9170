//! A value that its first user makes, after [`std::sync::LazyLock`].

use std::cell::UnsafeCell;
use std::convert::Infallible;
use std::fmt;
use std::mem;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::Once;
use crate::model::const_fn;

/// A value that is made when it is first used, like [`std::sync::LazyLock`], for coroutines and OS threads in any mix: who comes while it is
/// made is suspended, or blocks its OS thread where it is not on a coroutine. Interrupted meanwhile, it unwinds.
///
/// The initialiser exists once. If it panics, all uses from then on panic. So that no user's cancellation or [`timeout`](crate::timeout) has
/// that effect on all others, it runs [shielded](crate::shield) from those around it; one within works as ever.
///
/// ```
/// use greenwood_runtime::sync::{LazyLock, Mutex};
///
/// static NAMES: LazyLock<Mutex<Vec<String>>> = LazyLock::new(|| Mutex::new(vec!["Will".into()]));
///
/// NAMES.lock().push("Much".into());
/// assert_eq!(NAMES.lock().len(), 2);
/// ```
pub struct LazyLock<T, F = fn() -> T> {
    once: Once,
    /// Changed by the initialiser of `once`, read when that has completed.
    state: UnsafeCell<State<T, F>>,
}

enum State<T, F> {
    Unused(F),
    /// The initialiser runs, or has panicked.
    Spent,
    Made(T),
}

// SAFETY: `&self` gives out `&T`, makes a `T` that another thread may drop, and calls an `F` on whatever thread comes first. There is no
// `&F`.
unsafe impl<T: Send + Sync, F: Send> Sync for LazyLock<T, F> {}

// As for std's: what an initialiser has left half-way is never seen.
impl<T: RefUnwindSafe + UnwindSafe, F: UnwindSafe> RefUnwindSafe for LazyLock<T, F> {}
impl<T: UnwindSafe, F: UnwindSafe> UnwindSafe for LazyLock<T, F> {}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    const_fn! {
        /// One whose value `f` will make. Does not suspend.
        pub fn new(f: F) -> LazyLock<T, F> {
            LazyLock { once: Once::new(), state: UnsafeCell::new(State::Unused(f)) }
        }
    }

    /// The value, made now if it is not there yet; what dereferencing does.
    ///
    /// # Panics
    /// If the initialiser does or did, or if it is called by the initialiser.
    ///
    /// ```
    /// use greenwood_runtime::sync::LazyLock;
    ///
    /// let answer = LazyLock::new(|| 6 * 7);
    /// assert_eq!(LazyLock::force(&answer), &42);
    /// assert_eq!(*answer, 42);
    /// ```
    #[inline]
    pub fn force(this: &LazyLock<T, F>) -> &T {
        if !this.once.is_completed() {
            this.make();
        }
        this.made().unwrap_or_else(|| unreachable!("made"))
    }

    #[cold]
    fn make(&self) {
        let Ok(()) = self.once.run(|| -> Result<(), Infallible> {
            let state = self.state.get();
            // SAFETY: one initialiser runs at a time and none after one that has completed, before which nobody reads.
            let before = mem::replace(unsafe { &mut *state }, State::Spent);
            let State::Unused(f) = before else {
                panic!("the initialiser of this LazyLock has panicked before");
            };
            let value = crate::shield(f);
            // SAFETY: as above.
            unsafe { *state = State::Made(value) };
            Ok(())
        });
    }
}

impl<T, F> LazyLock<T, F> {
    fn made(&self) -> Option<&T> {
        if !self.once.is_completed() {
            return None;
        }
        // SAFETY: completed, so nobody writes any more.
        match unsafe { &*self.state.get() } {
            State::Made(value) => Some(value),
            _ => None,
        }
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        LazyLock::force(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    fn default() -> LazyLock<T> {
        LazyLock::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("LazyLock");
        match self.made() {
            Some(value) => tuple.field(value),
            None => tuple.field(&format_args!("<uninit>")),
        };
        tuple.finish()
    }
}
