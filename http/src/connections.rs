//! The live connections: counted, and reachable from outside so that a shutdown can end them.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use greenwood_runtime::CancelToken;
use greenwood_runtime::park::{self, Reason, Unparker, Wake};
use slab::Slab;

use crate::balance::Worker;
use crate::observe::{CloseReason, Connection};
use crate::proxy_header::Origin;
use crate::service::Service;
use crate::stream::Stream;
use crate::sys;

/// One connection, as its own coroutine and a shutdown see it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) stream: Stream,
    pub(crate) service: Arc<Service>,
    /// See `client`.
    peer: Peer,
    /// Where its coroutines run. None on an OS thread.
    pub(crate) worker: Option<Worker>,
    /// How many requests were answered.
    requests: AtomicU32,
    /// Whether the connection waits for something that is no request yet.
    idle: AtomicBool,
    /// Whether this side has ended the input, which from here on looks as if the client had.
    input_ended: AtomicBool,
}

pub(crate) struct Connections {
    table: Mutex<Table>,
    stopping: AtomicBool,
    /// Cancelled once stopping, for connections that wait for something else than their peer.
    shutdown: CancelToken,
    /// The accept loop waits for this beside its listener. Made beforehand: a self-connect would do
    /// the same, but fails just when descriptors have run out, and `shutdown(2)` on the listener
    /// resets the connections that wait to be accepted.
    bell: (UnixStream, UnixStream),
}

#[derive(Default)]
struct Table {
    links: Slab<Arc<Link>>,
    /// Sockets that are not closed yet: `links`, and those whose connection is just leaving.
    open: usize,
    /// When to cut what is left. Meaningful once stopping; `None` is never.
    deadline: Option<Instant>,
    /// Waits for `open` to become 0.
    closer: Option<Unparker>,
    /// Whether the accept loop waits for a connection to leave.
    full: bool,
}

impl Connections {
    pub(crate) fn new() -> io::Result<Arc<Connections>> {
        let bell = UnixStream::pair()?;
        // A ring must never wait; one byte in the pipe is as good as many.
        bell.0.set_nonblocking(true)?;
        bell.1.set_nonblocking(true)?;
        Ok(Arc::new(Connections {
            table: Mutex::default(),
            stopping: AtomicBool::new(false),
            shutdown: CancelToken::new(),
            bell,
        }))
    }

    /// Ends idle connections, makes busy ones end after what they are at, and the accept loop return.
    pub(crate) fn stop(&self, deadline: Option<Instant>) {
        let mut table = self.lock();
        let first = !self.stopping.swap(true, Ordering::SeqCst);
        table.deadline = match (table.deadline, deadline) {
            _ if first => deadline,
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let idle: Vec<_> = table
            .links
            .iter()
            .map(|(_, l)| l)
            .filter(|l| l.idle.load(Ordering::SeqCst))
            .cloned()
            .collect();
        let closer = table.closer.clone();
        drop(table);
        for link in idle {
            link.end_input();
        }
        self.shutdown.cancel();
        self.ring();
        if let Some(closer) = closer {
            closer.unpark();
        }
    }

    pub(crate) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Whether `max` connections are open. If so, the bell rings when one has left.
    pub(crate) fn full(&self, max: usize) -> bool {
        let mut table = self.lock();
        table.full = table.open >= max;
        table.full
    }

    /// What to wait for besides the listener; `hush` when it was readable.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.0.as_fd()
    }

    pub(crate) fn hush(&self) {
        while matches!((&self.bell.0).read(&mut [0; 64]), Ok(64)) {}
    }

    fn ring(&self) {
        // A full pipe rings already.
        let _ = (&self.bell.1).write(&[1]);
    }

    /// Waits until all connections have ended by themselves or the deadline of `stop` has passed,
    /// and then cuts the rest. Suspends.
    pub(crate) fn wait_closed(&self) {
        loop {
            let mut table = self.lock();
            if table.open == 0 {
                return;
            }
            table.closer = Some(park::unparker());
            let deadline = table.deadline;
            drop(table);
            let late = deadline.is_some_and(|deadline| greenwood_runtime::now() >= deadline);
            if late
                || matches!(
                    park::park(&Reason("connections to end"), deadline),
                    Wake::Interrupted(_)
                )
            {
                return self.cut();
            }
        }
    }

    /// Makes every read and write of every connection fail. Does not wait.
    pub(crate) fn cut(&self) {
        let links: Vec<_> = self.lock().links.iter().map(|(_, link)| link.clone()).collect();
        for link in links {
            let _ = link.stream.shutdown(Shutdown::Both);
        }
    }

    /// Never held over a switch, nor while code of others runs.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The other end of a connection, in half the bytes of an `Option<SocketAddr>`.
#[derive(Debug)]
enum Peer {
    /// Of a Unix socket.
    Nameless,
    V4(SocketAddrV4),
    V6(Box<SocketAddrV6>),
}

impl Peer {
    fn address(&self) -> Option<SocketAddr> {
        match self {
            Peer::Nameless => None,
            Peer::V4(address) => Some((*address).into()),
            Peer::V6(address) => Some((**address).into()),
        }
    }
}

impl From<Option<SocketAddr>> for Peer {
    fn from(address: Option<SocketAddr>) -> Peer {
        match address {
            None => Peer::Nameless,
            Some(SocketAddr::V4(address)) => Peer::V4(address),
            Some(SocketAddr::V6(address)) => Peer::V6(Box::new(address)),
        }
    }
}

impl Link {
    pub(crate) fn new(
        service: &Arc<Service>,
        stream: Stream,
        peer: Option<SocketAddr>,
        worker: Option<Worker>,
    ) -> Link {
        let (requests, idle) = (AtomicU32::new(0), AtomicBool::new(false));
        let (peer, input_ended) = (Peer::from(peer), AtomicBool::new(false));
        Link { service: service.clone(), stream, peer, worker, requests, idle, input_ended }
    }

    /// The other end of the connection, or whom that says it speaks for.
    pub(crate) fn client(&self) -> Option<SocketAddr> {
        match self.stream.socket().origin() {
            Some(Origin::Address(client)) => Some(client),
            Some(Origin::Unix) => None,
            Some(Origin::Connection) | None => self.peer.address(),
        }
    }

    #[inline]
    pub(crate) fn stopping(&self) -> bool {
        self.service.connections.stopping()
    }

    /// A token that is cancelled when the server begins to shut down.
    pub(crate) fn shutdown_token(&self) -> CancelToken {
        // A child, as every wait enters and leaves its token's list, and that of all connections would be in their way.
        self.service.connections.shutdown.child()
    }

    /// Makes reads return what the kernel has and then the end.
    ///
    /// So a request that was received in full is still seen and answered. (That is how Linux does
    /// it; the BSDs throw away what they have.)
    fn end_input(&self) {
        self.input_ended.store(true, Ordering::SeqCst);
        // Fails when the peer has closed already, which is as good.
        let _ = self.stream.shutdown(Shutdown::Read);
    }

    /// Whether the client has ended its half, or the connection has ended otherwise. Does not suspend.
    pub(crate) fn client_is_gone(&self) -> bool {
        // In this order: the flag is set before what it is about.
        let gone = sys::has_ended(self.stream.as_fd(), true);
        gone && (!self.input_ended.load(Ordering::SeqCst)
            || sys::has_ended(self.stream.as_fd(), false))
    }

    /// Ends the connection for those who hold it beyond its end.
    fn end(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
        self.stream.source().close(self.stream.as_fd());
    }
}

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

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections").field("stopping", &self.stopping()).finish_non_exhaustive()
    }
}
