//! What a handler is given.

mod fields;
mod framing;
mod origin;
mod owned;
mod parse;
#[cfg(test)]
mod parse_tests;
mod scan;
mod target;

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Extensions, Method, Version};

pub(crate) use fields::FieldSpan;
pub use fields::Fields;
pub(crate) use fields::list;
#[cfg(test)]
pub(crate) use fields::tests::Raw;
pub(crate) use framing::Framing;
pub(crate) use parse::{Head, parse};
pub(crate) use scan::Scan;
pub use target::{InvalidPercentEncoding, percent_decode};

use crate::body::RequestBody;
use crate::client::ClientHandle;
use crate::connections::Link;
use crate::error::RequestError;
use crate::extract::{FromRequest, Rejection};
use crate::observe::Outcome;
use crate::router::Matched;

/// A request, borrowed from the connection's buffer.
///
/// What it hands out as `&str` and `&[u8]` lives as long as the request: copy what is to outlive the
/// handler.
pub struct Request<'c> {
    pub(crate) head: &'c Head<'c>,
    pub(crate) body: RequestBody<'c>,
    link: &'c Arc<Link>,
    pub(crate) matched: Matched,
    /// As what observers are to see the handler's end, if it is no panic.
    pub(crate) outcome: Outcome,
    extensions: Extensions,
}

impl<'c> Request<'c> {
    #[inline]
    pub(crate) fn new(
        head: &'c Head<'c>,
        body: RequestBody<'c>,
        link: &'c Arc<Link>,
    ) -> Request<'c> {
        Request {
            head,
            body,
            link,
            matched: Matched::Nothing,
            outcome: Outcome::Answered,
            extensions: Extensions::new(),
        }
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// The request target as it was sent, for example `/search?q=tree`.
    pub fn target(&self) -> &'c str {
        self.head.target.raw()
    }

    /// The path: still percent-encoded, beginning with `/` (or `*`, with OPTIONS).
    ///
    /// Dot segments are not removed. See [`percent_decode`].
    pub fn path(&self) -> &'c str {
        self.head.target.path()
    }

    /// What follows the first `?`, still percent-encoded.
    pub fn query(&self) -> Option<&'c str> {
        self.head.target.query()
    }

    /// The host the client addressed, with the port if it gave one.
    ///
    /// The target's own authority counts before the `Host` field (RFC 9112 section 3.2.2). `None` only
    /// in HTTP/1.0.
    pub fn host(&self) -> Option<&'c str> {
        match self.head.target.authority() {
            Some(authority) => Some(authority),
            None => self.head.fields.get("host").and_then(|host| std::str::from_utf8(host).ok()),
        }
    }

    /// HTTP/1.0 or HTTP/1.1.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The header fields.
    pub fn headers(&self) -> Fields<'c> {
        self.head.fields
    }

    /// The parameter `name` of the route, decoded. `None` if the route has no such parameter, or no
    /// [`Router`](crate::Router) found one.
    ///
    /// What `{*rest}` took is decoded as a whole; an encoded slash in it then looks like any other.
    /// [`param_raw`](Request::param_raw) tells them apart.
    pub fn param(&self, name: &str) -> Option<Cow<'c, str>> {
        // The router has answered what cannot be decoded.
        percent_decode(self.param_raw(name)?).ok()
    }

    /// The parameter `name` of the route, still percent-encoded.
    pub fn param_raw(&self, name: &str) -> Option<&'c str> {
        self.params_raw().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// The names and values of the route's parameters, from left to right, still percent-encoded.
    pub fn params_raw(&self) -> impl Iterator<Item = (&str, &'c str)> {
        self.matched.params(self.path())
    }

    /// The pattern of the route that a [`Router`](crate::Router) chose, for example `/users/{id}`: unlike paths, there
    /// are only so many of them, as statistics like it.
    pub fn route(&self) -> Option<&str> {
        self.matched.pattern(self.path())
    }

    /// Gets a value out of the request, as it is done for a handler's arguments.
    ///
    /// # Errors
    ///
    /// Those of the type, as an answer to the client.
    ///
    #[cfg_attr(feature = "serde", doc = "```")]
    #[cfg_attr(not(feature = "serde"), doc = "```text")]
    /// use greenwood_http::Request;
    /// use greenwood_http::extract::{Query, Rejection};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Page {
    ///     number: u32,
    /// }
    ///
    /// fn list(request: &mut Request<'_>) -> Result<String, Rejection> {
    ///     let Query(page) = request.extract::<Query<Page>>()?;
    ///     Ok(format!("page {}", page.number))
    /// }
    /// ```
    pub fn extract<T: FromRequest>(&mut self) -> Result<T, Rejection> {
        T::from_request(self)
    }

    /// Values that middleware has left for the handler, by type. Empty at first, and then without cost.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// For middleware to leave values in.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    pub(crate) fn take_extensions(&mut self) -> Extensions {
        std::mem::take(&mut self.extensions)
    }

    /// Allows the body, or what was not read of it yet, `bytes`, in place of [`Limits::body`](crate::Limits::body).
    ///
    /// This is for middleware, see [`body_limit`](crate::middleware::body_limit): a function that is to answer a request is not even
    /// called when the body that the client announced is longer than is allowed by then.
    pub fn set_body_limit(&mut self, bytes: u64) {
        self.body.state.set_limit(bytes);
    }

    /// Allows pauses of at most `pause` within the body, in place of
    /// [`Limits::body_progress`](crate::Limits::body_progress).
    pub fn set_body_progress(&mut self, pause: Duration) {
        self.body.state.set_progress(pause);
    }

    /// Refuses a body whose announced length is not allowed. It then cannot be read any more.
    pub(crate) fn check_body_length(&mut self) -> Result<(), RequestError> {
        self.body.state.check_length()
    }

    /// The body, to be read through [`std::io::Read`].
    pub fn body(&mut self) -> &mut RequestBody<'c> {
        &mut self.body
    }

    /// The address of the other end of the connection, or of the proxy's client where it
    /// [says so](crate::ProxyHeader). `None` on a Unix socket.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.link.client()
    }

    /// What tells whether the client is still there, for a handler that waits for long.
    pub fn client_handle(&self) -> ClientHandle {
        ClientHandle::new(self.link)
    }

    /// Whether it came over TLS, to this server: what a proxy in front of it did is not known here.
    pub fn is_secure(&self) -> bool {
        self.link.stream.is_secure()
    }

    /// The server name that the client gave with TLS (SNI, RFC 6066 section 3). It need not be the
    /// [`host`](Request::host) of each request.
    pub fn tls_server_name(&self) -> Option<&str> {
        self.link.stream.server_name()
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
            .field("target", &self.head.target.raw())
            .field("version", &self.head.version)
            .field("headers", &self.head.fields)
            .field("body", &self.body)
            .field("peer", &self.link.client())
            .finish()
    }
}
