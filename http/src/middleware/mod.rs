//! Code around handlers: what many routes have in common.

mod access_log;
mod cancel_when_gone;
#[cfg(feature = "compression")]
mod compression;
mod cors;
mod limits;
mod time_limit;
mod vary;

use std::fmt;
use std::sync::Arc;

pub use access_log::access_log;
pub use cancel_when_gone::cancel_when_gone;
#[cfg(feature = "compression")]
pub use compression::Compression;
pub use cors::Cors;
pub use limits::{body_limit, body_progress};
pub use time_limit::time_limit;

use crate::handler::{Handler, IntoHandler};
use crate::request::Request;
use crate::response::{IntoResponse, Response};

/// Code that runs around handlers: a function of the request and of what comes [`Next`].
///
/// It may answer by itself, look at the request before, or change the answer afterwards. What a
/// handler should know goes into [`Request::extensions_mut`]. The body of an answer may be read from its source
/// only after all middleware has returned.
///
/// ```
/// use greenwood_http::{IntoResponse, Request, Response, Router};
/// use greenwood_http::http::{HeaderValue, StatusCode, header};
/// use greenwood_http::middleware::Next;
///
/// fn with_key(request: &mut Request<'_>, next: Next<'_>) -> Response {
///     match request.headers().get("x-key") {
///         Some(b"sesame") => next.run(request),
///         _ => StatusCode::UNAUTHORIZED
///             .into_response()
///             .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Key")),
///     }
/// }
///
/// # fn main() -> Result<(), greenwood_http::router::RouteError> {
/// let routes = Router::new().get("/treasure", || "gold").with(with_key).build()?;
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no middleware",
    note = "closures need the argument types written out: `|request: &mut Request<'_>, next: Next<'_>| …`"
)]
pub trait Middleware: Send + Sync + 'static {
    /// Answers one request, with the help of `next` or without. May suspend.
    fn handle(&self, request: &mut Request<'_>, next: Next<'_>) -> Response;
}

impl<F, R> Middleware for F
where
    F: Fn(&mut Request<'_>, Next<'_>) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    fn handle(&self, request: &mut Request<'_>, next: Next<'_>) -> Response {
        self(request, next).into_response()
    }
}

/// Several, the outermost first.
pub(crate) type Chain = Arc<[Arc<dyn Middleware>]>;

/// What comes after a middleware: the next one, or the handler.
pub struct Next<'n> {
    chain: &'n [Arc<dyn Middleware>],
    handler: &'n dyn Handler,
}

impl<'n> Next<'n> {
    pub(crate) fn new(chain: &'n [Arc<dyn Middleware>], handler: &'n dyn Handler) -> Next<'n> {
        Next { chain, handler }
    }

    /// Has the request answered. May suspend.
    pub fn run(self, request: &mut Request<'_>) -> Response {
        match self.chain {
            [] => self.handler.handle(request),
            [first, rest @ ..] => {
                first.handle(request, Next { chain: rest, handler: self.handler })
            }
        }
    }
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("middleware", &self.chain.len()).finish_non_exhaustive()
    }
}

/// `handler` with `middleware` around it: for a single route, or a server without a router.
///
/// ```
/// use greenwood_http::Router;
/// use greenwood_http::middleware::{body_limit, wrap};
///
/// let upload = |body: Vec<u8>| format!("{} bytes", body.len());
/// let routes = Router::new().put("/files/{name}", wrap(upload, body_limit(1 << 30))).build();
/// ```
pub fn wrap<A>(handler: impl IntoHandler<A>, middleware: impl Middleware) -> impl Handler {
    Wrapped { handler: handler.into_handler(), middleware }
}

struct Wrapped<H, M> {
    handler: H,
    middleware: M,
}

impl<H: Handler, M: Middleware> Handler for Wrapped<H, M> {
    fn handle(&self, request: &mut Request<'_>) -> Response {
        self.middleware.handle(request, Next::new(&[], &self.handler))
    }
}
