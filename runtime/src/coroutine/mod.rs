//! Coroutines: their control blocks, how they are spawned, joined and scoped, and their root function.

mod current;
mod handle;
mod local;
mod root;
mod scope;
mod spawn;
mod task;

pub use current::{Coroutine, CoroutineId, current, yield_now};
pub use handle::JoinHandle;
pub use local::LocalKey;
pub use scope::{Scope, ScopedJoinHandle, scope};
pub use spawn::{Builder, Placement, spawn};

pub(crate) use local::LocalMap;
pub(crate) use root::{RawCoroutine, Resume, Suspend, Yielder, start};
pub(crate) use scope::run_borrowed;
pub(crate) use spawn::launch_in;
pub(crate) use task::{Header, Run, Task};
