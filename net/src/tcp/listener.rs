//! `TcpListener`: a port that accepts connections.

use std::io;
use std::iter::FusedIterator;
use std::net::SocketAddr;

use super::TcpStream;
use crate::ToSocketAddrs;
use crate::listener::Listener;
use crate::socket::{debug_as_std, fd_traits, nonblocking_methods};

/// A TCP port that accepts connections: [`std::net::TcpListener`], whose waits suspend the coroutine.
///
/// Names, signatures, errors and traits are std's, [`close`](Self::close) excepted. For a backlog, `SO_REUSEPORT` and
/// the like see [`Builder`](crate::Builder).
///
/// The first accept on a coroutine sets `O_NONBLOCK` on the descriptor. That shows in `fcntl`, not in this type: it
/// goes on to block, on OS threads as well. Turning the last clone into one of std's types or a raw descriptor clears
/// the flag again.
///
/// # Examples
///
/// ```
/// use greenwood_net::{TcpListener, TcpStream};
///
/// # fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let client = TcpStream::connect(listener.local_addr()?)?;
/// let (server, peer) = listener.accept()?;
/// assert_eq!(peer, client.local_addr()?);
/// # Ok(())
/// # }
/// ```
pub struct TcpListener(pub(crate) Listener<std::net::TcpListener>);

impl TcpListener {
    /// Binds to an address and listens, with `SO_REUSEADDR` and a backlog of 128, as in std. Port 0 asks the kernel
    /// for a free one. May suspend for the look-up of a name.
    ///
    /// # Errors
    ///
    /// The error of the look-up, bind(2) or listen(2), for the last of several addresses; `InvalidInput` if `addr` has
    /// none.
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<TcpListener> {
        let addrs: Vec<SocketAddr> = addr.to_socket_addrs()?.collect();
        std::net::TcpListener::bind(&addrs[..]).map(|io| TcpListener(Listener::fresh(io)))
    }

    /// The address it listens on. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    /// A second handle to the same queue of connections. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of `fcntl(F_DUPFD_CLOEXEC)`.
    pub fn try_clone(&self) -> io::Result<TcpListener> {
        self.0.try_clone().map(TcpListener)
    }

    /// Takes the next connection. May suspend until there is one.
    ///
    /// # Errors
    ///
    /// The error of accept(2). Some of them concern one connection, which is gone (`ConnectionAborted`): go on. After
    /// a lack of descriptors or memory (EMFILE, ENFILE, ENOBUFS, ENOMEM) the connection is still in the queue; std's
    /// accept fails again at once then, and a loop over it spins. Here the next accept on this handle first waits,
    /// 10 ms growing to 100 ms, until one has succeeded; never in non-blocking mode. `EBADF` after
    /// [`close`](Self::close).
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.0.accept().map(|(socket, addr)| (TcpStream(socket), addr))
    }

    /// Stops accepting on this handle; not in std.
    ///
    /// Coroutines that wait in [`accept`](Self::accept) return with `EBADF`, later calls too, and
    /// [`incoming`](Self::incoming) ends. An OS thread that the kernel already holds in accept(2) notices with its next
    /// connection, which it closes. Clones go on: they are handles of their own. The descriptor, and with it the port,
    /// stays open until the listener is dropped, so that its number cannot be reused while others still use it. Never
    /// suspends.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use greenwood_net::TcpListener;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let listener = Arc::new(TcpListener::bind("127.0.0.1:0")?);
    /// listener.close();
    /// assert!(listener.accept().is_err());
    /// assert!(listener.incoming().next().is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn close(&self) {
        self.0.close();
    }

    /// Iterates over the connections as they arrive; each step is an [`accept`](Self::accept). It ends only after
    /// [`close`](Self::close).
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// Sets `IP_TTL`, which accepted connections inherit. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt`.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.0.io().set_ttl(ttl)
    }

    /// The value of `IP_TTL`. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt`.
    pub fn ttl(&self) -> io::Result<u32> {
        self.0.io().ttl()
    }

    /// Does nothing that helps: the kernel takes `IPV6_V6ONLY` before bind(2) only. There for std's sake; use
    /// [`Builder::only_v6`](crate::Builder::only_v6).
    ///
    /// # Errors
    ///
    /// The error of `setsockopt`.
    #[deprecated(since = "0.1.0", note = "this option can only be set before the socket is bound")]
    pub fn set_only_v6(&self, only_v6: bool) -> io::Result<()> {
        #[expect(deprecated, reason = "the method exists because std has it")]
        self.0.io().set_only_v6(only_v6)
    }

    /// The value of `IPV6_V6ONLY`. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt`.
    #[deprecated(since = "0.1.0", note = "this option can only be set before the socket is bound")]
    pub fn only_v6(&self) -> io::Result<bool> {
        #[expect(deprecated, reason = "the method exists because std has it")]
        self.0.io().only_v6()
    }

    nonblocking_methods!();
}

debug_as_std!(TcpListener);
fd_traits!(TcpListener, std::net::TcpListener, |io| TcpListener(Listener::adopted(io)));

/// Connections as they arrive: see [`TcpListener::incoming`].
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        let accepted = self.listener.accept();
        if accepted.is_err() && self.listener.0.is_closed() {
            return None;
        }
        Some(accepted.map(|(stream, _)| stream))
    }
}

impl FusedIterator for Incoming<'_> {}
