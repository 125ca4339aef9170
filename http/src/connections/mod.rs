//! The live connections: counted, and reachable from outside so that a shutdown can end them.

mod link;
mod peer;
mod registration;

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use greenwood_runtime::CancelToken;
use greenwood_runtime::park::{self, Reason, Unparker, Wake};
use slab::Slab;

pub(crate) use link::Link;
pub(crate) use registration::Registration;

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

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections").field("stopping", &self.stopping()).finish_non_exhaustive()
    }
}
