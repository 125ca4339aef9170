//! Coroutines: their control blocks, how they are spawned, joined and scoped, and their root function.

mod current;
mod handle;
mod local;
mod parent;
mod root;
mod scope;
mod spawn;
mod task;
mod try_scope;

pub use current::{Coroutine, CoroutineId, current, yield_now};
pub use handle::JoinHandle;
pub use local::LocalKey;
pub use scope::{Scope, ScopedJoinHandle, scope};
pub use spawn::{Builder, Placement, spawn};
pub use try_scope::{TryScope, TryScopedJoinHandle, try_scope};

pub(crate) use handle::{Listens, rethrow};
pub(crate) use local::LocalMap;
pub(crate) use parent::{Parent, Registry};
pub(crate) use root::{RawCoroutine, Resume, Suspend, Yielder, start};
pub(crate) use scope::run_borrowed;
pub(crate) use spawn::launch_in;
pub(crate) use task::{Header, Run, Task};
