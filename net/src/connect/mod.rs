//! Connecting: one address, several at once (RFC 8305), and Unix sockets, whose full backlog nothing signals.

use greenwood_runtime::park::Reason;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::Duration;

use greenwood_runtime::readiness::{Interest, Source, may_block};
use socket2::{Domain, Type};

use crate::pause;
use crate::socket::Socket;
use crate::sys::unix_addr;
use crate::{TcpStream, UnixStream};

mod attempt;
mod race;
mod schedule;

use attempt::Attempt;
pub(crate) use attempt::complete;

/// Connects to one of `addrs`: std's way if there is one address or none, by a race otherwise.
pub(crate) fn tcp(addrs: &[SocketAddr]) -> io::Result<TcpStream> {
    match addrs {
        // std has the error for none, and on an OS thread the kernel waits.
        [] => std::net::TcpStream::connect(addrs).map(|io| TcpStream(Socket::fresh(io))),
        [_] if may_block() => {
            std::net::TcpStream::connect(addrs).map(|io| TcpStream(Socket::fresh(io)))
        }
        _ => tcp_with(addrs, tcp_socket),
    }
}

/// As [`tcp`], with sockets that `open` has made for an address.
pub(crate) fn tcp_with(
    addrs: &[SocketAddr],
    open: impl Fn(&SocketAddr) -> io::Result<socket2::Socket>,
) -> io::Result<TcpStream> {
    match addrs {
        [] => tcp(addrs),
        [addr] => {
            let attempt = Attempt::start(open(addr)?, addr)?;
            let source = Source::new();
            while !attempt.is_connected()? {
                ignore_interrupt(source.wait(attempt.as_fd(), Interest::Write, None))?;
            }
            attempt.into_std().map(|io| TcpStream(Socket::connected(io, source)))
        }
        _ => race::run(addrs, open)?.into_std().map(|io| TcpStream(Socket::fresh(io))),
    }
}

pub(crate) fn tcp_timeout(addr: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
    if may_block() {
        return std::net::TcpStream::connect_timeout(addr, timeout)
            .map(|io| TcpStream(Socket::fresh(io)));
    }
    let attempt = Attempt::start(tcp_socket(addr)?, addr)?;
    // std looks at the time-out only once the connection is under way, so other errors come first here too.
    if !attempt.at_once() && timeout.is_zero() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "cannot set a 0 duration timeout"));
    }
    let source = Source::new();
    complete(&attempt, &source, timeout)?;
    attempt.into_std().map(|io| TcpStream(Socket::connected(io, source)))
}

pub(crate) fn unix(addr: &std::os::unix::net::SocketAddr) -> io::Result<UnixStream> {
    if may_block() {
        return std::os::unix::net::UnixStream::connect_addr(addr)
            .map(|io| UnixStream(Socket::fresh(io)));
    }
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    let addr = unix_addr::to_kernel(addr)?;
    socket.set_nonblocking(true)?;
    // EAGAIN means that the listener's backlog is full (connect(2)). The socket is in no queue then, and poll never
    // reports it.
    pause::retry(None, &Reason("unix connect: the backlog is full"), || socket.connect(&addr))?;
    socket.set_nonblocking(false)?;
    Ok(UnixStream(Socket::fresh(std::os::fd::OwnedFd::from(socket).into())))
}

fn tcp_socket(addr: &SocketAddr) -> io::Result<socket2::Socket> {
    socket2::Socket::new(Domain::for_address(*addr), Type::STREAM, None)
}

/// A signal does not end a connect: std goes on as well.
fn ignore_interrupt(waited: io::Result<()>) -> io::Result<()> {
    match waited {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        waited => waited,
    }
}
