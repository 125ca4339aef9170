//! The live connections: counted, and reachable from outside so that a shutdown can end them.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use greenwood_runtime::park::{self, Reason, Unparker, Wake};

use crate::balance::Seat;
use crate::stream::Stream;

/// One connection's socket, shared by its own coroutine and a shutdown.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) stream: Stream,
    /// None on Unix sockets.
    pub(crate) peer: Option<SocketAddr>,
    /// Whether the connection waits for something that is no request yet.
    idle: AtomicBool,
}

pub(crate) struct Connections {
    table: Mutex<Table>,
    stopping: AtomicBool,
    /// The accept loop waits for this beside its listener. Made beforehand: a self-connect would do
    /// the same, but fails just when descriptors have run out, and `shutdown(2)` on the listener
    /// resets the connections that wait to be accepted.
    bell: (UnixStream, UnixStream),
}

#[derive(Default)]
struct Table {
    next: u64,
    links: HashMap<u64, Arc<Link>>,
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
            bell,
        }))
    }

    pub(crate) fn add(
        self: &Arc<Self>,
        stream: Stream,
        peer: Option<SocketAddr>,
        seat: Option<Seat>,
    ) -> Registration {
        let link = Arc::new(Link { stream, peer, idle: AtomicBool::new(false) });
        let mut table = self.lock();
        let id = table.next;
        table.next += 1;
        table.open += 1;
        table.links.insert(id, link.clone());
        drop(table);
        Registration { connections: self.clone(), id, link: Some(link), seat }
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
        let idle: Vec<_> =
            table.links.values().filter(|l| l.idle.load(Ordering::SeqCst)).cloned().collect();
        let closer = table.closer.clone();
        drop(table);
        for link in idle {
            link.end_input();
        }
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
        let links: Vec<_> = self.lock().links.values().cloned().collect();
        for link in links {
            let _ = link.stream.shutdown(Shutdown::Both);
        }
    }

    /// Never held over a switch, nor while code of others runs.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link {
    /// Makes reads return what the kernel has and then the end.
    ///
    /// So a request that was received in full is still seen and answered. (That is how Linux does
    /// it; the BSDs throw away what they have.)
    fn end_input(&self) {
        // Fails when the peer has closed already, which is as good.
        let _ = self.stream.shutdown(Shutdown::Read);
    }
}

/// A connection's entry; dropping it closes the socket.
pub(crate) struct Registration {
    connections: Arc<Connections>,
    id: u64,
    link: Option<Arc<Link>>,
    seat: Option<Seat>,
}

impl Registration {
    pub(crate) fn link(&self) -> &Arc<Link> {
        self.link.as_ref().expect("taken by drop alone")
    }

    pub(crate) fn stopping(&self) -> bool {
        self.connections.stopping()
    }

    /// From here on a shutdown may end the input.
    ///
    /// Either this sees that the shutdown has begun, or the shutdown, whose flag was set later, sees
    /// that this is idle: with sequential consistency it is one of them.
    pub(crate) fn set_idle(&self) {
        self.link().idle.store(true, Ordering::SeqCst);
        if self.stopping() {
            self.link().end_input();
        }
    }

    pub(crate) fn set_busy(&self) {
        self.link().idle.store(false, Ordering::SeqCst);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // Before the peer can see the end and come again: that one should find the seat free.
        self.seat = None;
        let listed = self.connections.lock().links.remove(&self.id);
        // The socket is to be closed before `wait_closed` returns.
        drop((listed, self.link.take()));
        let mut table = self.connections.lock();
        table.open -= 1;
        let closer = if table.open == 0 { table.closer.take() } else { None };
        let full = std::mem::take(&mut table.full);
        drop(table);
        if full {
            self.connections.ring();
        }
        if let Some(closer) = closer {
            closer.unpark();
        }
    }
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections").field("stopping", &self.stopping()).finish_non_exhaustive()
    }
}
