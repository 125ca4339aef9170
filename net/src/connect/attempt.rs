//! One connection that is being made, on a socket in non-blocking mode.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use greenwood_runtime::readiness::{Interest, Source};
use socket2::SockAddr;

use super::ignore_interrupt;

#[derive(Debug)]
pub(crate) struct Attempt {
    socket: socket2::Socket,
    /// connect(2) itself said yes.
    at_once: bool,
}

impl Attempt {
    pub(crate) fn start(socket: socket2::Socket, addr: &SocketAddr) -> io::Result<Attempt> {
        socket.set_nonblocking(true)?;
        let at_once = match socket.connect(&SockAddr::from(*addr)) {
            Ok(()) => true,
            // Interrupted or not, the kernel goes on with the handshake (connect(2), EINTR).
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR)) => {
                false
            }
            Err(error) => return Err(error),
        };
        Ok(Attempt { socket, at_once })
    }

    /// Whether connect(2) left nothing to wait for.
    pub(crate) fn at_once(&self) -> bool {
        self.at_once
    }

    /// Whether the connection stands. The error, if it came to nothing, is reported once.
    pub(crate) fn is_connected(&self) -> io::Result<bool> {
        if self.at_once {
            return Ok(true);
        }
        if let Some(error) = self.socket.take_error()? {
            return Err(error);
        }
        match self.socket.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The stream, blocking again as std's are.
    pub(crate) fn into_std(self) -> io::Result<std::net::TcpStream> {
        self.socket.set_nonblocking(false)?;
        Ok(OwnedFd::from(self.socket).into())
    }
}

impl AsFd for Attempt {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Waits until `attempt` stands; `TimedOut` with std's words when it does not within `timeout`.
pub(crate) fn complete(attempt: &Attempt, source: &Source, timeout: Duration) -> io::Result<()> {
    let deadline = greenwood_runtime::now().checked_add(timeout);
    while !attempt.is_connected()? {
        let left =
            deadline.map(|deadline| deadline.saturating_duration_since(greenwood_runtime::now()));
        let waited = match left {
            Some(Duration::ZERO) => Err(io::ErrorKind::WouldBlock.into()),
            left => source.wait(attempt.as_fd(), Interest::Write, left),
        };
        ignore_interrupt(waited).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => {
                io::Error::new(io::ErrorKind::TimedOut, "connection timed out")
            }
            _ => error,
        })?;
    }
    Ok(())
}
