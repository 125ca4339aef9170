//! The core of Greenwood: stackful coroutines on a few OS threads, each with thread-locals of its own.
//!
//! Most programs use this crate through `greenwood`, which adds sockets and more. What is here: [`spawn`] and [`scope`] with the
//! standard library's bounds, [`sleep`], [`offload`], [`Runtime`]; and for those who build blocking primitives, [`park`] (wait for anything) and
//! [`readiness`] (wait for a descriptor).
//!
//! # Where a coroutine runs
//! On the worker that started it, for its whole life: its stack and thread-locals never see another OS thread. What moves between workers are closures that
//! have not started.
//!
//! # What a coroutine is to the code on it
//! With own thread-locals (the default where the self-test at start passes: x86_64 Linux with glibc) it is a thread, as far as Rust's rules
//! and any library can tell: `Send`, `Sync` and `thread_local!` mean what they mean in std. What stays per OS thread is the kernel's:
//! signal mask, scheduling attributes, file-system ids, namespaces, `gettid`. Set those before the runtime starts, or in [`offload`].
//!
//! Elsewhere, and in [Shared mode](RuntimeBuilder::shared_thread_locals), other coroutines may run on the same thread-locals at any
//! suspension point; that constructor's safety section says what must not be done there.
//!
//! # What never suspends
//! A coroutine suspends only in this project's blocking calls. Outside of coroutines, in a forked child, under [`no_yield`], and on
//! a stack that is not the coroutine's, the same calls block the OS thread.

mod block_on;
mod cancel;
pub mod channel;
mod context;
mod coroutine;
mod fairness;
mod group;
pub mod interpose;
mod model;
mod offload;
pub mod park;
pub mod readiness;
mod runtime;
pub mod signal;
mod stack;
pub mod sync;
mod sys;
mod time;
mod tls;
mod worker;

pub use block_on::block_on;
pub use cancel::{
    CancelToken, Cancelled, Elapsed, Interruption, deadline, is_interruption, shield, timeout,
};
pub use context::may_switch;
pub use coroutine::{
    Builder, Coroutine, CoroutineId, JoinHandle, LocalKey, Placement, Scope, ScopedJoinHandle,
    TryScope, TryScopedJoinHandle, current, scope, spawn, try_scope, yield_now,
};
pub use fairness::{checkpoint, no_yield};
pub use group::{
    Imap, ImapUnordered, Pool, PoolFull, TaskSet, TaskSetIntoIter, TaskSetIter, join_all,
};
pub use offload::{offload, try_offload};
pub use runtime::{Runtime, RuntimeBuilder, run, worker_count, worker_index};
pub use stack::{DEFAULT_STACK_SIZE, MAX_STACK_SIZE, MIN_STACK_SIZE};
pub use time::{
    Interval, MissedTickBehavior, interval, interval_at, now, sleep, sleep_until, spawn_after,
};
