//! Watching a server at work: what it accepts, answers and refuses, for logs and statistics.
//!
//! An [`Observer`] is told by the server itself, and so of more than middleware sees: connections, requests that no handler gets, and what
//! became of answers on their way to the client. [`Builder::observer`](crate::Builder::observer) takes any number of them; two are here:
//! [`AccessLog`] and [`Metrics`].
//!
//! ```
//! use greenwood_http::observe::{Exchange, Observer};
//!
//! /// Tells of answers that took their time.
//! struct Slow;
//!
//! impl Observer for Slow {
//!     fn exchange_finished(&self, exchange: &Exchange<'_>) {
//!         if exchange.duration().as_secs() >= 1 {
//!             let route = exchange.route().unwrap_or("-");
//!             println!("{} {route} took {:?}", exchange.method(), exchange.duration());
//!         }
//!     }
//! }
//!
//! let server = greenwood_http::Server::builder().observer(Slow).bind("127.0.0.1:0");
//! ```
//!
//! # Cost
//!
//! Without an observer, some twenty instructions a request, mostly to find that there is none. With one, the clock is read twice for each
//! request, and each answer is written by itself, also where a client has sent many requests at once. Nothing is allocated.

mod access_log;
mod connection;
mod exchange;
pub(crate) mod line;
mod metrics;
mod queue;

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

pub use access_log::AccessLog;
pub use connection::{CloseReason, Connection};
pub(crate) use exchange::Observed;
pub use exchange::{Exchange, Outcome};
pub use metrics::Metrics;

use crate::error::RequestError;
use crate::request::Request;

/// Is told what a server does. All methods do nothing by default.
///
/// They are called in the middle of the work, for many connections at once: on the coroutine (OS thread) of the connection, the first one
/// on that of the accept loop. So they should be quick, and leave what may take long to others, as [`AccessLog`] does. They may suspend,
/// which holds up the connection, or the accept loop. A panic in one is caught, and nothing else comes of it.
///
/// For every connection, [`connection_opened`](Observer::connection_opened) comes first and [`connection_closed`](Observer::connection_closed) last, each
/// once, whatever happens in between; and every exchange that has started finishes, before the next one starts.
pub trait Observer: Send + Sync + 'static {
    /// A connection was accepted. Where it begins with a PROXY header, or TLS, that is still to come.
    fn connection_opened(&self, connection: &Connection<'_>) {
        let _ = connection;
    }

    /// The connection did not come about, for want of a PROXY header or by TLS. It is closed next.
    fn handshake_failed(&self, connection: &Connection<'_>, error: &io::Error) {
        let _ = (connection, error);
    }

    /// What came is no request that could be given to a handler: its head is malformed, too long, late or cut off. The client is answered
    /// [`RequestError::status`], and the connection is closed next. (What is wrong with a body only shows while it is read; that is the end of an
    /// exchange.)
    fn request_refused(&self, connection: &Connection<'_>, error: RequestError) {
        let _ = (connection, error);
    }

    /// The head of a request is here, and the handler is called next. No route is known yet.
    fn exchange_started(&self, request: &Request<'_>) {
        let _ = request;
    }

    /// The answer was written, as far as that goes: into the kernel's buffer, which is not yet the client's.
    fn exchange_finished(&self, exchange: &Exchange<'_>) {
        let _ = exchange;
    }

    /// The connection is closed, or about to be.
    fn connection_closed(&self, connection: &Connection<'_>, reason: CloseReason) {
        let _ = (connection, reason);
    }

    /// The server has stopped and all its connections are closed: [`serve`](crate::Server::serve) waits for this to return, and returns then. May suspend.
    fn server_stopped(&self) {}
}

/// For an observer that is also used elsewhere.
impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn connection_opened(&self, connection: &Connection<'_>) {
        (**self).connection_opened(connection);
    }

    fn handshake_failed(&self, connection: &Connection<'_>, error: &io::Error) {
        (**self).handshake_failed(connection, error);
    }

    fn request_refused(&self, connection: &Connection<'_>, error: RequestError) {
        (**self).request_refused(connection, error);
    }

    fn exchange_started(&self, request: &Request<'_>) {
        (**self).exchange_started(request);
    }

    fn exchange_finished(&self, exchange: &Exchange<'_>) {
        (**self).exchange_finished(exchange);
    }

    fn connection_closed(&self, connection: &Connection<'_>, reason: CloseReason) {
        (**self).connection_closed(connection, reason);
    }

    fn server_stopped(&self) {
        (**self).server_stopped();
    }
}

/// A server's observers, most often none.
#[derive(Clone, Default)]
pub(crate) struct Observers(Vec<Arc<dyn Observer>>);

impl Observers {
    pub(crate) fn add(&mut self, observer: impl Observer) {
        self.0.push(Arc::new(observer));
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Calls each. None can keep the others, or the server, from going on.
    #[inline]
    pub(crate) fn tell(&self, tell: impl Fn(&dyn Observer)) {
        for observer in &self.0 {
            // The panic hook has said what there is to say; and whoever ends a wait in there will find the next one.
            let _ = catch_unwind(AssertUnwindSafe(|| tell(&**observer)));
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observers").field(&self.0.len()).finish()
    }
}
