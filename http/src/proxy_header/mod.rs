//! The PROXY header: how a proxy that passes on bytes says who its client is.

mod parse;
mod v1;
mod v2;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use crate::stream::Socket;
use parse::parse;

/// Whether connections begin with a PROXY header, of version 1 or 2 (haproxy's `proxy-protocol.txt`).
///
/// Only where nobody but the proxy can connect: the header is believed. [`Request::peer_addr`](crate::Request::peer_addr) is
/// the client's address then, or the connection's own if the header gives none (`UNKNOWN`, `LOCAL`, as a proxy's own checks
/// have it). It comes before TLS.
///
/// A connection without the header, or with a malformed one, is closed without an answer, as is one whose header has
/// not come within [`Limits::head_deadline`](crate::Limits::head_deadline). There is no setting that takes connections of
/// both kinds: with it, every client could say that it is somebody else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyHeader {
    /// They do not. A header would be no valid request.
    #[default]
    Off,
    /// They do, all of them.
    Required,
}

/// Where a connection came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The proxy itself, or it does not say.
    Connection,
    Address(SocketAddr),
    /// A client that has none, on a Unix socket of the proxy's.
    Unix,
}

/// Takes the header off the beginning of a connection, and nothing of what follows. Suspends.
///
/// # Errors
///
/// `InvalidData` for anything else than a header, `WouldBlock` when it does not come within `limit`.
pub(crate) fn receive(socket: &Socket, limit: Duration) -> io::Result<Origin> {
    let deadline = greenwood_runtime::now().checked_add(limit);
    let mut header = Vec::new();
    loop {
        let left = deadline.map(|at| at.saturating_duration_since(greenwood_runtime::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(ErrorKind::WouldBlock.into());
        }
        // Most are shorter.
        let mut piece = [0; 256];
        let seen = socket.peek(&mut piece, left)?;
        if seen == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let before = header.len();
        header.extend_from_slice(&piece[..seen]);
        match parse(&header).map_err(|what| io::Error::new(ErrorKind::InvalidData, what))? {
            None => take(socket, &mut piece[..seen])?,
            Some((origin, len)) => {
                take(socket, &mut piece[..len - before])?;
                return Ok(origin);
            }
        }
    }
}

/// Takes as many bytes as fit, which are there.
fn take(socket: &Socket, mut room: &mut [u8]) -> io::Result<()> {
    while !room.is_empty() {
        match socket.try_read(room)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            n => room = &mut room[n..],
        }
    }
    Ok(())
}
