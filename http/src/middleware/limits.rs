//! Limits that some routes have for themselves.

use std::time::Duration;

use super::{Middleware, Next};
use crate::request::Request;

/// Middleware that allows bodies of requests up to `bytes`, in place of [`Limits::body`](crate::Limits::body).
///
/// The innermost of several decides. See [`Request::set_body_limit`].
pub fn body_limit(bytes: u64) -> impl Middleware {
    move |request: &mut Request<'_>, next: Next<'_>| {
        request.set_body_limit(bytes);
        next.run(request)
    }
}

/// Middleware that allows pauses of at most `pause` within the body of a request, in place of
/// [`Limits::body_progress`](crate::Limits::body_progress).
///
/// The innermost of several decides.
pub fn body_progress(pause: Duration) -> impl Middleware {
    move |request: &mut Request<'_>, next: Next<'_>| {
        request.set_body_progress(pause);
        next.run(request)
    }
}
