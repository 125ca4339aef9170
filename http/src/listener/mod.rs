//! What a server accepts connections on.

mod layers;
mod unix;

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

#[cfg(target_os = "linux")]
use greenwood_net::activation::{self, InheritedListener};
use greenwood_net::{TcpListener, ToSocketAddrs, UnixListener};

use crate::proxy_header::ProxyHeader;
use crate::stream::{Socket, Stream};
use crate::sys;
#[cfg(feature = "tls")]
use crate::tls::Tls;
pub(crate) use layers::Layers;
use unix::SocketFile;

/// Connections that the kernel keeps until they are accepted; it takes no more than `net.core.somaxconn` says. At std's 128 a worker that is a few
/// milliseconds late costs clients a second: that is when they try again.
const BACKLOG: i32 = 4096;

/// A listening socket, TCP or Unix, for [`Builder::listen`](crate::Builder::listen) and
/// [`Server::listen_also`](crate::Server::listen_also).
///
/// Those of `greenwood_net` and std convert into it.
///
/// ```
/// use greenwood_http::{Listener, Server};
///
/// # fn main() -> std::io::Result<()> {
/// # let folder = std::env::temp_dir();
/// # let path = folder.join(format!("greenwood-http-listener-{}", std::process::id()));
/// let local = Listener::bind_unix_with_mode(path, 0o660)?;
/// let server = Server::bind("127.0.0.1:0")?.listen_also(local)?;
/// # drop(server);
/// # Ok(())
/// # }
/// ```
pub struct Listener {
    socket: Bound,
    name: Option<String>,
    pub(crate) layers: Layers,
}

enum Bound {
    Tcp(TcpListener),
    /// The file, if it is ours to remove, goes before the socket.
    Unix(Option<SocketFile>, UnixListener),
}

impl Listener {
    /// A TCP socket that listens on `address`; port 0 chooses a free one. Suspends when a name has to be resolved.
    ///
    /// # Errors
    ///
    /// As [`std::net::TcpListener::bind`].
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<Listener> {
        let listener = TcpListener::bind(address)?;
        rustix::net::listen(&listener, BACKLOG)?;
        Ok(listener.into())
    }

    /// A Unix socket that listens on `path`. Does not suspend.
    ///
    /// The file is removed when the server has ended. One that a server left behind which did not come to its end is
    /// replaced: it is a socket, and refuses connections. Two servers must not be started over such a file at the same moment.
    ///
    /// # Errors
    ///
    /// `AddrInUse`, with the path, when a server listens there or the file is something else; other errors of bind(2);
    /// `InvalidInput` if the path is too long for a socket, or holds a NUL.
    pub fn bind_unix(path: impl AsRef<Path>) -> io::Result<Listener> {
        Listener::bind_unix_as(path.as_ref(), None)
    }

    /// [`bind_unix`](Listener::bind_unix) with the permission bits of the file, whatever the process's umask is: who may
    /// write to the file may connect (unix(7)). Nobody can connect before they are set.
    ///
    /// # Errors
    ///
    /// As for `bind_unix`, and `InvalidInput` for a `mode` of more than the nine permission bits.
    pub fn bind_unix_with_mode(path: impl AsRef<Path>, mode: u32) -> io::Result<Listener> {
        Listener::bind_unix_as(path.as_ref(), Some(mode))
    }

    fn new(socket: Bound) -> Listener {
        Listener { socket, name: None, layers: Layers::default() }
    }

    fn bind_unix_as(path: &Path, mode: Option<u32>) -> io::Result<Listener> {
        let (socket, file) = unix::bind(path, mode)?;
        rustix::net::listen(&socket, BACKLOG)?;
        Ok(Listener::new(Bound::Unix(Some(file), socket.into())))
    }

    /// The sockets that a service manager has opened for this process, in its order; none if it was started without. See
    /// [`greenwood_net::activation`]. Does not suspend. Files of Unix sockets among them are left to the manager.
    ///
    /// # Errors
    ///
    /// As for [`greenwood_net::activation::listeners`], which can be called once in a process.
    ///
    /// ```
    /// use greenwood_http::{Listener, Server};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let mut inherited = Listener::inherited()?.into_iter();
    /// let server = match inherited.next() {
    ///     Some(first) => Server::builder().listen(first)?,
    ///     None => Server::bind("127.0.0.1:0")?,
    /// };
    /// let server = inherited.try_fold(server, Server::listen_also)?;
    /// # drop(server);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(target_os = "linux")]
    pub fn inherited() -> io::Result<Vec<Listener>> {
        let listeners = activation::listeners()?.into_iter().map(|inherited| {
            let listener = match inherited.listener {
                InheritedListener::Tcp(listener) => Listener::from(listener),
                InheritedListener::Unix(listener) => Listener::from(listener),
            };
            Listener { name: inherited.name, ..listener }
        });
        Ok(listeners.collect())
    }

    /// Speaks TLS on this listener, whatever the others of its server do.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Listener {
        self.layers.tls = Some(tls);
        self
    }

    /// Sets whether connections of this listener begin with a PROXY header, whatever the others of its server do.
    #[must_use]
    pub fn with_proxy_header(mut self, header: ProxyHeader) -> Listener {
        self.layers.proxy_header = Some(header);
        self
    }

    /// What the service manager calls it, if it came from one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address it listens on.
    ///
    /// # Errors
    ///
    /// That of getsockname(2); `Unsupported` for a Unix socket.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.socket {
            Bound::Tcp(listener) => listener.local_addr(),
            Bound::Unix(..) => {
                Err(io::Error::new(ErrorKind::Unsupported, "a Unix socket has no Internet address"))
            }
        }
    }

    pub(crate) fn is_tcp(&self) -> bool {
        matches!(self.socket, Bound::Tcp(_))
    }

    /// For an accept loop, and for what it accepts.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        match &self.socket {
            Bound::Tcp(listener) => {
                // Answers are written whole; waiting for more to send would only delay the last packet.
                let _ = rustix::net::sockopt::set_tcp_nodelay(listener, true);
                listener.set_nonblocking(true)
            }
            Bound::Unix(_, listener) => listener.set_nonblocking(true),
        }
    }

    /// The next connection, and who is at its other end, as far as that has an address. Does not suspend.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when none waits; those of accept(2).
    pub(crate) fn accept(&self) -> io::Result<(Stream, Option<SocketAddr>)> {
        match &self.socket {
            Bound::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                if !sys::NODELAY_IS_INHERITED {
                    let _ = stream.set_nodelay(true);
                }
                Ok((self.layers.over(Socket::tcp(stream.into()))?, Some(peer)))
            }
            Bound::Unix(_, listener) => {
                let (stream, _) = listener.accept()?;
                Ok((self.layers.over(Socket::unix(stream.into()))?, None))
            }
        }
    }

    /// Sees to it that no more clients come by the file, if there is one. Those who came can still be accepted.
    pub(crate) fn retire(&mut self) {
        if let Bound::Unix(file, _) = &mut self.socket {
            *file = None;
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            Bound::Tcp(listener) => listener.as_fd(),
            Bound::Unix(_, listener) => listener.as_fd(),
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Listener {
        Listener::new(Bound::Tcp(listener))
    }
}

/// The file, if there is one, stays when the server has ended.
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Listener {
        Listener::new(Bound::Unix(None, listener))
    }
}

impl From<std::net::TcpListener> for Listener {
    fn from(listener: std::net::TcpListener) -> Listener {
        TcpListener::from(listener).into()
    }
}

/// The file, if there is one, stays when the server has ended.
impl From<std::os::unix::net::UnixListener> for Listener {
    fn from(listener: std::os::unix::net::UnixListener) -> Listener {
        UnixListener::from(listener).into()
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let socket: &dyn fmt::Debug = match &self.socket {
            Bound::Tcp(listener) => listener,
            Bound::Unix(_, listener) => listener,
        };
        f.debug_struct("Listener").field("socket", socket).field("name", &self.name).finish()
    }
}
