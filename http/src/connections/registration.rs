//! A connection's place among the others.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Link;
use crate::observe::{CloseReason, Connection};
use crate::service::Service;
use crate::stream::Stream;

/// A connection's entry; dropping it closes the socket.
pub(crate) struct Registration {
    link: Option<Arc<Link>>,
    /// Its place in the table.
    id: u32,
    /// Why it closes, once that is known.
    reason: Option<CloseReason>,
}

impl Registration {
    pub(crate) fn new(
        service: &Arc<Service>,
        stream: Stream,
        peer: Option<SocketAddr>,
    ) -> Registration {
        let link = Arc::new(Link::new(
            service,
            stream,
            peer,
            service.balance.enter(greenwood_runtime::worker_index()),
        ));
        let mut table = service.connections.lock();
        table.open += 1;
        let id = table.links.insert(link.clone()) as u32;
        drop(table);
        service.observers.tell(|observer| observer.connection_opened(&Connection::new(&link)));
        Registration { link: Some(link), id, reason: None }
    }

    /// The connection is to close. The first reason is the one.
    pub(crate) fn closes(&mut self, reason: CloseReason) {
        self.reason.get_or_insert(reason);
    }

    /// What observers are told: a shutdown ends the input of idle connections, which looks as if their clients had.
    fn reason(&self) -> CloseReason {
        match self.reason {
            Some(CloseReason::Client) if self.stopping() => CloseReason::Shutdown,
            reason => reason.unwrap_or(CloseReason::Failed),
        }
    }

    pub(crate) fn service(&self) -> &Arc<Service> {
        &self.link().service
    }

    #[inline]
    pub(crate) fn link(&self) -> &Arc<Link> {
        self.link.as_ref().expect("taken by drop alone")
    }

    #[inline]
    pub(crate) fn stopping(&self) -> bool {
        self.link().stopping()
    }

    /// How many connections this one's worker has. None on an OS thread.
    #[inline]
    pub(crate) fn neighbours(&self) -> Option<usize> {
        self.link().worker.map(|worker| self.service().balance.live(worker))
    }

    /// How many requests were answered.
    #[inline]
    pub(crate) fn requests(&self) -> u32 {
        self.link().requests.load(Ordering::Relaxed)
    }

    /// Counts a request, and returns how many there have been.
    #[inline]
    pub(crate) fn count_request(&self) -> u32 {
        let requests = &self.link().requests;
        // Only the connection itself writes it.
        let count = requests.load(Ordering::Relaxed).saturating_add(1);
        requests.store(count, Ordering::Relaxed);
        count
    }

    /// From here on a shutdown may end the input.
    ///
    /// Either this sees that the shutdown has begun, or the shutdown, whose flag was set later, sees
    /// that this is idle: with sequential consistency it is one of them.
    #[inline]
    pub(crate) fn set_idle(&self) {
        self.link().idle.store(true, Ordering::SeqCst);
        if self.stopping() {
            self.link().end_input();
        }
    }

    /// A shutdown that does not see this at once ends the input of a request that came at the same moment; no order could tell which was
    /// first.
    #[inline]
    pub(crate) fn set_busy(&self) {
        self.link().idle.store(false, Ordering::Relaxed);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let service = self.service().clone();
        let connections = &service.connections;
        let connection = Connection::new(self.link());
        service.observers.tell(|observer| observer.connection_closed(&connection, self.reason()));
        // Before the peer can see the end and come again: that one should find the place free.
        if let Some(worker) = self.link().worker {
            service.balance.leave(worker);
        }
        let listed = connections.lock().links.remove(self.id as usize);
        drop(listed);
        // Who waits for the client to go holds the socket for that long, and is told by this.
        if self.link.as_mut().is_some_and(|link| Arc::get_mut(link).is_none()) {
            self.link().end();
        }
        // The socket is to be closed before `wait_closed` returns.
        drop(self.link.take());
        let mut table = connections.lock();
        table.open -= 1;
        let closer = if table.open == 0 { table.closer.take() } else { None };
        let full = std::mem::take(&mut table.full);
        drop(table);
        if full {
            connections.ring();
        }
        if let Some(closer) = closer {
            closer.unpark();
        }
    }
}

impl std::fmt::Debug for Registration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registration").field("link", self.link()).finish_non_exhaustive()
    }
}
