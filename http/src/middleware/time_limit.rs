//! A limit on how long handlers take.

use std::time::Duration;

use greenwood_runtime::timeout;
use http::StatusCode;

use super::{Middleware, Next};
use crate::observe::Outcome;
use crate::request::Request;
use crate::response::IntoResponse;

/// Middleware that answers 503 when what is inside of it takes longer than `limit`.
///
/// It works as [`greenwood_runtime::timeout`] does: once the time is over, a wait of the handler ends. Reading the body
/// or another socket fails with [`TimedOut`](std::io::ErrorKind::TimedOut), and a handler that answers with a 5xx because of it is
/// answered 503 as well; other waits unwind to here and run destructors. An answer that is merely late is sent, as is one to a request that
/// the handler could serve in spite of the error. Cancellation, and other time-outs within or around the handler, keep their meaning.
///
/// What never waits is not interrupted. On an OS thread only the waits of Greenwood's own calls end, not those of
/// std's: `std::thread::sleep` sleeps to its end there. The time to send the answer does not count; that is what
/// [`Limits::write_progress`](crate::Limits::write_progress) is for.
///
/// ```
/// use std::time::Duration;
/// use greenwood_http::Router;
/// use greenwood_http::middleware::time_limit;
///
/// let routes = Router::new().get("/", || "quick").with(time_limit(Duration::from_secs(10))).build();
/// ```
pub fn time_limit(limit: Duration) -> impl Middleware {
    move |request: &mut Request<'_>, next: Next<'_>| {
        let start = greenwood_runtime::now();
        let result = timeout(limit, || next.run(request));
        let late = || greenwood_runtime::now().saturating_duration_since(start) >= limit;
        match result {
            Ok(response) if !response.status.is_server_error() || !late() => response,
            _ => {
                request.outcome = Outcome::TimedOut;
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
        }
    }
}
