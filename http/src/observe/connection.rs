//! What observers learn of a connection.

use std::fmt;
use std::net::SocketAddr;

use crate::connections::Link;

/// A connection, to an [`Observer`](super::Observer).
#[derive(Clone, Copy)]
pub struct Connection<'a>(&'a Link);

impl<'a> Connection<'a> {
    pub(crate) fn new(link: &'a Link) -> Connection<'a> {
        Connection(link)
    }

    /// The address of the other end, or of the proxy's client once it has [said so](crate::ProxyHeader). `None` on a Unix socket.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.0.client()
    }

    /// Whether it speaks TLS, or is meant to.
    pub fn is_secure(&self) -> bool {
        self.0.stream.is_secure()
    }

    /// The server name that the client gave with TLS, once the handshake is done.
    pub fn tls_server_name(&self) -> Option<&'a str> {
        self.0.stream.server_name()
    }
}

impl fmt::Debug for Connection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("peer", &self.peer_addr())
            .field("secure", &self.is_secure())
            .finish_non_exhaustive()
    }
}

/// Why a connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// It did not come about: no PROXY header where there was to be one, or no TLS.
    Handshake,
    /// The client has ended it, or its half of it, between two requests.
    Client,
    /// Nothing came for [`Limits::idle`](crate::Limits::idle).
    Idle,
    /// After an answer, which said so: the client or the handler wanted it, it was the last one that
    /// [`Limits::requests`](crate::Limits::requests) allows, the handler has panicked, or more of a body was unread than is worth reading.
    Answered,
    /// What came was no valid request, or not all of it came.
    Refused,
    /// It was idle when the server began to shut down.
    Shutdown,
    /// It had left HTTP, and who had it then is done.
    Upgraded,
    /// Reading or writing has failed, an answer has broken off, or the connection was cut at the end of a shutdown's grace period.
    Failed,
}
