//! Binding, settings, and the accept loop.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use greenwood_net::ToSocketAddrs;
use greenwood_runtime::worker_count;

use crate::accept::Acceptor;
use crate::connections::Connections;
use crate::handler::Handler;
use crate::limits::Limits;
use crate::listener::{Layers, Listener};
use crate::observe::{Observer, Observers};
use crate::proxy_header::ProxyHeader;
use crate::service::Service;
use crate::shutdown::ShutdownHandle;
#[cfg(feature = "tls")]
use crate::tls::Tls;

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
    layers: Layers,
    observers: Observers,
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

    /// Adds an observer, which is told what the server does. Those that were added before stay.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Builder {
        self.observers.add(observer);
        self
    }

    /// Sets whether connections begin with a PROXY header, on all listeners that have no setting of their own. Default: off.
    #[must_use]
    pub fn proxy_header(mut self, header: ProxyHeader) -> Builder {
        self.layers.proxy_header = Some(header);
        self
    }

    /// Speaks TLS on all listeners that have no setting of their own. Default: plain HTTP.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Builder {
        self.layers.tls = Some(tls);
        self
    }

    /// Listens on `address`; port 0 chooses a free one. Suspends when a name has to be resolved.
    ///
    /// # Errors
    ///
    /// As [`std::net::TcpListener::bind`].
    pub fn bind(self, address: impl ToSocketAddrs) -> io::Result<Server> {
        self.listen(Listener::bind(address)?)
    }

    /// Listens on a Unix socket in the file system. Does not suspend. See [`Listener::bind_unix`].
    ///
    /// # Errors
    ///
    /// As [`Listener::bind_unix`].
    pub fn bind_unix(self, path: impl AsRef<Path>) -> io::Result<Server> {
        self.listen(Listener::bind_unix(path)?)
    }

    /// Serves a listener that was made elsewhere.
    ///
    /// # Errors
    ///
    /// When the listener cannot be made non-blocking, or no descriptors are left for what wakes the
    /// accept loop.
    pub fn listen(self, listener: impl Into<Listener>) -> io::Result<Server> {
        let server =
            Server { listeners: Vec::new(), connections: Connections::new()?, settings: self };
        server.listen_also(listener)
    }
}

/// An HTTP server: listening sockets and how to serve them.
#[derive(Debug)]
pub struct Server {
    /// One at least.
    listeners: Vec<Listener>,
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
            layers: Layers::default(),
            observers: Observers::default(),
        }
    }

    /// Serves one more listener. Connections of all of them are accepted in turn, and count together towards
    /// [`Limits::connections`].
    ///
    /// # Errors
    ///
    /// When the listener cannot be made non-blocking.
    pub fn listen_also(mut self, listener: impl Into<Listener>) -> io::Result<Server> {
        let mut listener = listener.into();
        listener.layers.complete(&self.settings.layers);
        // The accept loop waits for the listeners and for a shutdown at once, and so never in accept.
        listener.prepare()?;
        self.listeners.push(listener);
        Ok(self)
    }

    /// The address the server listens on, the first one if there are several.
    ///
    /// # Errors
    ///
    /// As [`std::net::TcpListener::local_addr`]; `Unsupported` when it listens on Unix sockets only.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let tcp = self.listeners.iter().find(|listener| listener.is_tcp());
        tcp.unwrap_or(&self.listeners[0]).local_addr()
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
        let Server { listeners, connections, settings } = self;
        // Threads have no workers, and need not start a runtime only to count them.
        let workers = if settings.backend == Backend::Green { worker_count() } else { 0 };
        let service = Service::new(connections.clone(), workers, settings.limits, handler)
            .observed_by(settings.observers.clone());
        let acceptor = Acceptor::new(listeners, Arc::new(service));
        let guard = CutOnDrop(&connections);
        acceptor.run()?;
        connections.wait_closed();
        std::mem::forget(guard);
        settings.observers.tell(|observer| observer.server_stopped());
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
