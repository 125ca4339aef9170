//! Locks, and whatever else waits for another thread: by futex(2), as Rust's do, and pthread's.
//!
//! A coroutine here waits in a [`queue`] of this crate's, by the address of what it waits for. It needs thread-locals of its own for that: a
//! lock's queue of waiters often is made of what each thread has once. Nothing ends such a wait early: locks have no error to return, so a
//! cancellation is reported by the next call that can fail.
//!
//! What stays libc's own, and blocks the worker if it waits: robust mutexes and those with priorities, which the kernel keeps by thread; condition
//! variables and barriers that other processes may use; spinning. Other locks that other processes may use are looked at every millisecond.
//!
//! With the group installed, OS threads wait for condition variables and barriers in the same queue. pthread_cancel(3) does not end such a
//! wait before its time. A signal handler may call sem_post(3), as ever, but not wake by futex(2).

mod acquire;
mod barrier;
mod c11;
mod condvar;
mod deadline;
mod futex;
mod herald;
mod kernel;
mod layout;
mod list;
mod mutex;
mod once;
mod queue;
mod rwlock;
mod semaphore;

use std::sync::Once;

use crate::glibc::hook::Hook;

/// All functions of this group.
pub(crate) fn hooks() -> impl Iterator<Item = &'static Hook> {
    [
        futex::HOOKS,
        mutex::HOOKS,
        mutex::release::HOOKS,
        condvar::HOOKS,
        rwlock::HOOKS,
        rwlock::release::HOOKS,
        semaphore::HOOKS,
        semaphore::release::HOOKS,
        barrier::HOOKS,
        once::HOOKS,
        c11::HOOKS,
        c11::all::HOOKS,
    ]
    .into_iter()
    .flatten()
}

/// Before the group is installed: whether this libc's locks are what this module takes them for.
pub(crate) fn prepare() -> bool {
    static FORKS: Once = Once::new();
    FORKS.call_once(|| {
        // SAFETY: the handler touches nothing but this crate's own tables.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
    layout::check()
}

unsafe extern "C" fn in_child() {
    herald::forget();
    // SAFETY: the child of a fork has one thread, this one.
    unsafe { queue::forget_all() };
}
