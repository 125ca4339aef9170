//! What one client may cost: sizes and times, all with safe defaults.

use std::time::Duration;

/// Bounds on what a client can make the server hold, read or wait for.
///
/// The defaults suit a server that faces the Internet. Times count per connection, so a slow
/// client delays nobody else.
///
/// ```
/// use greenwood_http::Limits;
///
/// let mut limits = Limits::default();
/// limits.body = 64 * 1024;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a request's head, request line included; more is answered 431. Default 32 KiB.
    pub head: usize,
    /// Header fields of a request, more is answered 431. Default 100.
    pub fields: usize,
    /// Bytes of the request target; more is answered 414. Default 8 KiB.
    pub target: usize,
    /// Bytes of a request's body after decoding; more is answered 413. Default 2 MiB. For single routes there is
    /// [`body_limit`](crate::middleware::body_limit).
    pub body: u64,
    /// From a head's first byte to its last, however steadily bytes arrive; then 408. Default 10 s.
    pub head_deadline: Duration,
    /// From a TLS connection's beginning to the keys being agreed on, however steadily bytes arrive; then it is closed. Default 10 s.
    pub handshake_deadline: Duration,
    /// How long a connection may stay without a request before it is closed. Default 60 s.
    pub idle: Duration,
    /// The longest pause between two parts of a request's body; then 408. Default 30 s.
    pub body_progress: Duration,
    /// How long the peer may take nothing of an answer before it is cut. Default 30 s.
    pub write_progress: Duration,
    /// Bytes of a body that the handler left unread and that are skipped in order to keep the
    /// connection; with more to come it is closed. Default 64 KiB.
    pub drain: u64,
    /// Requests on a connection; the answer to the last one closes it, so that a load balancer can move clients that never leave.
    /// Default 1,000,000.
    pub requests: u32,
    /// Connections at a time; at this number the server stops accepting until one has ended.
    /// Default 1,000,000, which leaves the descriptor limit of the process to decide.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head: 32 * 1024,
            fields: 100,
            target: 8 * 1024,
            body: 2 * 1024 * 1024,
            head_deadline: Duration::from_secs(10),
            handshake_deadline: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            body_progress: Duration::from_secs(30),
            write_progress: Duration::from_secs(30),
            drain: 64 * 1024,
            requests: 1_000_000,
            connections: 1_000_000,
        }
    }
}
