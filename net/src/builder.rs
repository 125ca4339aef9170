//! `Builder`: socket options that must be set before the socket is bound or connected.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use socket2::{Domain, Socket as Raw, TcpKeepalive, Type};

use crate::listener::Listener;
use crate::socket::Socket;
use crate::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket, connect};

/// Makes TCP and UDP sockets with options that std leaves at their defaults. It is ours; std has nothing like it.
///
/// What is not set stays as std has it. An option that a socket does not know (such as
/// [`nodelay`](Self::nodelay) for UDP) is passed over.
///
/// # Examples
///
/// ```
/// use greenwood_net::Builder;
///
/// # fn main() -> std::io::Result<()> {
/// let options = Builder::new().reuse_port(true).backlog(4096).nodelay(true);
/// let first = options.listen("127.0.0.1:0")?;
/// let second = options.listen(first.local_addr()?)?;
/// assert_eq!(first.local_addr()?, second.local_addr()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until a socket is made with it"]
pub struct Builder {
    backlog: Option<u32>,
    reuse_address: Option<bool>,
    reuse_port: bool,
    only_v6: Option<bool>,
    nodelay: bool,
    recv_buffer: Option<usize>,
    send_buffer: Option<usize>,
    ttl: Option<u32>,
    keepalive: Option<Duration>,
    local: Option<SocketAddr>,
}

/// std's, since 1.0; the kernel cuts it to `net.core.somaxconn` (listen(2)).
const BACKLOG: u32 = 128;

impl Builder {
    /// Options as std has them.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// How many connections may wait to be accepted; 128 if not set, as in std. The kernel cuts it to
    /// `net.core.somaxconn`.
    pub fn backlog(mut self, connections: u32) -> Builder {
        self.backlog = Some(connections);
        self
    }

    /// `SO_REUSEADDR`: bind although old connections of the port linger. On for [`listen`](Self::listen) if not set, as
    /// in std; off for the others.
    pub fn reuse_address(mut self, reuse: bool) -> Builder {
        self.reuse_address = Some(reuse);
        self
    }

    /// `SO_REUSEPORT`: several sockets of one user share the port, and the kernel spreads connections over them.
    pub fn reuse_port(mut self, reuse: bool) -> Builder {
        self.reuse_port = reuse;
        self
    }

    /// `IPV6_V6ONLY`: whether a socket on an IPv6 address takes IPv4 as well. The system's default if not set; passed
    /// over for IPv4 addresses.
    pub fn only_v6(mut self, only: bool) -> Builder {
        self.only_v6 = Some(only);
        self
    }

    /// `TCP_NODELAY`: small writes go out at once. On Linux the connections that a listener accepts inherit it.
    pub fn nodelay(mut self, nodelay: bool) -> Builder {
        self.nodelay = nodelay;
        self
    }

    /// `SO_RCVBUF` in bytes, which Linux doubles (socket(7)). Accepted connections inherit it.
    pub fn recv_buffer_size(mut self, bytes: usize) -> Builder {
        self.recv_buffer = Some(bytes);
        self
    }

    /// `SO_SNDBUF` in bytes, which Linux doubles (socket(7)). Accepted connections inherit it.
    pub fn send_buffer_size(mut self, bytes: usize) -> Builder {
        self.send_buffer = Some(bytes);
        self
    }

    /// `IP_TTL`, or `IPV6_UNICAST_HOPS`: how many hops a packet may take.
    pub fn ttl(mut self, hops: u32) -> Builder {
        self.ttl = Some(hops);
        self
    }

    /// `SO_KEEPALIVE`, with the first probe after `idle` (`TCP_KEEPIDLE`, whole seconds). Accepted connections inherit
    /// it.
    pub fn keepalive(mut self, idle: Duration) -> Builder {
        self.keepalive = Some(idle);
        self
    }

    /// The local address that [`connect`](Self::connect) binds to first. Remote addresses of the other family then
    /// fail.
    pub fn local_addr(mut self, addr: SocketAddr) -> Builder {
        self.local = Some(addr);
        self
    }

    /// A listener, as [`TcpListener::bind`] makes it. May suspend for the look-up of a name.
    ///
    /// # Errors
    ///
    /// Those of [`TcpListener::bind`], and of the options.
    pub fn listen<A: ToSocketAddrs>(&self, addr: A) -> io::Result<TcpListener> {
        let backlog = i32::try_from(self.backlog.unwrap_or(BACKLOG)).unwrap_or(i32::MAX);
        first(addr, |addr| {
            let socket = self.tcp(&addr, true)?;
            socket.bind(&addr.into())?;
            socket.listen(backlog)?;
            Ok(TcpListener(Listener::fresh(OwnedFd::from(socket).into())))
        })
    }

    /// A connection, as [`TcpStream::connect`] makes it. May suspend.
    ///
    /// # Errors
    ///
    /// Those of [`TcpStream::connect`], of bind(2) and of the options.
    pub fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<TcpStream> {
        let addrs: Vec<SocketAddr> = addr.to_socket_addrs()?.collect();
        connect::tcp_with(&addrs, |addr| {
            let socket = self.tcp(addr, false)?;
            if let Some(local) = self.local {
                socket.bind(&local.into())?;
            }
            Ok(socket)
        })
    }

    /// A UDP socket, as [`UdpSocket::bind`] makes it. May suspend for the look-up of a name.
    ///
    /// # Errors
    ///
    /// Those of [`UdpSocket::bind`], and of the options.
    pub fn bind_udp<A: ToSocketAddrs>(&self, addr: A) -> io::Result<UdpSocket> {
        first(addr, |addr| {
            let socket = Raw::new(Domain::for_address(addr), Type::DGRAM, None)?;
            self.set_common(&socket, &addr, false)?;
            socket.bind(&addr.into())?;
            Ok(UdpSocket(Socket::fresh(OwnedFd::from(socket).into())))
        })
    }

    fn tcp(&self, addr: &SocketAddr, reuse_by_default: bool) -> io::Result<Raw> {
        let socket = Raw::new(Domain::for_address(*addr), Type::STREAM, None)?;
        self.set_common(&socket, addr, reuse_by_default)?;
        if self.nodelay {
            socket.set_tcp_nodelay(true)?;
        }
        if let Some(idle) = self.keepalive {
            socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(idle))?;
        }
        Ok(socket)
    }

    fn set_common(
        &self,
        socket: &Raw,
        addr: &SocketAddr,
        reuse_by_default: bool,
    ) -> io::Result<()> {
        if self.reuse_address.unwrap_or(reuse_by_default) {
            socket.set_reuse_address(true)?;
        }
        if self.reuse_port {
            socket.set_reuse_port(true)?;
        }
        if let (Some(only), true) = (self.only_v6, addr.is_ipv6()) {
            socket.set_only_v6(only)?;
        }
        if let Some(bytes) = self.recv_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        if let Some(bytes) = self.send_buffer {
            socket.set_send_buffer_size(bytes)?;
        }
        match self.ttl {
            Some(hops) if addr.is_ipv6() => socket.set_unicast_hops_v6(hops),
            Some(hops) => socket.set_ttl_v4(hops),
            None => Ok(()),
        }
    }
}

/// The socket for the first address that works; otherwise the last error, or std's for no address.
fn first<A: ToSocketAddrs, T>(
    addr: A,
    mut make: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = None;
    for addr in addr.to_socket_addrs()? {
        match make(addr) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "could not resolve to any addresses")
    }))
}
