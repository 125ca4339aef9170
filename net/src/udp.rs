//! `UdpSocket`: datagrams over the Internet protocols.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::SockAddr;

use crate::ToSocketAddrs;
use crate::socket::{Socket, debug_as_std, fd_traits, mode_methods};
use crate::sys;

/// A UDP socket: [`std::net::UdpSocket`], whose waits suspend the coroutine.
///
/// Names, signatures, errors and traits are std's; on an OS thread it is std's.
///
/// # Examples
///
/// ```
/// use greenwood_net::UdpSocket;
///
/// # fn main() -> std::io::Result<()> {
/// let a = UdpSocket::bind("127.0.0.1:0")?;
/// let b = UdpSocket::bind("127.0.0.1:0")?;
/// a.send_to(b"ping", b.local_addr()?)?;
/// let mut buf = [0; 16];
/// let (n, from) = b.recv_from(&mut buf)?;
/// assert_eq!((&buf[..n], from), (&b"ping"[..], a.local_addr()?));
/// # Ok(())
/// # }
/// ```
pub struct UdpSocket(pub(crate) Socket<std::net::UdpSocket>);

/// Methods that set or read one socket option through std's socket.
macro_rules! options {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) -> $value:ty;)*) => {$(
        $(#[$doc])*
        ///
        /// Never suspends.
        ///
        /// # Errors
        ///
        /// The error of the system call.
        pub fn $name(&self $(, $arg: $type)*) -> io::Result<$value> {
            self.0.io().$name($($arg),*)
        }
    )*};
}

impl UdpSocket {
    /// Binds to an address. Port 0 asks the kernel for a free one. May suspend for the look-up of a name.
    ///
    /// # Errors
    ///
    /// The error of the look-up or bind(2), for the last of several addresses; `InvalidInput` if `addr` has none.
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<UdpSocket> {
        let addrs: Vec<SocketAddr> = addr.to_socket_addrs()?.collect();
        std::net::UdpSocket::bind(&addrs[..]).map(|io| UdpSocket(Socket::fresh(io)))
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
        Ok((n, sys::inet(from.as_ref())?))
    }

    /// As [`recv_from`](Self::recv_from), but the datagram stays in the queue. May suspend.
    ///
    /// # Errors
    ///
    /// Those of [`recv_from`](Self::recv_from).
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        if self.0.is_plain() {
            return self.0.io().peek_from(buf);
        }
        let (n, from) = self.0.recv_from(buf, sys::PEEK)?;
        Ok((n, sys::inet(from.as_ref())?))
    }

    /// Sends one datagram to the first of `addr`'s addresses. May suspend: while the send buffer is full, and for the
    /// look-up of a name.
    ///
    /// # Errors
    ///
    /// The error of the look-up or sendto(2); `InvalidInput` if `addr` has no addresses.
    pub fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], addr: A) -> io::Result<usize> {
        let Some(to) = addr.to_socket_addrs()?.next() else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "no addresses to send data to",
            ));
        };
        if self.0.is_plain() {
            self.0.io().send_to(buf, to)
        } else {
            self.0.send_to(buf, &SockAddr::from(to))
        }
    }

    /// Sets the address that [`send`](Self::send) sends to and [`recv`](Self::recv) accepts from. May suspend for
    /// the look-up of a name.
    ///
    /// # Errors
    ///
    /// The error of the look-up or connect(2), for the last of several addresses; `InvalidInput` if `addr` has none.
    pub fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        let addrs: Vec<SocketAddr> = addr.to_socket_addrs()?.collect();
        self.0.io().connect(&addrs[..])
    }

    /// Sends one datagram to the connected address. May suspend while the send buffer is full.
    ///
    /// # Errors
    ///
    /// The error of send(2), such as an earlier datagram's `ConnectionRefused`.
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        if self.0.is_plain() { self.0.io().send(buf) } else { self.0.send(buf) }
    }

    /// Receives one datagram from the connected address; what does not fit into `buf` is lost. May suspend.
    ///
    /// # Errors
    ///
    /// The error of recv(2); `WouldBlock` after the read time-out.
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        if self.0.is_plain() { self.0.io().recv(buf) } else { self.0.recv(buf) }
    }

    /// As [`recv`](Self::recv), but the datagram stays in the queue. May suspend.
    ///
    /// # Errors
    ///
    /// Those of [`recv`](Self::recv).
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        if self.0.is_plain() { self.0.io().peek(buf) } else { self.0.peek(buf) }
    }

    /// A second handle to the same socket, which shares its modes and options. Never suspends.
    ///
    /// # Errors
    ///
    /// The error of `fcntl(F_DUPFD_CLOEXEC)`.
    pub fn try_clone(&self) -> io::Result<UdpSocket> {
        self.0.try_clone(|io| io.try_clone()).map(UdpSocket)
    }

    options! {
        /// The connected address.
        peer_addr() -> SocketAddr;
        /// The address it is bound to.
        local_addr() -> SocketAddr;
        /// Sets `SO_BROADCAST`: datagrams may go to broadcast addresses.
        set_broadcast(broadcast: bool) -> ();
        /// The value of `SO_BROADCAST`.
        broadcast() -> bool;
        /// Sets `IP_MULTICAST_LOOP`: multicast datagrams come back to this host. Does nothing for IPv6 sockets.
        set_multicast_loop_v4(multicast_loop_v4: bool) -> ();
        /// The value of `IP_MULTICAST_LOOP`.
        multicast_loop_v4() -> bool;
        /// Sets `IP_MULTICAST_TTL`: how many hops multicast datagrams may take; the default is 1.
        set_multicast_ttl_v4(multicast_ttl_v4: u32) -> ();
        /// The value of `IP_MULTICAST_TTL`.
        multicast_ttl_v4() -> u32;
        /// Sets `IPV6_MULTICAST_LOOP`: multicast datagrams come back to this host. Fails for IPv4 sockets.
        set_multicast_loop_v6(multicast_loop_v6: bool) -> ();
        /// The value of `IPV6_MULTICAST_LOOP`.
        multicast_loop_v6() -> bool;
        /// Sets `IP_TTL`, the number of hops a datagram may take.
        set_ttl(ttl: u32) -> ();
        /// The value of `IP_TTL`.
        ttl() -> u32;
        /// Joins a multicast group on the interface with the given address (`IP_ADD_MEMBERSHIP`).
        join_multicast_v4(multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> ();
        /// Joins a multicast group on the interface with the given index, 0 for any (`IPV6_ADD_MEMBERSHIP`).
        join_multicast_v6(multiaddr: &Ipv6Addr, interface: u32) -> ();
        /// Leaves a group that was joined by [`join_multicast_v4`](Self::join_multicast_v4).
        leave_multicast_v4(multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> ();
        /// Leaves a group that was joined by [`join_multicast_v6`](Self::join_multicast_v6).
        leave_multicast_v6(multiaddr: &Ipv6Addr, interface: u32) -> ();
    }

    mode_methods!();
}

debug_as_std!(UdpSocket);
fd_traits!(UdpSocket, std::net::UdpSocket, |io| UdpSocket(Socket::adopted(io)));
