//! Connections that wait for their next request.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Connection;

/// More are closed.
const MAX: usize = 64;

/// Servers close idle connections, and a request that is sent at that moment is lost: better not to wait for it.
const MAX_IDLE: Duration = Duration::from_secs(15);

/// The one that was used last is on top.
#[derive(Default)]
pub struct Pool {
    idle: Mutex<Vec<(Connection, Instant)>>,
}

impl Pool {
    pub fn put(&self, mut connection: Connection) {
        connection.shrink();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let old =
            idle.iter().take_while(|(_, since)| now.duration_since(*since) > MAX_IDLE).count();
        let too_many = (idle.len() + 1).saturating_sub(MAX);
        // Closed after the lock is free.
        let leaving: Vec<_> = idle.drain(..old.max(too_many)).collect();
        idle.push((connection, now));
        drop(idle);
        drop(leaving);
    }

    pub fn take(&self) -> Option<Connection> {
        loop {
            let top = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let (connection, since) = top?;
            if since.elapsed() <= MAX_IDLE && connection.is_silent() {
                return Some(connection);
            }
        }
    }
}
