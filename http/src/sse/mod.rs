//! Server-sent events: a stream of messages to a page's `EventSource`, over one long answer.
//!
//! As of the WHATWG's HTML standard, section ["Server-sent events"](https://html.spec.whatwg.org/multipage/server-sent-events.html). A handler
//! returns an [`Sse`]; its events come from a closure that may block for as long as it likes, or from a channel.
//!
//! ```
//! use greenwood_http::Request;
//! use greenwood_http::sse::{Event, Sse};
//! use std::time::Duration;
//!
//! fn clock(_: &mut Request<'_>) -> Sse {
//!     Sse::new(|events| {
//!         for second in 0u64.. {
//!             events.send(Event::message(format!("{second} s")).with_id(second))?;
//!             greenwood_runtime::sleep(Duration::from_secs(1));
//!         }
//!         Ok(())
//!     })
//! }
//! ```
//!
//! # After a break
//!
//! The browser connects again by itself, after a pause that [`Event::with_retry`] sets, and says which event it got last:
//! [`last_event_id`]. Give events ids and keep the latest of them, and no client misses one.

mod event;
mod line;
mod producer;
mod stream;

use std::fmt;
use std::io;
use std::time::Duration;

use greenwood_runtime::channel::Receiver;
use http::{HeaderName, HeaderValue, StatusCode, header};

pub use event::Event;
pub use line::{InvalidLine, Line};
pub use producer::{EventSender, SendError};

use crate::request::Request;
use crate::response::{IntoResponse, Response, ResponseBody};
use producer::Produce;

const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What the standard advises against, as it lets proxies hold events back, nginx needs to be told.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// An answer that is a stream of events: `text/event-stream`, not to be stored, nor to be gathered by a proxy.
///
/// Every event goes out at once; those that wait while the client is slow go out together. While there are none, a comment goes out every 15
/// seconds, lest something on the way take the connection for dead. After a HEAD request nothing is produced.
///
/// The stream ends when its events do, when the client has gone, and when the server begins to shut down; events that were sent before that
/// still go out. A client counts as gone when a write to it fails: that takes a moment after it has closed its connection, as one that has only
/// closed its own half, which looks the same, is to get its events.
///
/// To a client of HTTP/1.0 the events go out as they are, up to the end of the connection.
#[must_use = "an answer does nothing until a handler returns it"]
pub struct Sse {
    source: Source,
    keep_alive: Duration,
}

enum Source {
    Receiver(Receiver<Event>),
    Producer(Box<Produce>),
}

impl Sse {
    /// The events that `produce` sends, until it returns.
    ///
    /// It runs on a coroutine of its own, on the connection's worker, so it may block in whatever it likes; with
    /// [`Backend::Threads`](crate::Backend::Threads), on an OS thread of its own. A bounded channel is between the two, so it goes no faster
    /// than the client reads. It starts once the head of the answer is on its way.
    ///
    /// If it returns an error, or panics, the connection breaks off, and the client sees the answer as incomplete.
    ///
    /// When the stream has ended, [`EventSender::send`] fails, and what `produce` waits for otherwise ends as for a cancelled
    /// [`CancelToken`](greenwood_runtime::CancelToken::run): I/O fails, other waits unwind. What must be done even so belongs in a destructor or in
    /// [`shield`](greenwood_runtime::shield). Nobody waits for it to come to its end.
    pub fn new<F>(produce: F) -> Sse
    where
        F: FnOnce(&EventSender) -> io::Result<()> + Send + 'static,
    {
        Sse { source: Source::Producer(Box::new(produce)), keep_alive: KEEP_ALIVE }
    }

    /// The events that come through a channel, until all its senders are gone. When the stream has ended, sending fails if this was the last
    /// receiver.
    ///
    /// Nothing runs but the connection's own coroutine (OS thread). A bounded channel makes its senders wait for a slow client, or lets
    /// them drop it with [`try_send`](greenwood_runtime::channel::Sender::try_send).
    ///
    /// ```
    /// use greenwood_http::Request;
    /// use greenwood_http::sse::{Event, Sse};
    /// use greenwood_runtime::channel::{Sender, bounded};
    /// use greenwood_runtime::sync::Mutex;
    ///
    /// static LISTENERS: Mutex<Vec<Sender<Event>>> = Mutex::new(Vec::new());
    ///
    /// fn listen(_: &mut Request<'_>) -> Sse {
    ///     let (sender, receiver) = bounded(100);
    ///     LISTENERS.lock().push(sender);
    ///     Sse::from_receiver(receiver)
    /// }
    ///
    /// /// Whoever has gone, or lags behind by 100 events, is let go.
    /// fn tell_all(text: &str) {
    ///     LISTENERS.lock().retain(|listener| listener.try_send(Event::message(text)).is_ok());
    /// }
    /// ```
    pub fn from_receiver(events: Receiver<Event>) -> Sse {
        Sse { source: Source::Receiver(events), keep_alive: KEEP_ALIVE }
    }

    /// Sets how long the stream may be silent before a comment goes out. [`Duration::MAX`] for never. Default 15 s.
    pub fn with_keep_alive(mut self, keep_alive: Duration) -> Sse {
        self.keep_alive = keep_alive;
        self
    }
}

impl IntoResponse for Sse {
    fn into_response(self) -> Response {
        let Sse { source, keep_alive } = self;
        let body = match source {
            Source::Receiver(events) => ResponseBody::from_writer(move |out| {
                stream::send(out, &events, keep_alive).map(drop)
            }),
            Source::Producer(produce) => {
                ResponseBody::from_writer(move |out| producer::serve(out, produce, keep_alive))
            }
        };
        Response::new(StatusCode::OK)
            .with_header(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))
            .with_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
            .with_header(BUFFERING, HeaderValue::from_static("no"))
            .with_body(body)
    }
}

/// The id of the last event that the client got before it lost its connection, from `Last-Event-ID`. `None` if there was none, or it is not
/// UTF-8.
///
/// The client says so, and may say anything: an id that was never given out, or one of another stream.
pub fn last_event_id<'r>(request: &'r Request<'_>) -> Option<&'r str> {
    let id = request.headers().get("last-event-id")?;
    std::str::from_utf8(id).ok().filter(|id| !id.is_empty())
}

impl fmt::Debug for Sse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sse").field("keep_alive", &self.keep_alive).finish_non_exhaustive()
    }
}
