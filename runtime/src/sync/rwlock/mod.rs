//! Many readers or one writer, after [`std::sync::RwLock`], without poisoning.

mod guard;
mod raw;

#[cfg(all(test, greenwood_loom))]
mod models;

use std::cell::UnsafeCell;
use std::fmt;
use std::panic::UnwindSafe;
use std::time::{Duration, Instant};

use super::WouldBlock;
use super::deadline::{after, timed_out};
use crate::model::const_fn;
pub use guard::{RwLockReadGuard, RwLockWriteGuard};
use raw::{Kind, RawRwLock};

/// A value that many may read or one may write, like [`std::sync::RwLock`], for coroutines and OS threads in any mix: who has to wait is
/// suspended, or blocks its OS thread where it is not on a coroutine.
///
/// # No poisoning
/// When a holder panics, or unwinds as it is cancelled, its guard is dropped: the lock is free, and the value as the holder left it, half
/// changed perhaps. Signatures are those of `std::sync::nonpoison`. A guard that is leaked leaves the lock taken for ever.
///
/// # Who is next
/// First come, first served: once somebody waits, who comes later waits behind, readers too. When a writer leaves, all readers up to the next
/// writer in the queue enter; so neither kind can keep the other out. For the same reason a reader who locks again while it holds a read
/// lock may wait for ever, behind a writer that waits for it; who holds a write lock and locks again does so in any case.
///
/// ```
/// use std::sync::Arc;
/// use greenwood_runtime::{spawn, sync::RwLock};
///
/// # greenwood_runtime::run(|| {
/// let routes = Arc::new(RwLock::new(vec!["/"]));
/// let writer = routes.clone();
/// spawn(move || writer.write().push("/about")).join().unwrap();
/// let (one, other) = (routes.read(), routes.read());
/// assert_eq!(one.len() + other.len(), 4);
/// # });
/// ```
pub struct RwLock<T: ?Sized> {
    raw: RawRwLock,
    data: UnsafeCell<T>,
}

// SAFETY: the value is used by one thread or coroutine at a time, or only read; `Send` is what it takes to hand it from one to the next.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}
// SAFETY: as above, and readers share it.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

// It is `RefUnwindSafe` for no value: after a panic, others may find that half changed.
impl<T: ?Sized + UnwindSafe> UnwindSafe for RwLock<T> {}

impl<T> RwLock<T> {
    const_fn! {
        /// An unlocked one around `value`. Does not suspend.
        #[inline]
        pub fn new(value: T) -> RwLock<T> {
            RwLock { raw: RawRwLock::new(), data: UnsafeCell::new(value) }
        }
    }

    /// The value. Does not suspend: nobody else has the lock.
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Locks it to read. Suspends while a writer holds it or anybody waits; interrupted meanwhile, by a cancellation or a
    /// [`timeout`](crate::timeout) around it, the caller unwinds.
    ///
    /// # Panics
    /// If so many read guards were leaked that they cannot be counted any more.
    #[inline]
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        match self.raw.lock(Kind::Read, None) {
            Ok(()) => self.read_guard(),
            Err(stopped) => {
                timed_out(stopped);
                unreachable!("a wait without a deadline")
            }
        }
    }

    /// Locks it to write. Suspends while anybody holds it; interrupted meanwhile, by a cancellation or a [`timeout`](crate::timeout) around it,
    /// the caller unwinds.
    #[inline]
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        match self.raw.lock(Kind::Write, None) {
            Ok(()) => self.write_guard(),
            Err(stopped) => {
                timed_out(stopped);
                unreachable!("a wait without a deadline")
            }
        }
    }

    /// Locks it to read if that is possible at once. Does not suspend.
    ///
    /// # Errors
    /// [`WouldBlock`] if a writer holds it or anybody waits.
    #[inline]
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, WouldBlock> {
        if self.raw.try_lock(Kind::Read) { Ok(self.read_guard()) } else { Err(WouldBlock) }
    }

    /// Locks it to write if that is possible at once. Does not suspend.
    ///
    /// # Errors
    /// [`WouldBlock`] if anybody holds it or waits.
    ///
    /// ```
    /// use greenwood_runtime::sync::{RwLock, WouldBlock};
    ///
    /// let lock = RwLock::new(1);
    /// let reader = lock.read();
    /// assert!(lock.try_read().is_ok());
    /// assert_eq!(lock.try_write().unwrap_err(), WouldBlock);
    /// # drop(reader);
    /// ```
    #[inline]
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, WouldBlock> {
        if self.raw.try_lock(Kind::Write) { Ok(self.write_guard()) } else { Err(WouldBlock) }
    }

    /// [`RwLock::read`] for at most `duration`: `None` if it had to wait longer. Named after parking_lot's.
    ///
    /// ```
    /// # greenwood_runtime::run(|| {
    /// use std::time::Duration;
    /// use greenwood_runtime::sync::RwLock;
    ///
    /// let lock = RwLock::new(1);
    /// let writer = lock.write();
    /// assert!(lock.try_read_for(Duration::from_millis(1)).is_none());
    /// drop(writer);
    /// assert!(lock.try_read_for(Duration::from_millis(1)).is_some());
    /// # });
    /// ```
    pub fn try_read_for(&self, duration: Duration) -> Option<RwLockReadGuard<'_, T>> {
        self.lock_by(Kind::Read, after(duration)).then(|| self.read_guard())
    }

    /// [`RwLock::read`] until `deadline`, by the clock of [`now`](crate::now): `None` if it had to wait longer.
    pub fn try_read_until(&self, deadline: Instant) -> Option<RwLockReadGuard<'_, T>> {
        self.lock_by(Kind::Read, Some(deadline)).then(|| self.read_guard())
    }

    /// [`RwLock::write`] for at most `duration`: `None` if it had to wait longer. Named after parking_lot's.
    pub fn try_write_for(&self, duration: Duration) -> Option<RwLockWriteGuard<'_, T>> {
        self.lock_by(Kind::Write, after(duration)).then(|| self.write_guard())
    }

    /// [`RwLock::write`] until `deadline`, by the clock of [`now`](crate::now): `None` if it had to wait longer.
    pub fn try_write_until(&self, deadline: Instant) -> Option<RwLockWriteGuard<'_, T>> {
        self.lock_by(Kind::Write, Some(deadline)).then(|| self.write_guard())
    }

    fn lock_by(&self, kind: Kind, deadline: Option<Instant>) -> bool {
        self.raw.lock(kind, deadline).map_err(timed_out).is_ok()
    }

    /// The value, without locking: the caller has it exclusively. Does not suspend.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> RwLock<T> {
        RwLock::new(value)
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lock = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) => lock.field("data", &&*guard),
            Err(WouldBlock) => lock.field("data", &format_args!("<locked>")),
        };
        lock.finish_non_exhaustive()
    }
}
