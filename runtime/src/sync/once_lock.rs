//! A value that is written once, after [`std::sync::OnceLock`].

use std::cell::UnsafeCell;
use std::convert::Infallible;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

use super::Once;
use crate::model::const_fn;

/// A value that is written once and read ever after, like [`std::sync::OnceLock`], for coroutines and OS threads in any mix: who asks while
/// somebody initialises it is suspended, or blocks its OS thread where it is not on a coroutine.
///
/// An initialiser that panics, fails, or unwinds as its caller is cancelled leaves it empty; the next caller runs its own.
///
/// ```
/// use greenwood_runtime::sync::OnceLock;
///
/// static NAME: OnceLock<String> = OnceLock::new();
///
/// assert_eq!(NAME.get(), None);
/// assert_eq!(NAME.get_or_init(|| "Marian".to_string()), "Marian");
/// assert!(NAME.set("Robin".to_string()).is_err());
/// ```
pub struct OnceLock<T> {
    once: Once,
    /// Written by the initialiser of `once`, read when that has completed.
    value: UnsafeCell<Option<T>>,
}

// SAFETY: `&self` gives out `&T`, and takes in a `T` that another thread may drop.
unsafe impl<T: Send + Sync> Sync for OnceLock<T> {}

// As for std's: what an initialiser has left half-way is never seen.
impl<T: RefUnwindSafe + UnwindSafe> RefUnwindSafe for OnceLock<T> {}
impl<T: UnwindSafe> UnwindSafe for OnceLock<T> {}

impl<T> OnceLock<T> {
    const_fn! {
        /// An empty one. Does not suspend.
        pub fn new() -> OnceLock<T> {
            OnceLock { once: Once::new(), value: UnsafeCell::new(None) }
        }
    }

    /// The value, if it is there. Does not suspend.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if !self.once.is_completed() {
            return None;
        }
        // SAFETY: completed, so nobody writes any more.
        unsafe { (*self.value.get()).as_ref() }
    }

    /// The value, if it is there. Does not suspend.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut().as_mut()
    }

    /// Writes the value. Suspends while somebody else initialises it; interrupted meanwhile, the caller unwinds.
    ///
    /// # Errors
    /// `value`, if one is there already.
    ///
    /// # Panics
    /// If it is called by the initialiser that runs.
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.get_or_init(|| value.take().unwrap_or_else(|| unreachable!("called once")));
        value.map_or(Ok(()), Err)
    }

    /// The value, which `f` makes if it is not there. Suspends while somebody else initialises it; interrupted meanwhile, by a cancellation or a
    /// [`timeout`](crate::timeout) around it, the caller unwinds.
    ///
    /// # Panics
    /// If `f` does; and if it is called by the initialiser that runs, which could only wait for itself.
    #[inline]
    pub fn get_or_init(&self, f: impl FnOnce() -> T) -> &T {
        let Ok(value) = self.get_or_try_init(|| -> Result<T, Infallible> { Ok(f()) });
        value
    }

    /// [`OnceLock::get_or_init`] with an `f` that may fail, and leave it empty. Unstable in std.
    ///
    /// # Errors
    /// That of `f`.
    ///
    /// # Panics
    /// As [`OnceLock::get_or_init`].
    ///
    /// ```
    /// use greenwood_runtime::sync::OnceLock;
    ///
    /// let port = OnceLock::new();
    /// assert!(port.get_or_try_init(|| "http".parse::<u16>()).is_err());
    /// assert_eq!(port.get_or_try_init(|| "80".parse::<u16>()), Ok(&80));
    /// ```
    #[inline]
    pub fn get_or_try_init<E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        self.once.run(|| {
            let value = f()?;
            // SAFETY: one initialiser runs at a time and none after one that has completed, before which nobody reads.
            unsafe { *self.value.get() = Some(value) };
            Ok(())
        })?;
        Ok(self.get().unwrap_or_else(|| unreachable!("initialised")))
    }

    /// Suspends until somebody has written the value. Interrupted meanwhile, the caller unwinds.
    ///
    /// # Panics
    /// If it is called by the initialiser that runs.
    pub fn wait(&self) -> &T {
        self.once.wait();
        self.get().unwrap_or_else(|| unreachable!("initialised"))
    }

    /// [`OnceLock::wait`] for at most `duration`: `None` if it was still empty then. An extension of std's.
    ///
    /// # Panics
    /// As [`OnceLock::wait`].
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// use std::time::Duration;
    /// use greenwood_runtime::sync::OnceLock;
    ///
    /// let empty = OnceLock::<u8>::new();
    /// assert_eq!(empty.wait_timeout(Duration::from_millis(1)), None);
    /// # });
    /// ```
    pub fn wait_timeout(&self, duration: Duration) -> Option<&T> {
        self.once.wait_timeout(duration);
        self.get()
    }

    /// The value, if it was there. Does not suspend.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out, and leaves it as new. Does not suspend.
    pub fn take(&mut self) -> Option<T> {
        std::mem::take(self).into_inner()
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> OnceLock<T> {
        OnceLock::new()
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> OnceLock<T> {
        let cell = OnceLock::new();
        let _ = cell.set(value);
        cell
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> OnceLock<T> {
        self.get().cloned().map_or_else(OnceLock::new, OnceLock::from)
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &OnceLock<T>) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("OnceLock");
        match self.get() {
            Some(value) => tuple.field(value),
            None => tuple.field(&format_args!("<uninit>")),
        };
        tuple.finish()
    }
}
