//! Locks, events and other primitives by which coroutines and OS threads, in any mix, wait for each other.

mod barrier;
mod condvar;
mod deadline;
mod lazy_lock;
mod mutex;
mod once;
mod once_lock;
mod rwlock;

#[cfg(all(test, greenwood_loom))]
mod models;

pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use lazy_lock::LazyLock;
pub use mutex::{Mutex, MutexGuard, WouldBlock};
pub use once::Once;
pub use once_lock::OnceLock;
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub mod broadcast;
mod event;
mod notify;
pub mod oneshot;
mod semaphore;
mod wakeups;
pub mod watch;

pub use event::Event;
pub use notify::Notify;
pub use semaphore::{
    AcquireError, AcquireTimeoutError, OwnedPermit, Permit, Semaphore, TooManyPermits,
    TryAcquireError,
};
