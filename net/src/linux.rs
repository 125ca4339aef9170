//! What `std::os::linux::net` adds to the socket types.

use std::io;

use socket2::SockRef;

use crate::TcpStream;

pub use std::os::linux::net::SocketAddrExt;

/// Linux's own options of a TCP connection: `std::os::linux::net::TcpStreamExt`, which nobody but std may implement.
///
/// # Examples
///
/// ```
/// use greenwood_net::linux::TcpStreamExt;
/// use greenwood_net::{TcpListener, TcpStream};
///
/// # fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let stream = TcpStream::connect(listener.local_addr()?)?;
/// stream.set_quickack(false)?;
/// assert!(!stream.quickack()?);
/// # Ok(())
/// # }
/// ```
pub trait TcpStreamExt: sealed::Sealed {
    /// Sets `TCP_QUICKACK`: acknowledge at once rather than with the next data. The kernel may change it back later
    /// (tcp(7)). Never suspends.
    ///
    /// # Errors
    ///
    /// The error of `setsockopt`.
    fn set_quickack(&self, quickack: bool) -> io::Result<()>;

    /// Whether `TCP_QUICKACK` is in force. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of `getsockopt`.
    fn quickack(&self) -> io::Result<bool>;
}

impl TcpStreamExt for TcpStream {
    fn set_quickack(&self, quickack: bool) -> io::Result<()> {
        SockRef::from(self).set_tcp_quickack(quickack)
    }

    fn quickack(&self) -> io::Result<bool> {
        SockRef::from(self).tcp_quickack()
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::TcpStream {}
}
