//! Where a new coroutine goes.

use std::io;
use std::sync::Arc;

use super::{Message, Shared};
use crate::cancel::Cancelled;
use crate::context::{self, Current};
use crate::coroutine::{Placement, Task};
use crate::runtime::{self, Pool};
use crate::sys::fork;

/// A place for a new coroutine.
pub(crate) enum Target {
    /// The caller's worker.
    Here(Current),
    /// The caller's worker, unless another one takes it.
    HereStealable(Current),
    Worker(&'static Shared),
    /// The caller's worker, once it is unparked or, by the worker's clock, a time has come.
    Dormant(Current, Option<u64>),
    /// Any worker, from outside.
    Any(Arc<Pool>),
}

impl Target {
    /// The place that `placement` means for the caller.
    pub(crate) fn choose(placement: Placement) -> io::Result<Target> {
        let Some(cx) = context::current() else {
            return Target::in_pool(runtime::global()?, placement);
        };
        let worker = cx.worker();
        if worker.pool.is_a_parents() {
            return Err(fork::no_workers());
        }
        match placement {
            Placement::Anywhere if worker.pool.shares().len() > 1 => Ok(Target::HereStealable(cx)),
            Placement::Anywhere | Placement::Here => Ok(Target::Here(cx)),
            Placement::Worker(index) if index == worker.index => Ok(Target::Here(cx)),
            placement => Target::in_pool(&worker.pool, placement),
        }
    }

    /// The place that `placement` means in a runtime, from outside of it.
    pub(crate) fn in_pool(pool: &Arc<Pool>, placement: Placement) -> io::Result<Target> {
        if pool.is_a_parents() {
            return Err(fork::no_workers());
        }
        let Placement::Worker(index) = placement else { return Ok(Target::Any(pool.clone())) };
        let shares = pool.shares();
        shares.get(index).map(|&shared| Target::Worker(shared)).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("worker {index} does not exist: the runtime has {}", shares.len()),
            )
        })
    }

    /// Hands `task` over. If the runtime has ended, the task ends as cancelled.
    pub(crate) fn send(self, task: Arc<dyn Task>) {
        let refused = match self {
            Target::Here(cx) => {
                task.header().preset_home(cx.worker().shared);
                cx.worker().queues.push_pinned(task);
                return;
            }
            Target::HereStealable(cx) => {
                cx.worker().queues.push_stealable(task);
                cx.worker().pool.rouse_one();
                return;
            }
            Target::Dormant(cx, deadline) => return cx.worker().lay_down(task, deadline),
            Target::Worker(shared) => match shared.send(Message::Start(task)) {
                Err(Message::Start(task)) => task,
                _ => return,
            },
            Target::Any(pool) if pool.is_a_parents() => {
                return task.abandon(Box::new(fork::no_workers()));
            }
            Target::Any(pool) => match pool.inject(task) {
                Err(task) => task,
                Ok(()) => return,
            },
        };
        refused.abandon(Box::new(Cancelled));
    }
}
