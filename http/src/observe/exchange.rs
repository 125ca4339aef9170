//! What observers learn of a request and its answer.

use std::any::Any;
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use greenwood_runtime::is_interruption;
use http::{Method, StatusCode, Version};

use super::{Connection, Observers};
use crate::connections::Link;
use crate::request::{Fields, Head, Request};
use crate::response::send::Panicked;
use crate::router::Matched;
use crate::transport::{Mark, Transport};

/// A request with what became of it, to an [`Observer`](super::Observer).
pub struct Exchange<'a> {
    head: &'a Head<'a>,
    link: &'a Link,
    matched: Matched,
    status: Option<StatusCode>,
    sent: u64,
    sent_head: u64,
    duration: Duration,
    complete: bool,
    keeps_alive: bool,
    outcome: Outcome,
}

/// How a handler has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// With an answer, whatever its status.
    Answered,
    /// Its time was over: [`time_limit`](crate::middleware::time_limit) has answered for it.
    TimedOut,
    /// Its client had gone: [`cancel_when_gone`](crate::middleware::cancel_when_gone) has answered for it.
    ClientGone,
    /// It has panicked, or what made the body has.
    Panicked,
    /// It was cancelled together with its connection, as at the end of the runtime.
    Cancelled,
}

impl<'a> Exchange<'a> {
    /// The connection.
    pub fn connection(&self) -> Connection<'a> {
        Connection::new(self.link)
    }

    /// The request's method.
    pub fn method(&self) -> &'a Method {
        &self.head.method
    }

    /// The request target as it was sent.
    pub fn target(&self) -> &'a str {
        self.head.target.raw()
    }

    /// The target's path, still percent-encoded.
    pub fn path(&self) -> &'a str {
        self.head.target.path()
    }

    /// The request's version. Answers are always HTTP/1.1.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The request's header fields.
    pub fn headers(&self) -> Fields<'a> {
        self.head.fields
    }

    /// The pattern of the route that a [`Router`](crate::Router) chose, if one did. See [`Request::route`].
    pub fn route(&self) -> Option<&str> {
        self.matched.pattern(self.path())
    }

    /// The status of the answer. `None` if the handler was cancelled.
    pub fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// How many bytes of the answer were written, with its head: before TLS, and without interim answers.
    pub fn bytes_sent(&self) -> u64 {
        self.sent
    }

    /// How many of them belong to the body, with what frames it: the sizes of its chunks.
    pub fn body_bytes_sent(&self) -> u64 {
        self.sent.saturating_sub(self.sent_head)
    }

    /// The time from when the request's head was here to when the last byte of the answer was written.
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// Whether all of the answer was written. What the client got of it is known to the client alone.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether the answer let the client send another request.
    pub fn keeps_alive(&self) -> bool {
        self.keeps_alive
    }

    /// How the handler has ended.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }
}

impl fmt::Debug for Exchange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("method", &self.head.method)
            .field("target", &self.target())
            .field("route", &self.route())
            .field("status", &self.status)
            .field("bytes_sent", &self.sent)
            .field("duration", &self.duration)
            .field("complete", &self.complete)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

/// An exchange under way, if there is somebody to tell of it.
pub(crate) struct Observed<'a>(Option<Underway<'a>>);

/// Observers are told when it goes, however that comes.
struct Underway<'a> {
    observers: &'a Observers,
    began: Instant,
    /// Where the answer starts, once there is one.
    mark: Option<Mark>,
    exchange: Exchange<'a>,
}

impl<'a> Observed<'a> {
    #[inline]
    pub(crate) fn begin(link: &'a Link, head: &'a Head<'a>, request: &Request<'_>) -> Observed<'a> {
        if link.service.observers.is_empty() {
            return Observed(None);
        }
        Observed::start(link, head, request)
    }

    /// All of the result is made here: one that is put together by the caller would be copied for nobody, too.
    #[inline(never)]
    fn start(link: &'a Link, head: &'a Head<'a>, request: &Request<'_>) -> Observed<'a> {
        let exchange = Exchange {
            head,
            link,
            matched: Matched::Nothing,
            status: None,
            sent: 0,
            sent_head: 0,
            duration: Duration::ZERO,
            complete: false,
            keeps_alive: false,
            outcome: Outcome::Cancelled,
        };
        let (observers, began) = (&link.service.observers, greenwood_runtime::now());
        observers.tell(|observer| observer.exchange_started(request));
        Observed(Some(Underway { observers, began, mark: None, exchange }))
    }

    /// The handler has ended.
    #[inline]
    pub(crate) fn handled<T>(
        &mut self,
        request: &mut Request<'_>,
        outcome: &Result<T, Box<dyn Any + Send>>,
    ) {
        if let Some(underway) = &mut self.0 {
            underway.exchange.matched = std::mem::take(&mut request.matched);
            underway.exchange.outcome = match outcome {
                Ok(_) => request.outcome,
                Err(payload) if is_interruption(&**payload) => Outcome::Cancelled,
                Err(_) => Outcome::Panicked,
            };
        }
    }

    /// An answer stands behind `mark`, with a head of so many bytes.
    #[inline]
    pub(crate) fn answers(
        &mut self,
        status: StatusCode,
        keeps_alive: bool,
        mark: Mark,
        head: usize,
    ) {
        if let Some(underway) = &mut self.0 {
            underway.mark = Some(mark);
            underway.exchange.status = Some(status);
            underway.exchange.keeps_alive = keeps_alive;
            underway.exchange.sent_head = head as u64;
        }
    }

    /// The body has failed.
    pub(crate) fn fails(&mut self, error: &io::Error) {
        let panicked = error.get_ref().is_some_and(|error| error.is::<Panicked>());
        if let Some(underway) = &mut self.0
            && panicked
        {
            underway.exchange.outcome = Outcome::Panicked;
        }
    }

    /// What is left of the answer is written, unless it has failed already. Suspends. Does nothing where nobody is told.
    ///
    /// # Errors
    ///
    /// That of `sent`, and those of writing.
    #[inline]
    pub(crate) fn finish(self, transport: &mut Transport, sent: io::Result<()>) -> io::Result<()> {
        match self.0 {
            Some(underway) => underway.finish(transport, sent),
            None => sent,
        }
    }
}

impl Underway<'_> {
    #[inline(never)]
    fn finish(mut self, transport: &mut Transport, sent: io::Result<()>) -> io::Result<()> {
        let sent = sent.and_then(|()| transport.flush());
        self.exchange.complete = sent.is_ok();
        self.exchange.sent = self.mark.map_or(0, |mark| transport.written_since(mark));
        sent
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        let now = greenwood_runtime::now();
        self.exchange.duration = now.saturating_duration_since(self.began);
        self.observers.tell(|observer| observer.exchange_finished(&self.exchange));
    }
}
