//! `TcpStream`: one connection.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use crate::ToSocketAddrs;
use crate::connect;
use crate::socket::{Socket, debug_as_std, fd_traits, mode_methods, read_write};

/// A TCP connection: [`std::net::TcpStream`], whose waits suspend the coroutine.
///
/// Names, signatures, errors and traits are std's; on an OS thread it is std's. It is closed when dropped. Its
/// descriptor stays in the blocking mode that the user set, so it may be passed on as it is.
///
/// On Linux a `write` on a blocking socket returns only when the kernel has taken all bytes, or for an error or the
/// write time-out; so it does here.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use greenwood_net::{TcpListener, TcpStream};
///
/// # fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let mut client = TcpStream::connect(listener.local_addr()?)?;
/// let (mut server, _) = listener.accept()?;
/// client.write_all(b"hello")?;
/// let mut buf = [0; 5];
/// server.read_exact(&mut buf)?;
/// assert_eq!(&buf, b"hello");
/// # Ok(())
/// # }
/// ```
pub struct TcpStream(pub(crate) Socket<std::net::TcpStream>);

impl TcpStream {
    /// Connects to a remote host. May suspend, for the look-up of a name as well.
    ///
    /// Several addresses are tried by "Happy Eyeballs" (RFC 8305): families take turns, the next attempt starts when
    /// one has failed or after 250 ms, and the first connection wins; std tries one after the other to the end. Once
    /// all have failed, the error is that of the last address, as in std.
    ///
    /// # Errors
    ///
    /// The error of the look-up or of connect(2); `InvalidInput` if `addr` has no addresses.
    pub fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
        let addrs: Vec<SocketAddr> = addr.to_socket_addrs()?.collect();
        connect::tcp(&addrs)
    }

    /// Connects to one address, within `timeout`. May suspend.
    ///
    /// # Errors
    ///
    /// `TimedOut`; `InvalidInput` for a zero `timeout`; otherwise the error of connect(2).
    pub fn connect_timeout(addr: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        connect::tcp_timeout(addr, timeout)
    }

    /// The address of the other end. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of getpeername(2), `NotConnected` for one.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().peer_addr()
    }

    /// The address of this end. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    /// Shuts down reading, writing or both, for all clones; calls that wait return. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of shutdown(2), `NotConnected` for one.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.io().shutdown(how)
    }

    /// A second handle to the same connection, which shares its modes and options. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of `fcntl(F_DUPFD_CLOEXEC)`.
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        self.0.try_clone(|io| io.try_clone()).map(TcpStream)
    }

    /// Receives without taking the bytes out of the queue. May suspend until there are some.
    ///
    /// # Errors
    ///
    /// Those of `read`.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        if self.0.is_plain() { self.0.io().peek(buf) } else { self.0.peek(buf) }
    }

    /// Sets `TCP_NODELAY`: small writes go out at once. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt`.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.0.io().set_nodelay(nodelay)
    }

    /// Whether `TCP_NODELAY` is set. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt`.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.0.io().nodelay()
    }

    /// Sets `IP_TTL`, the number of hops a packet may take. Never suspends.
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

    mode_methods!();
}

read_write!(TcpStream);
debug_as_std!(TcpStream);
fd_traits!(TcpStream, std::net::TcpStream, |io| TcpStream(Socket::adopted(io)));
