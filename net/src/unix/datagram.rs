//! `UnixDatagram`: datagrams between processes of one host.

use greenwood_runtime::park::Reason;
use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::SocketAddr;
use std::path::Path;

use crate::pause;
use crate::socket::{Socket, debug_as_std, fd_traits, mode_methods};
use crate::sys::{self, unix_addr};

/// A Unix-domain datagram socket: [`std::os::unix::net::UnixDatagram`], whose waits suspend the coroutine.
///
/// Names, signatures, errors and traits are std's; on an OS thread it is std's.
///
/// # Examples
///
/// ```
/// use greenwood_net::UnixDatagram;
///
/// # fn main() -> std::io::Result<()> {
/// let (a, b) = UnixDatagram::pair()?;
/// a.send(b"ping")?;
/// let mut buf = [0; 16];
/// assert_eq!(b.recv(&mut buf)?, 4);
/// # Ok(())
/// # }
/// ```
pub struct UnixDatagram(pub(crate) Socket<std::os::unix::net::UnixDatagram>);

impl UnixDatagram {
    /// Binds to `path`, which must not exist yet. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of bind(2); `InvalidInput` if `path` is too long or holds a NUL.
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixDatagram> {
        std::os::unix::net::UnixDatagram::bind(path).map(|io| UnixDatagram(Socket::fresh(io)))
    }

    /// Binds to an address, which may be an abstract one. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of bind(2).
    pub fn bind_addr(socket_addr: &SocketAddr) -> io::Result<UnixDatagram> {
        std::os::unix::net::UnixDatagram::bind_addr(socket_addr)
            .map(|io| UnixDatagram(Socket::fresh(io)))
    }

    /// A socket without a name. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of socket(2).
    pub fn unbound() -> io::Result<UnixDatagram> {
        std::os::unix::net::UnixDatagram::unbound().map(|io| UnixDatagram(Socket::fresh(io)))
    }

    /// Two connected sockets without names. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of socketpair(2).
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (a, b) = std::os::unix::net::UnixDatagram::pair()?;
        Ok((UnixDatagram(Socket::fresh(a)), UnixDatagram(Socket::fresh(b))))
    }

    /// Sets the address that [`send`](Self::send) sends to. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of connect(2).
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.0.io().connect(path)
    }

    /// As [`connect`](Self::connect), by address. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of connect(2).
    pub fn connect_addr(&self, socket_addr: &SocketAddr) -> io::Result<()> {
        self.0.io().connect_addr(socket_addr)
    }

    /// Receives one datagram and its sender; what does not fit into `buf` is lost. May suspend.
    ///
    /// # Errors
    ///
    /// The error of recvfrom(2); `WouldBlock` after the read time-out.
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        if self.0.is_plain() {
            return self.0.io().recv_from(buf);
        }
        let (n, from) = self.0.recv_from(buf, 0)?;
        Ok((n, unix_addr::from_kernel(from.as_ref())?))
    }

    /// Receives one datagram; what does not fit into `buf` is lost. May suspend.
    ///
    /// # Errors
    ///
    /// The error of recv(2); `WouldBlock` after the read time-out.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        if self.0.is_plain() { self.0.io().recv(buf) } else { self.0.recv(buf) }
    }

    /// Sends one datagram to the socket named by `path`. May suspend while that socket's queue is full.
    ///
    /// # Errors
    ///
    /// The error of sendto(2); `InvalidInput` if `path` is too long or holds a NUL.
    pub fn send_to<P: AsRef<Path>>(&self, buf: &[u8], path: P) -> io::Result<usize> {
        if self.0.is_plain() {
            return self.0.io().send_to(buf, path);
        }
        self.send_to_addr(buf, &SocketAddr::from_pathname(path)?)
    }

    /// As [`send_to`](Self::send_to), by address. May suspend while that socket's queue is full.
    ///
    /// # Errors
    ///
    /// The error of sendto(2).
    pub fn send_to_addr(&self, buf: &[u8], socket_addr: &SocketAddr) -> io::Result<usize> {
        if self.0.is_plain() {
            return self.0.io().send_to_addr(buf, socket_addr);
        }
        let to = unix_addr::to_kernel(socket_addr)?;
        // A full queue of a socket that this one is not connected to changes nothing in this one's readiness: poll
        // says writable throughout, and no edge follows when the queue drains (unix(7), unix_dgram_poll).
        let timeout = self.0.modes().write_timeout(self.as_fd());
        pause::retry(timeout, &Reason("unix datagram: the peer's queue is full"), || {
            sys::send_to(self.as_fd(), buf, &to)
        })
    }

    /// Sends one datagram to the connected address. May suspend while its queue is full.
    ///
    /// # Errors
    ///
    /// The error of send(2).
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        if self.0.is_plain() { self.0.io().send(buf) } else { self.0.send(buf) }
    }

    /// A second handle to the same socket, which shares its modes. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of `fcntl(F_DUPFD_CLOEXEC)`.
    pub fn try_clone(&self) -> io::Result<UnixDatagram> {
        self.0.try_clone(|io| io.try_clone()).map(UnixDatagram)
    }

    /// The address of this end. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    /// The connected address. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of getpeername(2), `NotConnected` for one.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().peer_addr()
    }

    /// Shuts down receiving, sending or both; calls that wait return. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of shutdown(2).
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.io().shutdown(how)
    }

    mode_methods!();
}

debug_as_std!(UnixDatagram);
fd_traits!(UnixDatagram, std::os::unix::net::UnixDatagram, |io| UnixDatagram(Socket::adopted(io)));
