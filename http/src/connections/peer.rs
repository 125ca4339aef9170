//! Who is at the other end.

use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};

/// The other end of a connection, in half the bytes of an `Option<SocketAddr>`.
#[derive(Debug)]
pub(super) enum Peer {
    /// Of a Unix socket.
    Nameless,
    V4(SocketAddrV4),
    V6(Box<SocketAddrV6>),
}

impl Peer {
    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self {
            Peer::Nameless => None,
            Peer::V4(address) => Some((*address).into()),
            Peer::V6(address) => Some((**address).into()),
        }
    }
}

impl From<Option<SocketAddr>> for Peer {
    fn from(address: Option<SocketAddr>) -> Peer {
        match address {
            None => Peer::Nameless,
            Some(SocketAddr::V4(address)) => Peer::V4(address),
            Some(SocketAddr::V6(address)) => Peer::V6(Box::new(address)),
        }
    }
}
