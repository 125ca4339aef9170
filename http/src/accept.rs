//! The accept loop: takes connections in, and survives what goes wrong in doing so.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use greenwood_runtime::readiness::{Interest, wait_any};
use greenwood_runtime::{Placement, yield_now};

use crate::connection;
use crate::connections::Registration;
use crate::listener::Listener;
use crate::log;
use crate::service::Service;
use crate::stream::Stream;

/// Pause after a failure that will not go away by itself, such as EMFILE. The kernel keeps new
/// connections meanwhile.
const BACK_OFF: Duration = Duration::from_millis(50);

/// Connections accepted in a row before others get a turn, coroutines and listeners: with these non-blocking,
/// accept itself never suspends.
const BURST: u32 = 32;

/// Connections that are still taken in after a shutdown has begun: more than fit the queue of a
/// listener on common systems, but not an endless stream.
const LAST: u32 = 8 * 1024;

pub(crate) struct Acceptor {
    listeners: Vec<Listener>,
    service: Arc<Service>,
}

impl Acceptor {
    /// There is a listener at least, and all are non-blocking.
    pub(crate) fn new(listeners: Vec<Listener>, service: Arc<Service>) -> Acceptor {
        Acceptor { listeners, service }
    }

    /// Accepts until the server stops; the listeners are closed on return. Suspends.
    ///
    /// # Errors
    ///
    /// Those of waiting: cancellation, or a lack of memory.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut burst = 0;
        // Each listener in turn, until in a whole round none had anything.
        let (mut at, mut quiet) = (0, 0);
        while !self.service.connections.stopping() {
            if self.service.connections.full(self.service.limits.connections) {
                self.wait(&[], None)?;
                continue;
            }
            match self.listeners[at].accept() {
                Ok((stream, peer)) => {
                    quiet = 0;
                    self.start(stream, peer);
                    burst += 1;
                    if burst == BURST {
                        burst = 0;
                        at = (at + 1) % self.listeners.len();
                        yield_now();
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    burst = 0;
                    at = (at + 1) % self.listeners.len();
                    quiet += 1;
                    if quiet == self.listeners.len() {
                        quiet = 0;
                        at = self.wait(&self.listeners, None)?.unwrap_or(at);
                    }
                }
                Err(e) => {
                    at = (at + 1) % self.listeners.len();
                    self.survive(&e)?;
                }
            }
        }
        // Clients whose connection the kernel has already established may have sent a request.
        self.listeners.iter_mut().for_each(Listener::retire);
        let mut left = LAST;
        for at in 0..self.listeners.len() {
            while left > 0 {
                left -= 1;
                match self.listeners[at].accept() {
                    Ok((stream, peer)) => self.start(stream, peer),
                    Err(e) if is_transient(&e) => {}
                    Err(_) => break,
                }
            }
        }
        Ok(())
    }

    /// Waits for the bell or one of `listeners`, and returns which.
    fn wait(&self, listeners: &[Listener], timeout: Option<Duration>) -> io::Result<Option<usize>> {
        let bell = [(self.service.connections.bell(), Interest::Read)];
        let listeners = listeners.iter().map(|listener| (listener.as_fd(), Interest::Read));
        let awaited: Vec<_> = bell.into_iter().chain(listeners).collect();
        match wait_any(&awaited, timeout) {
            Ok(0) => {
                self.service.connections.hush();
                Ok(None)
            }
            Ok(n) => Ok(Some(n - 1)),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    fn survive(&self, error: &io::Error) -> io::Result<()> {
        if is_transient(error) {
            return Ok(());
        }
        log::error("cannot accept", error);
        self.wait(&[], Some(BACK_OFF)).map(drop)
    }

    /// Gives the connection its own coroutine or thread; on failure it is closed.
    fn start(&self, stream: Stream, peer: Option<SocketAddr>) {
        let registration = Registration::new(&self.service, stream, peer);
        let worker = registration.link().worker;
        let serve = move || connection::begin(registration);
        let started = match worker {
            Some(worker) => {
                let builder = greenwood_runtime::Builder::new();
                builder.placement(Placement::Worker(worker.index())).spawn(serve).map(drop)
            }
            None => {
                let builder = std::thread::Builder::new().name("http-connection".to_owned());
                builder.spawn(serve).map(drop)
            }
        };
        if let Err(error) = started {
            log::error("cannot start a connection", &error);
        }
    }
}

/// The connection was gone before it was taken, or a signal came: the next accept may succeed.
fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted)
}
