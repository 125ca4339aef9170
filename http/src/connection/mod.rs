//! One connection: reads requests, has them answered, and decides whether another may follow.

mod close;
mod exchange;
mod receive;
mod rest;

use std::io;
use std::sync::Arc;
use std::time::Instant;

use http::Version;

use crate::buffer::{Buffer, Spare};
use crate::connections::Registration;
use crate::date::{self, DateCache};
use crate::error::RequestError;
use crate::observe::{self, CloseReason};
use crate::request::{FieldSpan, Scan};
use crate::response::encode::{self, Framing};
use crate::response::{IntoResponse, Response, send};
use crate::service::Service;
use crate::transport::{FLUSH_AT, Transport};
use crate::upgrade::Upgraded;
use receive::Received;
use rest::Idle;

type Upgrade = Box<dyn FnOnce(Upgraded) + Send>;

/// Serves a new connection. Suspends.
pub(crate) fn begin(mut registration: Registration) {
    let link = registration.link();
    match link.stream.establish(&link.service.limits) {
        Ok(()) => run(registration, None),
        Err(error) => {
            let connection = observe::Connection::new(link);
            link.service.observers.tell(|o| o.handshake_failed(&connection, &error));
            registration.closes(CloseReason::Handshake);
        }
    }
}

/// Serves until either side closes, or the connection has nothing to do: then it rests without a coroutine, from which it comes with `idle`.
/// Suspends.
fn run(registration: Registration, idle: Option<Idle>) {
    let service = Arc::clone(registration.service());
    let mut connection = Connection::new(registration, idle, &service);
    let end = connection.serve();
    let Connection { mut registration, input, fields, transport, skipped_lines, .. } = connection;
    match end {
        Ok(End::Rest(deadline)) => {
            let out = transport.into_buffer();
            service.buffers.put(registration.link(), Spare { input, out, fields });
            rest::rest(registration, Idle { deadline, skipped_lines });
        }
        Ok(End::Upgrade(next)) => {
            registration.closes(CloseReason::Upgraded);
            let early = input.filled().to_vec();
            drop((input, transport));
            next(Upgraded::new(registration, early, service.limits.write_progress));
        }
        end => {
            // An error means that the peer is gone or takes nothing, or that an answer is incomplete, which it is to see.
            if end.is_ok() {
                registration.link().stream.say_end();
            }
            let out = transport.into_buffer();
            service.buffers.put(registration.link(), Spare { input, out, fields });
        }
    }
}

struct Connection<'s> {
    // The transport's share of the socket goes before the registration, which closes it.
    transport: Transport,
    registration: Registration,
    input: Buffer,
    /// Where the fields of the request are.
    fields: Vec<FieldSpan>,
    date: DateCache,
    scan: Scan,
    /// Empty lines before this request that were skipped.
    skipped_lines: u8,
    /// Set once a head has begun and not come whole.
    head_deadline: Option<Instant>,
    /// When to close, of a connection that has rested and got no byte since.
    idle_deadline: Option<Instant>,
    service: &'s Service,
}

/// What comes after an attempt to answer.
enum Next {
    Request,
    Receive,
    Close(Close),
    Upgrade(Upgrade),
}

/// How a connection is closed.
enum Close {
    /// At once: the client sends nothing more.
    Now,
    /// When the client has had a chance to read the answer before it learns that what it sends goes nowhere.
    Linger,
}

/// How the work on a connection ends.
enum End {
    Closed,
    /// Nothing is under way. To be closed at the time given.
    Rest(Instant),
    /// It is no longer HTTP.
    Upgrade(Upgrade),
}

impl<'s> Connection<'s> {
    fn new(registration: Registration, idle: Option<Idle>, service: &'s Service) -> Connection<'s> {
        let link = Arc::clone(registration.link());
        let Spare { input, out, fields } = service.buffers.take(&link);
        Connection {
            transport: Transport::new(link, out, service.limits.write_progress),
            registration,
            input,
            fields,
            date: DateCache::new(),
            scan: Scan::default(),
            skipped_lines: idle.map_or(0, |idle| idle.skipped_lines),
            head_deadline: None,
            idle_deadline: idle.map(|idle| idle.deadline),
            service,
        }
    }

    fn serve(&mut self) -> io::Result<End> {
        loop {
            match self.answer()? {
                Next::Request if self.transport.out.len() < FLUSH_AT => {}
                Next::Request => self.transport.flush()?,
                Next::Close(Close::Linger) => return self.close(),
                Next::Close(Close::Now) => {
                    self.transport.flush()?;
                    self.registration.closes(CloseReason::Answered);
                    return Ok(End::Closed);
                }
                Next::Upgrade(next) => {
                    self.transport.flush()?;
                    return Ok(End::Upgrade(next));
                }
                Next::Receive => {
                    self.transport.flush()?;
                    let begun = !self.input.is_empty();
                    match self.receive()? {
                        Received::Bytes => {}
                        // A shutdown ends the input even if half a head is on its way, which is not the client's fault. Without an
                        // answer it can ask another server.
                        Received::End if begun && !self.registration.link().input_was_ended() => {
                            self.refuse(RequestError::Truncated);
                            self.transport.flush()?;
                            return Ok(End::Closed);
                        }
                        Received::Late if begun => {
                            self.refuse(RequestError::TimedOut);
                            return self.close();
                        }
                        Received::Nothing(deadline) => return Ok(End::Rest(deadline)),
                        Received::End => {
                            self.registration.closes(CloseReason::Client);
                            return Ok(End::Closed);
                        }
                        Received::Late => {
                            self.registration.closes(CloseReason::Idle);
                            return Ok(End::Closed);
                        }
                    }
                }
            }
        }
    }

    /// Answers what is no valid request; the connection is to be closed then.
    #[cold]
    fn refuse(&mut self, error: RequestError) {
        let connection = observe::Connection::new(self.registration.link());
        self.service.observers.tell(|observer| observer.request_refused(&connection, error));
        self.registration.closes(CloseReason::Refused);
        // Also when what is wrong came later, so that the client does not wait for, or misread, a body.
        let is_head = self.input.filled().starts_with(b"HEAD ");
        let Connection { transport, date, service, .. } = self;
        last(transport, date.line(&service.date), error.into_response(), Version::HTTP_11, is_head);
    }
}

/// Adds an answer with a body in memory, after which the connection closes. How long its head is.
#[cold]
fn last(
    transport: &mut Transport,
    date: &date::Line,
    response: Response,
    version: Version,
    is_head: bool,
) -> usize {
    let framing = Framing::of(response.status, response.body.len(), version);
    let start = transport.out.len();
    encode::head(&mut transport.out, &response, framing, false, version, date);
    let head = transport.out.len() - start;
    if !is_head {
        // Nothing is written yet, so nothing fails.
        let _ = send::body(transport, response.body.0, framing);
    }
    head
}
