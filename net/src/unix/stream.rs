//! `UnixStream`: a byte stream between processes of one host.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::SocketAddr;
use std::path::Path;

use crate::connect;
use crate::socket::{Socket, debug_as_std, fd_traits, mode_methods, read_write};

/// A Unix-domain stream: [`std::os::unix::net::UnixStream`], whose waits suspend the coroutine.
///
/// Names, signatures, errors and traits are std's; on an OS thread it is std's.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use greenwood_net::UnixStream;
///
/// # fn main() -> std::io::Result<()> {
/// let (mut a, mut b) = UnixStream::pair()?;
/// a.write_all(b"hello")?;
/// drop(a);
/// let mut text = String::new();
/// b.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # Ok(())
/// # }
/// ```
pub struct UnixStream(pub(crate) Socket<std::os::unix::net::UnixStream>);

impl UnixStream {
    /// Connects to the socket named by `path`. May suspend while the listener's backlog is full.
    ///
    /// # Errors
    ///
    /// The error of connect(2); `InvalidInput` if `path` is too long or holds a NUL.
    pub fn connect<P: AsRef<Path>>(path: P) -> io::Result<UnixStream> {
        UnixStream::connect_addr(&SocketAddr::from_pathname(path)?)
    }

    /// Connects to the socket with the given address, which may be an abstract one. May suspend while the listener's
    /// backlog is full.
    ///
    /// # Errors
    ///
    /// The error of connect(2).
    pub fn connect_addr(socket_addr: &SocketAddr) -> io::Result<UnixStream> {
        connect::unix(socket_addr)
    }

    /// Two connected streams without names. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of socketpair(2).
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (a, b) = std::os::unix::net::UnixStream::pair()?;
        Ok((UnixStream(Socket::fresh(a)), UnixStream(Socket::fresh(b))))
    }

    /// A second handle to the same connection, which shares its modes. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of `fcntl(F_DUPFD_CLOEXEC)`.
    pub fn try_clone(&self) -> io::Result<UnixStream> {
        self.0.try_clone(|io| io.try_clone()).map(UnixStream)
    }

    /// The address of this end. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    /// The address of the other end. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of getpeername(2).
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().peer_addr()
    }

    /// Shuts down reading, writing or both, for all clones; calls that wait return. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of shutdown(2).
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.io().shutdown(how)
    }

    mode_methods!();
}

read_write!(UnixStream);
debug_as_std!(UnixStream);
fd_traits!(UnixStream, std::os::unix::net::UnixStream, |io| UnixStream(Socket::adopted(io)));
