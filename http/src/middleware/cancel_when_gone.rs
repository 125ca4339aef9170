//! Ending work that nobody waits for any more.

use greenwood_runtime::{Builder, CancelToken, JoinHandle, Placement, worker_index};
use http::StatusCode;

use super::{Middleware, Next};
use crate::client::ClientHandle;
use crate::log;
use crate::observe::Outcome;
use crate::request::Request;
use crate::response::Response;

/// Middleware that ends what is inside of it when the client has gone.
///
/// It works as [`CancelToken::run`] does: a wait of the handler ends then. I/O fails with `ECANCELED`, other waits unwind to here and run
/// destructors; what must not be left half-done belongs in [`shield`](greenwood_runtime::shield). What never waits is not interrupted, and
/// on an OS thread a wait in the kernel, for a descriptor, comes to its own end first. The body of an answer is not covered: it is made later.
///
/// A client that has ended only its own half of the connection counts as gone, see [`ClientHandle`]. If it still reads, it
/// gets a 499, the number by which nginx's log knows such requests, as does one whose handler answers with a 5xx because of it.
///
/// Each request has a coroutine beside it that watches, on the same worker. Where handlers run on OS threads, it is one of the default
/// runtime.
///
/// ```
/// use greenwood_http::Router;
/// use greenwood_http::middleware::{cancel_when_gone, wrap};
///
/// # fn crunch() -> &'static str { "42" }
/// let routes = Router::new().get("/report", wrap(crunch, cancel_when_gone())).build();
/// ```
pub fn cancel_when_gone() -> impl Middleware {
    |request: &mut Request<'_>, next: Next<'_>| {
        let token = CancelToken::new();
        let watch = match Watch::start(request.client_handle(), token.clone()) {
            Ok(watch) => watch,
            Err(error) => {
                log::error("cannot watch for a client to go", error);
                return next.run(request);
            }
        };
        let result = token.run(|| next.run(request));
        drop(watch);
        match result {
            Ok(response) if !response.status.is_server_error() || !token.is_cancelled() => response,
            _ => {
                request.outcome = Outcome::ClientGone;
                Response::new(client_closed_request())
            }
        }
    }
}

fn client_closed_request() -> StatusCode {
    StatusCode::from_u16(499).expect("three digits")
}

/// Lasts as long as the handler.
struct Watch(JoinHandle<()>);

impl Watch {
    fn start(client: ClientHandle, token: CancelToken) -> std::io::Result<Watch> {
        let mut builder = Builder::new().name("client-watch");
        if worker_index().is_some() {
            builder = builder.placement(Placement::Here);
        }
        let watch = move || {
            client.wait_gone(None);
            token.cancel();
        };
        builder.spawn(watch).map(Watch)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
