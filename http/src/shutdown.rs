//! Ending a server from outside.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::connections::Connections;

/// Ends a [`Server`](crate::Server) in order: from a signal's thread, another coroutine, a handler.
///
/// The server stops accepting, closes idle connections at once, answers the requests that were
/// received and tells those clients that it closes; then
/// [`serve`](crate::Server::serve) returns. What is not done after the grace period is cut: its
/// socket fails, and a handler that is still at work has nobody left to answer to.
#[derive(Clone)]
pub struct ShutdownHandle {
    pub(crate) connections: Arc<Connections>,
    pub(crate) grace: Duration,
}

impl ShutdownHandle {
    /// Begins the shutdown, with the server's own grace period. Does not wait for it.
    pub fn shutdown(&self) {
        self.shutdown_within(self.grace);
    }

    /// Begins the shutdown with another grace period, or shortens one that has begun. Does not wait.
    pub fn shutdown_within(&self, grace: Duration) {
        // A time beyond what the clock can say is never.
        self.connections.stop(greenwood_runtime::now().checked_add(grace));
    }

    /// Whether a shutdown has begun.
    pub fn is_shutting_down(&self) -> bool {
        self.connections.stopping()
    }
}

impl fmt::Debug for ShutdownHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShutdownHandle")
            .field("shutting_down", &self.is_shutting_down())
            .finish_non_exhaustive()
    }
}
