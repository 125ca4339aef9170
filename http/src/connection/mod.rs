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
use crate::date::DateCache;
use crate::error::RequestError;
use crate::request::{FieldSpan, Scan};
use crate::response::encode::{self, Framing};
use crate::response::{IntoResponse, Response, send};
use crate::service::Service;
use crate::transport::{FLUSH_AT, Transport};
use crate::upgrade::Upgraded;
use receive::Received;

type Upgrade = Box<dyn FnOnce(Upgraded) + Send>;

/// Serves a new connection. Suspends.
pub(crate) fn begin(registration: Registration) {
    if registration.link().stream.establish(&registration.service().limits).is_ok() {
        run(registration);
    }
}

/// Serves until either side closes, or the connection has nothing to do: then it rests without a coroutine. Suspends.
fn run(registration: Registration) {
    let service = Arc::clone(registration.service());
    let mut connection = Connection::new(registration, &service);
    let end = connection.serve();
    let Connection { registration, input, fields, transport, .. } = connection;
    match end {
        Ok(End::Rest(deadline)) => {
            let out = transport.into_buffer();
            service.buffers.put(registration.link(), Spare { input, out, fields });
            rest::rest(registration, deadline);
        }
        Ok(End::Upgrade(next)) => {
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
    fn new(registration: Registration, service: &'s Service) -> Connection<'s> {
        let link = Arc::clone(registration.link());
        let Spare { input, out, fields } = service.buffers.take(&link);
        Connection {
            transport: Transport::new(link, out, service.limits.write_progress),
            registration,
            input,
            fields,
            date: DateCache::new(),
            scan: Scan::default(),
            skipped_lines: 0,
            head_deadline: None,
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
                        Received::End if begun => {
                            self.refuse(RequestError::Truncated);
                            self.transport.flush()?;
                            return Ok(End::Closed);
                        }
                        Received::Late if begun => {
                            self.refuse(RequestError::TimedOut);
                            return self.close();
                        }
                        Received::Nothing(deadline) => return Ok(End::Rest(deadline)),
                        Received::End | Received::Late => return Ok(End::Closed),
                    }
                }
            }
        }
    }

    /// Answers what is no valid request; the connection is to be closed then.
    fn refuse(&mut self, error: RequestError) {
        self.answer_last(error.into_response(), Version::HTTP_11);
    }

    /// Answers with bytes in memory, and says that the connection closes.
    #[cold]
    fn answer_last(&mut self, response: Response, version: Version) {
        let framing = Framing::of(response.status, response.body.len(), version);
        let date = self.date.line(&self.service.date);
        let out = &mut self.transport.out;
        encode::head(out, &response, framing, false, version, date);
        // Also when what is wrong came later, so that the client does not wait for, or misread, a body.
        if self.input.filled().starts_with(b"HEAD ") {
            return;
        }
        // Nothing is written yet, so nothing fails.
        let _ = send::body(&mut self.transport, response.body.0, framing);
    }
}
