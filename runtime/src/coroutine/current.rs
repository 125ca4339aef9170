//! Who the caller is, and giving up a turn.

use std::num::NonZeroU64;
use std::sync::Arc;

use super::{Header, Suspend, Task};
use crate::context;

/// A number that no other coroutine of the process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CoroutineId(NonZeroU64);

impl CoroutineId {
    pub(crate) fn of(header: &Header) -> CoroutineId {
        CoroutineId(NonZeroU64::new(header.id()).expect("ids start at 1"))
    }

    /// The number itself.
    pub fn as_u64(self) -> NonZeroU64 {
        self.0
    }
}

/// A coroutine's identity, like [`std::thread::Thread`].
#[derive(Clone)]
pub struct Coroutine(Arc<dyn Task>);

impl Coroutine {
    pub(super) fn new(task: Arc<dyn Task>) -> Coroutine {
        Coroutine(task)
    }

    /// Its id.
    pub fn id(&self) -> CoroutineId {
        CoroutineId::of(self.0.header())
    }

    /// The name given by [`Builder::name`](crate::Builder::name).
    pub fn name(&self) -> Option<&str> {
        self.0.header().settings.as_ref()?.name.as_deref()
    }

    /// Where in the source it was spawned.
    pub fn spawned_at(&self) -> &'static std::panic::Location<'static> {
        self.0.header().spawned_at
    }

    /// What it waits for, or last waited for: `"sleep"`, `"read"`, `"join"` and so on. `None` before its first wait.
    pub fn waits_for(&self) -> Option<&'static str> {
        self.0.header().reason().map(|r| r.0)
    }
}

impl std::fmt::Debug for Coroutine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Coroutine")
            .field("id", &self.id().as_u64())
            .field("name", &self.name())
            .field("spawned_at", &format_args!("{}", self.spawned_at()))
            .field("waits_for", &self.waits_for())
            .finish()
    }
}

/// The calling coroutine, or `None` on an OS thread. Does not suspend.
///
/// ```
/// assert!(greenwood_runtime::current().is_none());
/// greenwood_runtime::run(|| {
///     assert!(greenwood_runtime::current().is_some());
/// });
/// ```
pub fn current() -> Option<Coroutine> {
    context::current()?.task().map(Coroutine)
}

/// Lets the other coroutines of this worker run before the caller goes on; on an OS thread, [`std::thread::yield_now`].
///
/// Not a blocking call: a cancelled coroutine just goes on.
#[inline(always)]
pub fn yield_now() {
    match context::switchable() {
        Some(cx) => {
            cx.suspend(Suspend::YIELD);
        }
        None => std::thread::yield_now(),
    }
}
