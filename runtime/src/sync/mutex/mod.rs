//! Mutual exclusion, after [`std::sync::Mutex`], without poisoning.

mod raw;

#[cfg(all(test, greenwood_loom))]
mod models;

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::UnwindSafe;
use std::time::{Duration, Instant};

use super::deadline::{after, timed_out};
use crate::model::const_fn;
use raw::RawMutex;

/// A lock around a value, like [`std::sync::Mutex`], for coroutines and OS threads in any mix: who finds it taken is suspended, or blocks its
/// OS thread where it is not on a coroutine.
///
/// The guard may be held while its holder waits for something else.
///
/// # No poisoning
/// When a holder panics, or unwinds as it is cancelled, its guard is dropped: the lock is free, and the value as the holder left it, half
/// changed perhaps. Signatures are those of `std::sync::nonpoison`. A guard that is leaked leaves the lock taken for ever.
///
/// # Who is next
/// Waiters are woken in the order of their coming. Until the one that was woken runs, somebody else may take the lock; after that it is
/// handed to the waiter, so none is overtaken for longer. Locking it again while holding it waits for ever.
///
/// ```
/// use std::sync::Arc;
/// use greenwood_runtime::{spawn, yield_now, sync::Mutex};
///
/// # greenwood_runtime::run(|| {
/// let sum = Arc::new(Mutex::new(0));
/// let adders: Vec<_> = (1..=4)
///     .map(|n| {
///         let sum = sum.clone();
///         spawn(move || {
///             let mut sum = sum.lock();
///             let before = *sum;
///             yield_now();
///             *sum = before + n;
///         })
///     })
///     .collect();
/// adders.into_iter().for_each(|a| a.join().unwrap());
/// assert_eq!(*sum.lock(), 10);
/// # });
/// ```
pub struct Mutex<T: ?Sized> {
    raw: RawMutex,
    data: UnsafeCell<T>,
}

// SAFETY: only the holder of the lock has access to the value, by one thread or coroutine at a time.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

// It is `RefUnwindSafe` for no value: after a panic, others may find that half changed.
impl<T: ?Sized + UnwindSafe> UnwindSafe for Mutex<T> {}

/// A [`Mutex`] held, which gives access to its value; dropping it unlocks. Like [`std::sync::MutexGuard`] it stays with whoever locked: it
/// is not `Send`.
#[must_use = "the lock is free again as soon as this is dropped"]
pub struct MutexGuard<'a, T: ?Sized> {
    lock: &'a Mutex<T>,
    not_send: PhantomData<*const ()>,
}

// SAFETY: it gives out `&T`, and `&mut T` only to who has it exclusively.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

/// A lock could not be had at once. Like `std::sync::nonpoison::WouldBlock`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WouldBlock;

impl fmt::Display for WouldBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lock is taken")
    }
}

impl std::error::Error for WouldBlock {}

impl<T> Mutex<T> {
    const_fn! {
        /// An unlocked one around `value`. Does not suspend.
        ///
        /// ```
        /// use greenwood_runtime::sync::Mutex;
        ///
        /// static NAMES: Mutex<Vec<String>> = Mutex::new(Vec::new());
        /// NAMES.lock().push("Robin".to_string());
        /// ```
        #[inline]
        pub fn new(value: T) -> Mutex<T> {
            Mutex { raw: RawMutex::new(), data: UnsafeCell::new(value) }
        }
    }

    /// The value. Does not suspend: nobody else has the lock.
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks it. Suspends while somebody else holds it; interrupted meanwhile, by a cancellation or a [`timeout`](crate::timeout) around it, the
    /// caller unwinds.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        match self.raw.lock(None) {
            Ok(()) => self.guard(),
            Err(stopped) => {
                timed_out(stopped);
                unreachable!("a wait without a deadline")
            }
        }
    }

    /// Locks it if that is possible at once. Does not suspend.
    ///
    /// # Errors
    /// [`WouldBlock`] if it is taken.
    ///
    /// ```
    /// use greenwood_runtime::sync::{Mutex, WouldBlock};
    ///
    /// let mutex = Mutex::new(1);
    /// let guard = mutex.try_lock().unwrap();
    /// assert_eq!(mutex.try_lock().unwrap_err(), WouldBlock);
    /// # drop(guard);
    /// ```
    #[inline]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, WouldBlock> {
        if self.raw.try_lock() { Ok(self.guard()) } else { Err(WouldBlock) }
    }

    /// [`Mutex::lock`] for at most `duration`: `None` if it was still taken then. Named after parking_lot's.
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// use std::time::Duration;
    /// use greenwood_runtime::sync::Mutex;
    ///
    /// let mutex = Mutex::new(1);
    /// let guard = mutex.lock();
    /// assert!(mutex.try_lock_for(Duration::from_millis(1)).is_none());
    /// drop(guard);
    /// assert!(mutex.try_lock_for(Duration::from_millis(1)).is_some());
    /// # });
    /// ```
    pub fn try_lock_for(&self, duration: Duration) -> Option<MutexGuard<'_, T>> {
        if self.raw.try_lock() {
            return Some(self.guard());
        }
        self.lock_by(after(duration))
    }

    /// [`Mutex::lock`] until `deadline`, by the clock of [`now`](crate::now): `None` if it was still taken then.
    pub fn try_lock_until(&self, deadline: Instant) -> Option<MutexGuard<'_, T>> {
        self.lock_by(Some(deadline))
    }

    fn lock_by(&self, deadline: Option<Instant>) -> Option<MutexGuard<'_, T>> {
        match self.raw.lock(deadline) {
            Ok(()) => Some(self.guard()),
            Err(stopped) => {
                timed_out(stopped);
                None
            }
        }
    }

    /// The value, without locking: the caller has it exclusively. Does not suspend.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    /// Locks it, whatever would end the caller's wait.
    pub(super) fn lock_uninterrupted(&self) -> MutexGuard<'_, T> {
        self.raw.lock_uninterrupted();
        self.guard()
    }

    /// For who has just locked it.
    #[inline]
    fn guard(&self) -> MutexGuard<'_, T> {
        MutexGuard { lock: self, not_send: PhantomData }
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// For a condition variable, which gives up the lock and takes it again.
    pub(super) fn mutex(this: &Self) -> &'a Mutex<T> {
        this.lock
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the lock is held.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.raw.unlock();
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Mutex<T> {
        Mutex::new(value)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut mutex = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) => mutex.field("data", &&*guard),
            Err(WouldBlock) => mutex.field("data", &format_args!("<locked>")),
        };
        mutex.finish_non_exhaustive()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
