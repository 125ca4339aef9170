//! What a handler is given.

mod fields;
mod framing;
mod parse;
#[cfg(test)]
mod parse_tests;
mod scan;
mod target;

use std::fmt;
use std::net::SocketAddr;

use http::{Method, Version};

pub use fields::Fields;
pub(crate) use framing::Framing;
pub(crate) use parse::{Head, parse};
pub(crate) use scan::Scan;
pub use target::{InvalidPercentEncoding, percent_decode};

use crate::body::RequestBody;

/// A request, borrowed from the connection's buffer.
///
/// What it hands out as `&str` and `&[u8]` lives as long as the request: copy what is to outlive the
/// handler.
pub struct Request<'c> {
    pub(crate) head: Head<'c>,
    pub(crate) body: RequestBody<'c>,
    pub(crate) peer: Option<SocketAddr>,
}

impl<'c> Request<'c> {
    /// The method.
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// The request target as it was sent, for example `/search?q=tree`.
    pub fn target(&self) -> &str {
        self.head.target.raw
    }

    /// The path: still percent-encoded, beginning with `/` (or `*`, with OPTIONS).
    ///
    /// Dot segments are not removed. See [`percent_decode`].
    pub fn path(&self) -> &str {
        self.head.target.path
    }

    /// What follows the first `?`, still percent-encoded.
    pub fn query(&self) -> Option<&str> {
        self.head.target.query
    }

    /// The host the client addressed, with the port if it gave one.
    ///
    /// The target's own authority counts before the `Host` field (RFC 9112 section 3.2.2). `None` only
    /// in HTTP/1.0.
    pub fn host(&self) -> Option<&str> {
        match self.head.target.authority {
            Some(authority) => Some(authority),
            None => self.head.fields.get("host").and_then(|host| std::str::from_utf8(host).ok()),
        }
    }

    /// HTTP/1.0 or HTTP/1.1.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The header fields.
    pub fn headers(&self) -> Fields<'_> {
        self.head.fields
    }

    /// The body, to be read through [`std::io::Read`].
    pub fn body(&mut self) -> &mut RequestBody<'c> {
        &mut self.body
    }

    /// The address of the other end of the connection. `None` on a Unix socket.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Whether the client asks to go on with `protocol` instead of HTTP (RFC 9110 section 7.8).
    pub fn upgrades_to(&self, protocol: &str) -> bool {
        self.head.upgrades_to(protocol.as_bytes())
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.head.method)
            .field("target", &self.head.target.raw)
            .field("version", &self.head.version)
            .field("headers", &self.head.fields)
            .field("body", &self.body)
            .field("peer", &self.peer)
            .finish()
    }
}
