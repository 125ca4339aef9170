//! `UnixListener`: a name that accepts Unix-domain connections.

use std::io;
use std::os::unix::net::SocketAddr;
use std::path::Path;

use super::UnixStream;
use crate::listener::Listener;
use crate::socket::{debug_as_std, fd_traits, nonblocking_methods};

/// A name that accepts connections: [`std::os::unix::net::UnixListener`], whose waits suspend the coroutine.
///
/// Names, signatures, errors and traits are std's, [`close`](Self::close) excepted. What
/// [`TcpListener`](crate::TcpListener) says of `O_NONBLOCK` holds here.
pub struct UnixListener(pub(crate) Listener<std::os::unix::net::UnixListener>);

impl UnixListener {
    /// Binds to `path`, which must not exist yet, and listens with std's backlog (the system's largest). Never
    /// suspends. The file remains when the listener is dropped.
    ///
    /// # Errors
    ///
    /// The error of bind(2) or listen(2); `InvalidInput` if `path` is too long or holds a NUL.
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        std::os::unix::net::UnixListener::bind(path).map(|io| UnixListener(Listener::fresh(io)))
    }

    /// Binds to an address, which may be an abstract one, and listens. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of bind(2) or listen(2).
    pub fn bind_addr(socket_addr: &SocketAddr) -> io::Result<UnixListener> {
        std::os::unix::net::UnixListener::bind_addr(socket_addr)
            .map(|io| UnixListener(Listener::fresh(io)))
    }

    /// Takes the next connection. May suspend until there is one.
    ///
    /// # Errors
    ///
    /// The error of accept(2). After a lack of descriptors the next accept waits first, as
    /// [`TcpListener::accept`](crate::TcpListener::accept) says. `EBADF` after [`close`](Self::close).
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        self.0.accept().map(|(socket, addr)| (UnixStream(socket), addr))
    }

    /// Stops accepting on this handle; not in std. See [`TcpListener::close`](crate::TcpListener::close).
    pub fn close(&self) {
        self.0.close();
    }

    /// A second handle to the same queue of connections. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of `fcntl(F_DUPFD_CLOEXEC)`.
    pub fn try_clone(&self) -> io::Result<UnixListener> {
        self.0.try_clone().map(UnixListener)
    }

    /// The address it listens on. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    /// Iterates over the connections as they arrive; each step is an [`accept`](Self::accept). It ends only after
    /// [`close`](Self::close).
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    nonblocking_methods!();
}

impl<'a> IntoIterator for &'a UnixListener {
    type Item = io::Result<UnixStream>;
    type IntoIter = Incoming<'a>;

    fn into_iter(self) -> Incoming<'a> {
        self.incoming()
    }
}

debug_as_std!(UnixListener);
fd_traits!(UnixListener, std::os::unix::net::UnixListener, |io| UnixListener(Listener::adopted(
    io
)));

/// Connections as they arrive: see [`UnixListener::incoming`].
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Incoming<'a> {
    listener: &'a UnixListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<UnixStream>;

    fn next(&mut self) -> Option<io::Result<UnixStream>> {
        let accepted = self.listener.accept();
        if accepted.is_err() && self.listener.0.is_closed() {
            return None;
        }
        Some(accepted.map(|(stream, _)| stream))
    }
}
