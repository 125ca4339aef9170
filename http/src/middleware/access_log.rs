//! A line for each answer.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use greenwood_runtime::is_interruption;
use greenwood_runtime::sync::Mutex;
use http::Method;

use super::{Middleware, Next};
use crate::date;
use crate::observe::line::{Line, RequestLine};
use crate::request::Request;
use crate::response::Response;

/// Middleware that writes a line to `out` for each answer, in the *combined* format of many servers with the time it
/// took in seconds behind it:
///
/// ```text
/// 192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] "GET /tree?leaf HTTP/1.1" 200 512 "-" "curl/8.5" 0.001234
/// ```
///
/// What the client sent is escaped: quotes, backslashes, and all bytes that are not visible ASCII or spaces appear as `\xhh`, so
/// a request is always one line, and no part of it looks like another field.
///
/// The line is written when the answer is made, by one call of `write_all`, and before the answer is sent: its length is the one known
/// by then (`-` when the body is made while it is sent), the time that of the middleware within and the handler, and whether the client takes it is not known. A
/// panic in the handler is written down as the 500 that the server will make of it. Errors of `out` are ignored. Writers wait for each
/// other, and suspend if `out` does. As the outermost middleware it sees what the others answer. [`AccessLog`](crate::observe::AccessLog) logs for a
/// whole server, and what has become of its answers.
///
/// ```
/// use greenwood_http::Router;
/// use greenwood_http::middleware::access_log;
///
/// let routes = Router::new().get("/", || "hello").with(access_log(std::io::stdout())).build();
/// ```
pub fn access_log(out: impl Write + Send + 'static) -> impl Middleware {
    let out = Mutex::new(out);
    move |request: &mut Request<'_>, next: Next<'_>| {
        let start = greenwood_runtime::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| next.run(request)));
        let took = greenwood_runtime::now().saturating_duration_since(start);
        let seen = match &outcome {
            Ok(response) => Some((response.status.as_u16(), length(request, response))),
            // Neither an answer nor a failure: whoever ended the wait goes on from here.
            Err(payload) if is_interruption(&**payload) => None,
            Err(_) => Some((500, None)),
        };
        if let Some((status, length)) = seen {
            let line = line(request, &date::now(), status, length, took);
            let _ = out.lock().write_all(line.as_bytes());
        }
        outcome.unwrap_or_else(|payload| resume_unwind(payload))
    }
}

fn length(request: &Request<'_>, response: &Response) -> Option<u64> {
    if *request.method() == Method::HEAD { Some(0) } else { response.body.len() }
}

fn line(
    request: &Request<'_>,
    date: &[u8; 29],
    status: u16,
    length: Option<u64>,
    took: Duration,
) -> String {
    let line = Line {
        peer: request.peer_addr(),
        date,
        request: Some(RequestLine {
            method: request.method(),
            target: request.target(),
            version: request.version(),
            headers: request.headers(),
        }),
        status: Some(status),
        length,
        took: Some(took),
    };
    let mut written = String::with_capacity(192);
    line.write(&mut written);
    written.push('\n');
    written
}
