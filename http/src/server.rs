//! Binding, settings, and the accept loop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use greenwood_net::{TcpListener, ToSocketAddrs};

use crate::accept::Acceptor;
use crate::connections::Connections;
use crate::handler::Handler;
use crate::limits::Limits;
use crate::shutdown::ShutdownHandle;

/// What carries a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// A coroutine per connection, spread evenly over the workers.
    #[default]
    Green,
    /// An OS thread per connection. The same handlers, for comparison, or for code that must not run
    /// on a coroutine.
    Threads,
}

/// Settings of a [`Server`]; made by [`Server::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    backend: Backend,
    limits: Limits,
    grace: Duration,
}

impl Builder {
    /// Sets what carries a connection. Default: coroutines.
    #[must_use]
    pub fn backend(mut self, backend: Backend) -> Builder {
        self.backend = backend;
        self
    }

    /// Sets the limits on what a client may cost.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Builder {
        self.limits = limits;
        self
    }

    /// Sets how long a shutdown leaves requests to finish. Default 30 s.
    #[must_use]
    pub fn shutdown_grace(mut self, grace: Duration) -> Builder {
        self.grace = grace;
        self
    }

    /// Listens on `address`; port 0 chooses a free one. Suspends when a name has to be resolved.
    ///
    /// # Errors
    ///
    /// As [`std::net::TcpListener::bind`].
    pub fn bind(self, address: impl ToSocketAddrs) -> io::Result<Server> {
        self.listen(TcpListener::bind(address)?)
    }

    /// Serves a listener that was made elsewhere.
    ///
    /// # Errors
    ///
    /// When the listener cannot be made non-blocking, or no descriptors are left for what wakes the
    /// accept loop.
    pub fn listen(self, listener: TcpListener) -> io::Result<Server> {
        // The accept loop waits for the listener and for a shutdown at once, and so never in accept.
        listener.set_nonblocking(true)?;
        Ok(Server { listener, connections: Connections::new()?, settings: self })
    }
}

/// An HTTP server: a listening socket and how to serve it.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    connections: Arc<Connections>,
    settings: Builder,
}

impl Server {
    /// A server with default settings that listens on `address`. See [`Builder::bind`].
    ///
    /// # Errors
    ///
    /// As [`std::net::TcpListener::bind`].
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<Server> {
        Server::builder().bind(address)
    }

    /// Settings, to be completed by [`Builder::bind`].
    pub fn builder() -> Builder {
        Builder {
            backend: Backend::default(),
            limits: Limits::default(),
            grace: Duration::from_secs(30),
        }
    }

    /// The address the server listens on.
    ///
    /// # Errors
    ///
    /// As [`std::net::TcpListener::local_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What ends this server; may be made and used at any time.
    pub fn shutdown_handle(&self) -> ShutdownHandle {
        ShutdownHandle { connections: self.connections.clone(), grace: self.settings.grace }
    }

    /// Accepts connections and answers their requests with `handler`, until a
    /// [`ShutdownHandle`] ends it. Suspends (blocks an OS thread).
    ///
    /// The handler runs on its connection's coroutine, for many connections at once. If it panics, the
    /// client gets a 500 and the connection is closed. Its future requests, and other connections, are
    /// not affected.
    ///
    /// # Errors
    ///
    /// When the caller is cancelled, or waiting fails; all connections are cut then. That accepting
    /// fails (as it does when the process runs out of descriptors) is written to standard error, at
    /// most once a second, and survived.
    pub fn serve(self, handler: impl Handler) -> io::Result<()> {
        let Server { listener, connections, settings } = self;
        let Builder { backend, limits, .. } = settings;
        let (limits, handler) = (Arc::new(limits), Arc::new(handler));
        let acceptor = Acceptor::new(listener, connections.clone(), backend, limits, handler);
        let guard = CutOnDrop(&connections);
        acceptor.run()?;
        connections.wait_closed();
        std::mem::forget(guard);
        Ok(())
    }
}

/// Leaves no connection behind that nobody can end any more, also when a cancelled caller unwinds.
struct CutOnDrop<'a>(&'a Connections);

impl Drop for CutOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop(None);
        self.0.cut();
    }
}
