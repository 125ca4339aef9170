//! The accept loop: takes connections in, and survives what goes wrong in doing so.

use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenwood_net::{TcpListener, TcpStream};
use greenwood_runtime::readiness::{Interest, wait_any};
use greenwood_runtime::{Placement, worker_count, yield_now};

use crate::balance::Balance;
use crate::connection;
use crate::connections::Connections;
use crate::handler::Handler;
use crate::limits::Limits;
use crate::server::Backend;
use crate::stream::{Socket, Stream};

/// Pause after a failure that will not go away by itself, such as EMFILE. The kernel keeps new
/// connections meanwhile.
const BACK_OFF: Duration = Duration::from_millis(50);

/// Connections accepted in a row before others get a turn: with the listener non-blocking, accept
/// itself never suspends.
const BURST: u32 = 32;

/// Connections that are still taken in after a shutdown has begun: more than fit the queue of a
/// listener on common systems, but not an endless stream.
const LAST: u32 = 8 * 1024;

pub(crate) struct Acceptor {
    listener: TcpListener,
    connections: Arc<Connections>,
    balance: Arc<Balance>,
    backend: Backend,
    limits: Arc<Limits>,
    handler: Arc<dyn Handler>,
    logged: Option<Instant>,
}

impl Acceptor {
    /// The listener must be non-blocking.
    pub(crate) fn new(
        listener: TcpListener,
        connections: Arc<Connections>,
        backend: Backend,
        limits: Arc<Limits>,
        handler: Arc<dyn Handler>,
    ) -> Acceptor {
        // Threads have no workers, and need not start a runtime only to count them.
        let workers = if backend == Backend::Green { worker_count() } else { 0 };
        let balance = Balance::new(workers);
        Acceptor { listener, connections, balance, backend, limits, handler, logged: None }
    }

    /// Accepts until the server stops; the listener is closed on return. Suspends.
    ///
    /// # Errors
    ///
    /// Those of waiting: cancellation, or a lack of memory.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut burst = 0;
        while !self.connections.stopping() {
            if self.connections.full(self.limits.connections) {
                self.wait(None, None)?;
                continue;
            }
            match self.listener.accept() {
                Ok((stream, peer)) => {
                    self.start(stream, peer);
                    burst += 1;
                    if burst == BURST {
                        burst = 0;
                        yield_now();
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    burst = 0;
                    self.wait(Some(&self.listener), None)?;
                }
                Err(e) => self.survive(&e)?,
            }
        }
        // Clients whose connection the kernel has already established may have sent a request.
        for _ in 0..LAST {
            match self.listener.accept() {
                Ok((stream, peer)) => self.start(stream, peer),
                Err(e) if is_transient(&e) => {}
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Waits for the bell, and the listener if given.
    fn wait(&self, listener: Option<&TcpListener>, timeout: Option<Duration>) -> io::Result<()> {
        let bell = (self.connections.bell(), Interest::Read);
        let result = match listener {
            Some(listener) => wait_any(&[bell, (listener.as_fd(), Interest::Read)], timeout),
            None => wait_any(&[bell], timeout),
        };
        match result {
            Ok(0) => self.connections.hush(),
            Ok(_) => {}
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(e) => return Err(e),
        }
        Ok(())
    }

    fn survive(&mut self, error: &io::Error) -> io::Result<()> {
        if is_transient(error) {
            return Ok(());
        }
        self.log("cannot accept", error);
        self.wait(None, Some(BACK_OFF))
    }

    /// A flood of failures must not become a flood of lines.
    fn log(&mut self, what: &str, error: &io::Error) {
        let now = Instant::now();
        if self.logged.is_none_or(|at| now.duration_since(at) >= Duration::from_secs(1)) {
            self.logged = Some(now);
            // Not `eprintln!`, which panics when standard error is closed.
            let _ = writeln!(io::stderr(), "greenwood-http: {what}: {error}");
        }
    }

    /// Gives the connection its own coroutine or thread; on failure it is closed.
    fn start(&mut self, stream: TcpStream, peer: SocketAddr) {
        let seat = (self.backend == Backend::Green).then(|| self.balance.take());
        let worker = seat.as_ref().map(|seat| seat.worker);
        // Answers are written whole; waiting for more to send would only delay the last packet.
        let _ = stream.set_nodelay(true);
        let stream = Stream::Plain(Socket::tcp(stream.into()));
        let registration = self.connections.add(stream, Some(peer), seat);
        let (limits, handler) = (self.limits.clone(), self.handler.clone());
        let serve = move || connection::run(registration, &limits, &*handler);
        let started = match worker {
            Some(worker) => {
                let builder = greenwood_runtime::Builder::new().name("http-connection");
                builder.placement(Placement::Worker(worker)).spawn(serve).map(drop)
            }
            None => {
                let builder = std::thread::Builder::new().name("http-connection".to_owned());
                builder.spawn(serve).map(drop)
            }
        };
        if let Err(error) = started {
            self.log("cannot start a connection", &error);
        }
    }
}

/// The connection was gone before it was taken, or a signal came: the next accept may succeed.
fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted)
}
