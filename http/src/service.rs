//! What all connections of a server share.

use std::sync::Arc;

use crate::balance::Balance;
use crate::buffer::Buffers;
use crate::connections::Connections;
use crate::date::SharedDate;
use crate::handler::Handler;
use crate::limits::Limits;
use crate::observe::Observers;

pub(crate) struct Service {
    pub(crate) connections: Arc<Connections>,
    pub(crate) balance: Balance,
    pub(crate) buffers: Buffers,
    pub(crate) date: SharedDate,
    pub(crate) limits: Limits,
    pub(crate) observers: Observers,
    pub(crate) handler: Box<dyn Handler>,
}

impl Service {
    /// For connections on coroutines of as many workers, or with none, on OS threads.
    pub(crate) fn new(
        connections: Arc<Connections>,
        workers: usize,
        limits: Limits,
        handler: impl Handler,
    ) -> Service {
        Service {
            connections,
            balance: Balance::new(workers),
            buffers: Buffers::new(workers),
            date: SharedDate::default(),
            limits,
            observers: Observers::default(),
            handler: Box::new(handler),
        }
    }

    pub(crate) fn observed_by(self, observers: Observers) -> Service {
        Service { observers, ..self }
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("limits", &self.limits).finish_non_exhaustive()
    }
}
