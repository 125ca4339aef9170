//! Every stable method as a function pointer of std's type, and every trait as a bound. That it compiles is the test.

use super::net::*;
use std::fmt::Debug;
use std::io::{Read, Result, Write};
use std::iter::FusedIterator;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::Path;
use std::time::Duration;

type Timeout = Option<Duration>;

/// Checks each `path: type` and counts them.
macro_rules! check {
    ($($path:expr, $type:ty;)*) => {{
        let mut count = 0;
        $( let _: $type = $path; count += 1; )*
        count
    }};
}

#[allow(deprecated, reason = "std has them, so they are compared")]
pub fn methods() -> usize {
    let tcp = check! {
        TcpStream::connect::<SocketAddr>, fn(SocketAddr) -> Result<TcpStream>;
        TcpStream::connect::<&str>, fn(&'static str) -> Result<TcpStream>;
        TcpStream::connect_timeout, fn(&SocketAddr, Duration) -> Result<TcpStream>;
        TcpStream::peer_addr, fn(&TcpStream) -> Result<SocketAddr>;
        TcpStream::local_addr, fn(&TcpStream) -> Result<SocketAddr>;
        TcpStream::shutdown, fn(&TcpStream, Shutdown) -> Result<()>;
        TcpStream::try_clone, fn(&TcpStream) -> Result<TcpStream>;
        TcpStream::set_read_timeout, fn(&TcpStream, Timeout) -> Result<()>;
        TcpStream::set_write_timeout, fn(&TcpStream, Timeout) -> Result<()>;
        TcpStream::read_timeout, fn(&TcpStream) -> Result<Timeout>;
        TcpStream::write_timeout, fn(&TcpStream) -> Result<Timeout>;
        TcpStream::peek, fn(&TcpStream, &mut [u8]) -> Result<usize>;
        TcpStream::set_nodelay, fn(&TcpStream, bool) -> Result<()>;
        TcpStream::nodelay, fn(&TcpStream) -> Result<bool>;
        TcpStream::set_ttl, fn(&TcpStream, u32) -> Result<()>;
        TcpStream::ttl, fn(&TcpStream) -> Result<u32>;
        TcpStream::take_error, fn(&TcpStream) -> Result<Option<std::io::Error>>;
        TcpStream::set_nonblocking, fn(&TcpStream, bool) -> Result<()>;
        TcpListener::bind::<&[SocketAddr]>, fn(&'static [SocketAddr]) -> Result<TcpListener>;
        TcpListener::local_addr, fn(&TcpListener) -> Result<SocketAddr>;
        TcpListener::try_clone, fn(&TcpListener) -> Result<TcpListener>;
        TcpListener::accept, fn(&TcpListener) -> Result<(TcpStream, SocketAddr)>;
        TcpListener::incoming, for<'a> fn(&'a TcpListener) -> Incoming<'a>;
        TcpListener::set_ttl, fn(&TcpListener, u32) -> Result<()>;
        TcpListener::ttl, fn(&TcpListener) -> Result<u32>;
        TcpListener::set_only_v6, fn(&TcpListener, bool) -> Result<()>;
        TcpListener::only_v6, fn(&TcpListener) -> Result<bool>;
        TcpListener::take_error, fn(&TcpListener) -> Result<Option<std::io::Error>>;
        TcpListener::set_nonblocking, fn(&TcpListener, bool) -> Result<()>;
    };
    tcp + udp_methods() + unix_methods()
}

fn udp_methods() -> usize {
    check! {
        UdpSocket::bind::<(&str, u16)>, fn((&'static str, u16)) -> Result<UdpSocket>;
        UdpSocket::recv_from, fn(&UdpSocket, &mut [u8]) -> Result<(usize, SocketAddr)>;
        UdpSocket::peek_from, fn(&UdpSocket, &mut [u8]) -> Result<(usize, SocketAddr)>;
        UdpSocket::send_to::<String>, fn(&UdpSocket, &[u8], String) -> Result<usize>;
        UdpSocket::peer_addr, fn(&UdpSocket) -> Result<SocketAddr>;
        UdpSocket::local_addr, fn(&UdpSocket) -> Result<SocketAddr>;
        UdpSocket::try_clone, fn(&UdpSocket) -> Result<UdpSocket>;
        UdpSocket::set_read_timeout, fn(&UdpSocket, Timeout) -> Result<()>;
        UdpSocket::set_write_timeout, fn(&UdpSocket, Timeout) -> Result<()>;
        UdpSocket::read_timeout, fn(&UdpSocket) -> Result<Timeout>;
        UdpSocket::write_timeout, fn(&UdpSocket) -> Result<Timeout>;
        UdpSocket::set_broadcast, fn(&UdpSocket, bool) -> Result<()>;
        UdpSocket::broadcast, fn(&UdpSocket) -> Result<bool>;
        UdpSocket::set_multicast_loop_v4, fn(&UdpSocket, bool) -> Result<()>;
        UdpSocket::multicast_loop_v4, fn(&UdpSocket) -> Result<bool>;
        UdpSocket::set_multicast_ttl_v4, fn(&UdpSocket, u32) -> Result<()>;
        UdpSocket::multicast_ttl_v4, fn(&UdpSocket) -> Result<u32>;
        UdpSocket::set_multicast_loop_v6, fn(&UdpSocket, bool) -> Result<()>;
        UdpSocket::multicast_loop_v6, fn(&UdpSocket) -> Result<bool>;
        UdpSocket::set_ttl, fn(&UdpSocket, u32) -> Result<()>;
        UdpSocket::ttl, fn(&UdpSocket) -> Result<u32>;
        UdpSocket::join_multicast_v4, fn(&UdpSocket, &Ipv4Addr, &Ipv4Addr) -> Result<()>;
        UdpSocket::join_multicast_v6, fn(&UdpSocket, &Ipv6Addr, u32) -> Result<()>;
        UdpSocket::leave_multicast_v4, fn(&UdpSocket, &Ipv4Addr, &Ipv4Addr) -> Result<()>;
        UdpSocket::leave_multicast_v6, fn(&UdpSocket, &Ipv6Addr, u32) -> Result<()>;
        UdpSocket::take_error, fn(&UdpSocket) -> Result<Option<std::io::Error>>;
        UdpSocket::connect::<(Ipv4Addr, u16)>, fn(&UdpSocket, (Ipv4Addr, u16)) -> Result<()>;
        UdpSocket::send, fn(&UdpSocket, &[u8]) -> Result<usize>;
        UdpSocket::recv, fn(&UdpSocket, &mut [u8]) -> Result<usize>;
        UdpSocket::peek, fn(&UdpSocket, &mut [u8]) -> Result<usize>;
        UdpSocket::set_nonblocking, fn(&UdpSocket, bool) -> Result<()>;
    }
}

fn unix_methods() -> usize {
    check! {
        UnixStream::connect::<&Path>, fn(&'static Path) -> Result<UnixStream>;
        UnixStream::connect_addr, fn(&unix::SocketAddr) -> Result<UnixStream>;
        UnixStream::pair, fn() -> Result<(UnixStream, UnixStream)>;
        UnixStream::try_clone, fn(&UnixStream) -> Result<UnixStream>;
        UnixStream::local_addr, fn(&UnixStream) -> Result<unix::SocketAddr>;
        UnixStream::peer_addr, fn(&UnixStream) -> Result<unix::SocketAddr>;
        UnixStream::set_read_timeout, fn(&UnixStream, Timeout) -> Result<()>;
        UnixStream::set_write_timeout, fn(&UnixStream, Timeout) -> Result<()>;
        UnixStream::read_timeout, fn(&UnixStream) -> Result<Timeout>;
        UnixStream::write_timeout, fn(&UnixStream) -> Result<Timeout>;
        UnixStream::set_nonblocking, fn(&UnixStream, bool) -> Result<()>;
        UnixStream::take_error, fn(&UnixStream) -> Result<Option<std::io::Error>>;
        UnixStream::shutdown, fn(&UnixStream, Shutdown) -> Result<()>;
        UnixListener::bind::<&str>, fn(&'static str) -> Result<UnixListener>;
        UnixListener::bind_addr, fn(&unix::SocketAddr) -> Result<UnixListener>;
        UnixListener::accept, fn(&UnixListener) -> Result<(UnixStream, unix::SocketAddr)>;
        UnixListener::try_clone, fn(&UnixListener) -> Result<UnixListener>;
        UnixListener::local_addr, fn(&UnixListener) -> Result<unix::SocketAddr>;
        UnixListener::set_nonblocking, fn(&UnixListener, bool) -> Result<()>;
        UnixListener::take_error, fn(&UnixListener) -> Result<Option<std::io::Error>>;
        UnixListener::incoming, for<'a> fn(&'a UnixListener) -> unix::Incoming<'a>;
        UnixDatagram::bind::<&str>, fn(&'static str) -> Result<UnixDatagram>;
        UnixDatagram::bind_addr, fn(&unix::SocketAddr) -> Result<UnixDatagram>;
        UnixDatagram::unbound, fn() -> Result<UnixDatagram>;
        UnixDatagram::pair, fn() -> Result<(UnixDatagram, UnixDatagram)>;
        UnixDatagram::connect::<&str>, fn(&UnixDatagram, &'static str) -> Result<()>;
        UnixDatagram::connect_addr, fn(&UnixDatagram, &unix::SocketAddr) -> Result<()>;
        UnixDatagram::try_clone, fn(&UnixDatagram) -> Result<UnixDatagram>;
        UnixDatagram::local_addr, fn(&UnixDatagram) -> Result<unix::SocketAddr>;
        UnixDatagram::peer_addr, fn(&UnixDatagram) -> Result<unix::SocketAddr>;
        UnixDatagram::recv_from, fn(&UnixDatagram, &mut [u8]) -> Result<(usize, unix::SocketAddr)>;
        UnixDatagram::recv, fn(&UnixDatagram, &mut [u8]) -> Result<usize>;
        UnixDatagram::send_to::<&str>, fn(&UnixDatagram, &[u8], &'static str) -> Result<usize>;
        UnixDatagram::send_to_addr, fn(&UnixDatagram, &[u8], &unix::SocketAddr) -> Result<usize>;
        UnixDatagram::send, fn(&UnixDatagram, &[u8]) -> Result<usize>;
        UnixDatagram::set_read_timeout, fn(&UnixDatagram, Timeout) -> Result<()>;
        UnixDatagram::set_write_timeout, fn(&UnixDatagram, Timeout) -> Result<()>;
        UnixDatagram::read_timeout, fn(&UnixDatagram) -> Result<Timeout>;
        UnixDatagram::write_timeout, fn(&UnixDatagram) -> Result<Timeout>;
        UnixDatagram::set_nonblocking, fn(&UnixDatagram, bool) -> Result<()>;
        UnixDatagram::take_error, fn(&UnixDatagram) -> Result<Option<std::io::Error>>;
        UnixDatagram::shutdown, fn(&UnixDatagram, Shutdown) -> Result<()>;
        <unix::SocketAddr as SocketAddrExt>::as_abstract_name, fn(&unix::SocketAddr) -> Option<&[u8]>;
    }
}

fn descriptor<T>() -> usize
where
    T: AsFd + AsRawFd + IntoRawFd + FromRawFd + From<OwnedFd> + Into<OwnedFd>,
    T: Debug + Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + 'static,
{
    1
}

fn stream<T: Read + Write>() -> usize
where
    for<'a> &'a T: Read + Write,
{
    1
}

fn connections<'a, I: FusedIterator<Item = Result<TcpStream>> + Debug + Send + Sync + 'a>() -> usize
{
    1
}

fn addrs<T: ToSocketAddrs<Iter = I> + ?Sized, I: Iterator<Item = SocketAddr>>() -> usize {
    1
}

pub fn traits() -> usize {
    type Vector = std::vec::IntoIter<SocketAddr>;
    type One = std::option::IntoIter<SocketAddr>;
    let sockets =
        descriptor::<TcpStream>() + descriptor::<TcpListener>() + descriptor::<UdpSocket>();
    let unix =
        descriptor::<UnixStream>() + descriptor::<UnixListener>() + descriptor::<UnixDatagram>();
    let streams = stream::<TcpStream>() + stream::<UnixStream>();
    let iterators = connections::<Incoming<'static>>()
        + usize::from(
            std::mem::size_of::<<&UnixListener as IntoIterator>::IntoIter>()
                == std::mem::size_of::<unix::Incoming<'_>>(),
        );
    let names = addrs::<str, Vector>()
        + addrs::<String, Vector>()
        + addrs::<(&str, u16), Vector>()
        + addrs::<(String, u16), Vector>();
    let single = addrs::<SocketAddr, One>()
        + addrs::<SocketAddrV4, One>()
        + addrs::<SocketAddrV6, One>()
        + addrs::<(IpAddr, u16), One>()
        + addrs::<(Ipv4Addr, u16), One>()
        + addrs::<(Ipv6Addr, u16), One>();
    let slices = addrs::<&[SocketAddr], std::iter::Cloned<std::slice::Iter<'static, SocketAddr>>>()
        + addrs::<&&str, Vector>();
    sockets + unix + streams + iterators + names + single + slices
}
