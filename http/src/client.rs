//! Finding out that a client has gone.

use std::fmt;
use std::io::ErrorKind;
use std::sync::{Arc, Weak};
use std::time::Duration;

use greenwood_runtime::sleep;

use crate::connections::Link;

/// The pause between looks where waiting would return at once, as for bytes that nobody has read.
const LOOK: Duration = Duration::from_millis(50);

/// Before another attempt at a wait that has failed.
const AGAIN: Duration = Duration::from_millis(1);

/// Tells whether the client of a connection is still there: [`Request::client_handle`](crate::Request::client_handle).
///
/// For long-polling and other work that is worth nothing once nobody waits for it. Clones are of the same connection, and may be used
/// anywhere: by other coroutines and OS threads, and after the answer, when it says whether the connection is still open. It keeps no
/// connection open.
///
/// # What counts as gone
///
/// A client that has closed its connection, or whose connection has broken. One that has ended only its own half of it, as
/// shutdown(2) does, looks the same and counts as gone too, though it gets its answer all the same: servers cannot tell the two apart without
/// writing. So whoever stops work for a client that has gone leaves some clients without an answer that they still wait for; they are
/// few, as most send nothing but requests for as long as they want answers.
///
/// A client whose machine or network has failed says nothing, and is there until a write fails. With TLS, what counts is the socket below:
/// the end of its input, not what TLS says before it. On systems other than Linux, an end behind bytes that nobody has read, such as a
/// pipelined request, is not seen.
///
/// ```
/// use std::time::Duration;
/// use greenwood_http::{IntoResponse, Request, Response};
/// use greenwood_http::http::StatusCode;
/// # fn news() -> Option<String> { Some(String::new()) }
///
/// /// Waits for news as long as somebody wants them.
/// fn poll(request: &mut Request<'_>) -> Response {
///     let client = request.client_handle();
///     for _ in 0..300 {
///         if let Some(news) = news() {
///             return news.into_response();
///         }
///         if client.wait_gone(Some(Duration::from_millis(100))) {
///             break;
///         }
///     }
///     StatusCode::NO_CONTENT.into_response()
/// }
/// ```
///
/// To end a handler that waits for something else, see [`cancel_when_gone`](crate::middleware::cancel_when_gone).
#[derive(Clone)]
pub struct ClientHandle(Weak<Link>);

impl ClientHandle {
    pub(crate) fn new(link: &Arc<Link>) -> ClientHandle {
        ClientHandle(Arc::downgrade(link))
    }

    /// Whether the client has gone. A system call; does not suspend.
    pub fn is_gone(&self) -> bool {
        self.0.upgrade().is_none_or(|link| link.client_is_gone())
    }

    /// Waits until the client has gone, at most for `timeout`; whether it has. Suspends the calling coroutine (blocks the OS thread); a cancelled
    /// caller unwinds.
    ///
    /// While bytes wait that nobody has read, and while the server shuts down, it looks 20 times a second.
    pub fn wait_gone(&self, timeout: Option<Duration>) -> bool {
        let deadline = timeout.and_then(|t| greenwood_runtime::now().checked_add(t));
        let left = || deadline.map(|at| at.saturating_duration_since(greenwood_runtime::now()));
        loop {
            let Some(link) = self.0.upgrade() else { return true };
            if link.client_is_gone() {
                return true;
            }
            let left = left();
            if left == Some(Duration::ZERO) {
                return false;
            }
            // Not to hold the socket while this sleeps.
            let pause = match link.stream.socket().peek(&mut [0], left) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => return link.client_is_gone(),
                Ok(_) if link.client_is_gone() => return true,
                Ok(_) => LOOK,
                // A wait that something around the caller has ended: the next one unwinds, as this call has no error to return.
                Err(_) => AGAIN,
            };
            drop(link);
            sleep(left.map_or(pause, |left| left.min(pause)));
        }
    }
}

impl fmt::Debug for ClientHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHandle").field("gone", &self.is_gone()).finish()
    }
}
