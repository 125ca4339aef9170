//! Locks, events, semaphores and small channels by which coroutines and OS threads, in any mix, wait for each other.
//!
//! Names and signatures are std's where std has the thing, tokio's for the rest. There is no poisoning. Whoever waits is served in the order
//! of coming; a wait that is served at the moment it is interrupted counts as served, so no lock, permit or message is ever lost.

mod barrier;
pub mod broadcast;
mod condvar;
mod deadline;
mod event;
mod lazy_lock;
#[cfg(all(test, greenwood_loom))]
mod models;
pub mod mpsc;
mod mutex;
mod notify;
mod once;
mod once_lock;
pub mod oneshot;
mod rwlock;
mod semaphore;
pub mod watch;

pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use event::Event;
pub use lazy_lock::LazyLock;
pub use mutex::{Mutex, MutexGuard, WouldBlock};
pub use notify::Notify;
pub use once::Once;
pub use once_lock::OnceLock;
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use semaphore::{
    AcquireError, AcquireTimeoutError, OwnedPermit, Permit, Semaphore, TooManyPermits,
    TryAcquireError,
};
