//! The server behind the proxy, as a client sees it.

mod body;
mod chunked;
mod connection;
pub mod head;
mod pool;

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use greenwood::http::http::StatusCode;
use greenwood::net::TcpStream;

pub use body::Body;
pub use connection::{Connection, Sent};
use pool::Pool;

/// The longest that a new connection may take.
const CONNECT: Duration = Duration::from_secs(10);

pub struct Upstream {
    to: String,
    /// How long it may stay silent.
    timeout: Duration,
    pool: Arc<Pool>,
}

/// Why there is no answer to pass on.
#[derive(Debug)]
pub enum Failure {
    /// A connection that had been used before was closed without a word: the request can be repeated, if it may be.
    Stale,
    /// It could not be reached, or broke off.
    Broken(io::Error),
    /// It took too long.
    Late,
    /// Its answer is none.
    Invalid(&'static str),
    /// It is the client's request that broke off.
    Client(io::Error),
}

impl Upstream {
    pub fn new(to: String, timeout: Duration) -> Upstream {
        Upstream { to, timeout, pool: Arc::default() }
    }

    /// Host and port.
    pub fn to(&self) -> &str {
        &self.to
    }

    /// A connection that was used before and is silent now.
    pub fn reuse(&self) -> Option<Connection> {
        self.pool.take()
    }

    /// A new connection.
    pub fn connect(&self) -> Result<Connection, Failure> {
        let limit = CONNECT.min(self.timeout);
        let connected = greenwood::timeout(limit, || TcpStream::connect(&*self.to));
        let stream = connected.map_err(|_| Failure::Late)?.map_err(|error| {
            let message = format!("cannot connect to {}: {error}", self.to);
            Failure::from(io::Error::new(error.kind(), message))
        })?;
        Ok(Connection::new(stream, self.timeout)?)
    }

    /// The body of the answer whose head was `head`; gives the connection back when it has been read.
    pub fn body(&self, connection: Connection, head: &head::Head) -> Body {
        Body::new(connection, head, self.pool.clone())
    }
}

impl Failure {
    pub fn status(&self) -> StatusCode {
        match self {
            Failure::Late => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::BAD_GATEWAY,
        }
    }
}

/// Of the upstream's socket.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Failure::Late,
            _ => Failure::Broken(error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Stale => f.write_str("the connection was closed without an answer"),
            Failure::Broken(error) => error.fmt(f),
            Failure::Late => f.write_str("no answer in time"),
            Failure::Invalid(what) => write!(f, "invalid answer: {what}"),
            Failure::Client(error) => write!(f, "the request broke off: {error}"),
        }
    }
}
