//! `ToSocketAddrs`: std's trait, with names looked up without holding a worker up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::{io, iter, option, slice, vec};

use crate::dns;

/// What can become socket addresses: [`std::net::ToSocketAddrs`], whose look-ups suspend the coroutine.
///
/// Implemented for the types that std implements its trait for. A type with an implementation of std's trait needs
/// one of this too, to be passed to `connect` or `bind` here.
///
/// # Examples
///
/// ```
/// use greenwood_net::{SocketAddr, ToSocketAddrs};
///
/// # fn main() -> std::io::Result<()> {
/// let addrs: Vec<SocketAddr> = ("127.0.0.1", 80).to_socket_addrs()?.collect();
/// assert_eq!(addrs, ["127.0.0.1:80".parse().unwrap()]);
/// assert!("localhost:80".to_socket_addrs()?.all(|addr| addr.ip().is_loopback()));
/// # Ok(())
/// # }
/// ```
pub trait ToSocketAddrs {
    /// The addresses, one after the other.
    type Iter: Iterator<Item = SocketAddr>;

    /// Makes the addresses. May suspend where that takes a look-up, up to [`dns::DEFAULT_TIMEOUT`].
    ///
    /// # Errors
    ///
    /// `InvalidInput` for text of another form than `host:port`; those of [`dns::lookup_host`].
    fn to_socket_addrs(&self) -> io::Result<Self::Iter>;
}

/// Implementations for what is one address without a look-up.
macro_rules! one_address {
    ($($type:ty, $this:ident => $addr:expr;)*) => {$(
        impl ToSocketAddrs for $type {
            type Iter = option::IntoIter<SocketAddr>;

            fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
                let $this = self;
                Ok(Some($addr).into_iter())
            }
        }
    )*};
}

one_address! {
    SocketAddr, addr => *addr;
    SocketAddrV4, addr => SocketAddr::V4(*addr);
    SocketAddrV6, addr => SocketAddr::V6(*addr);
    (IpAddr, u16), pair => SocketAddr::new(pair.0, pair.1);
    (Ipv4Addr, u16), pair => SocketAddr::new(pair.0.into(), pair.1);
    (Ipv6Addr, u16), pair => SocketAddr::new(pair.0.into(), pair.1);
}

impl ToSocketAddrs for (&str, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        dns::lookup_host(self.0, self.1, dns::DEFAULT_TIMEOUT).map(Vec::into_iter)
    }
}

impl ToSocketAddrs for (String, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (&*self.0, self.1).to_socket_addrs()
    }
}

impl ToSocketAddrs for str {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        if let Ok(addr) = self.parse() {
            return Ok(vec![addr].into_iter());
        }
        let invalid = |what| io::Error::new(io::ErrorKind::InvalidInput, what);
        let (host, port) =
            self.rsplit_once(':').ok_or_else(|| invalid("invalid socket address"))?;
        let port: u16 = port.parse().map_err(|_| invalid("invalid port value"))?;
        (host, port).to_socket_addrs()
    }
}

impl ToSocketAddrs for String {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (**self).to_socket_addrs()
    }
}

impl<'a> ToSocketAddrs for &'a [SocketAddr] {
    type Iter = iter::Cloned<slice::Iter<'a, SocketAddr>>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        Ok(self.iter().cloned())
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    type Iter = T::Iter;

    fn to_socket_addrs(&self) -> io::Result<T::Iter> {
        (**self).to_socket_addrs()
    }
}
