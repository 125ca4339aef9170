//! One connection: reads requests, has them answered, and decides whether another may follow.

use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenwood_runtime::{is_interruption, readiness};
use http::{Method, StatusCode, Version, header};

use crate::body::{BodyState, RequestBody};
use crate::buffer::{self, Buffer};
use crate::connections::Registration;
use crate::date::DateCache;
use crate::error::RequestError;
use crate::handler::Handler;
use crate::limits::{Limits, MAX_FIELDS};
use crate::request::{self, Request, Scan};
use crate::response::encode::{self, Framing as ResponseFraming};
use crate::response::{Content, IntoResponse, Response, send};
use crate::transport::{FLUSH_AT, Transport};
use crate::upgrade::Upgraded;

/// How long an idle connection keeps its buffers, and with them its next request's speed.
const WARM: Duration = Duration::from_secs(1);

/// Empty lines that are skipped before a request: old clients send one after a body (RFC 9112 section 2.2), and one more does no
/// harm. Whoever sends more is no HTTP client.
const EMPTY_LINES: u8 = 2;

/// How long a closed connection still takes what the peer sends. Closing with bytes unread would
/// make the kernel send a reset, which can overtake and destroy the last answer (RFC 9112 section
/// 9.6).
const LINGER: Duration = Duration::from_secs(2);

/// Serves until either side closes. Suspends.
pub(crate) fn run(registration: Registration, limits: &Limits, handler: &dyn Handler) {
    let link = Arc::clone(registration.link());
    let transport = Transport::new(link, limits.write_progress);
    let mut connection = Connection {
        transport,
        input: Buffer::default(),
        date: DateCache::new(),
        scan: Scan::default(),
        skipped_lines: 0,
        head_deadline: None,
        registration,
        limits,
        handler,
    };
    match connection.serve() {
        Ok(Some(next)) => {
            let early = connection.input.filled().to_vec();
            let Connection { registration, transport, .. } = connection;
            drop(transport);
            next(Upgraded::new(registration, early, limits.write_progress));
        }
        // An error means that the peer is gone or takes nothing: there is nobody to tell.
        Ok(None) | Err(_) => {}
    }
}

type Upgrade = Box<dyn FnOnce(Upgraded) + Send>;

struct Connection<'s> {
    // The transport's share of the socket goes before the registration, which closes it.
    transport: Transport,
    registration: Registration,
    input: Buffer,
    date: DateCache,
    scan: Scan,
    /// Empty lines before this request that were skipped.
    skipped_lines: u8,
    /// Set once a head has begun and not come whole.
    head_deadline: Option<Instant>,
    limits: &'s Limits,
    handler: &'s dyn Handler,
}

/// What comes after an attempt to answer.
enum Next {
    Request,
    Receive,
    Close,
    Upgrade(Upgrade),
}

enum Received {
    Bytes,
    /// The peer has ended its half.
    End,
    /// The time is up.
    Late,
}

impl Connection<'_> {
    /// Until the connection ends, or is no longer HTTP.
    fn serve(&mut self) -> io::Result<Option<Upgrade>> {
        loop {
            match self.answer()? {
                Next::Request if self.transport.out.len() < FLUSH_AT => {}
                Next::Request => self.transport.flush()?,
                Next::Close => return self.close().map(|()| None),
                Next::Upgrade(next) => return self.transport.flush().map(|()| Some(next)),
                Next::Receive => {
                    self.transport.flush()?;
                    let begun = !self.input.is_empty();
                    match self.receive()? {
                        Received::Bytes => {}
                        Received::End if begun => {
                            self.refuse(RequestError::Truncated);
                            return self.transport.flush().map(|()| None);
                        }
                        Received::Late if begun => {
                            self.refuse(RequestError::TimedOut);
                            return self.close().map(|()| None);
                        }
                        Received::End | Received::Late => return Ok(None),
                    }
                }
            }
        }
    }

    /// Answers the next request if it is here.
    fn answer(&mut self) -> io::Result<Next> {
        while self.skipped_lines < EMPTY_LINES && self.input.filled().starts_with(b"\r\n") {
            self.input.consume(2);
            self.skipped_lines += 1;
            // An empty line is no head, and its first byte did not begin one.
            (self.scan, self.head_deadline) = (Scan::default(), None);
        }
        let bytes = self.input.filled();
        if bytes.is_empty() || !self.scan.due(bytes, self.limits.head) {
            return Ok(Next::Receive);
        }
        let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
        let head = match request::parse(bytes, &mut fields, self.limits) {
            Ok(Some(head)) => head,
            Ok(None) => return Ok(Next::Receive),
            Err(error) => {
                self.refuse(error);
                return Ok(Next::Close);
            }
        };
        let (len, version, mut keep_alive) = (head.len, head.version, head.keep_alive);
        let is_head = head.method == Method::HEAD;
        let received = &bytes[len..];
        // A client that has sent part of the body already does not wait.
        let expects_continue = head.expects_continue && received.is_empty();
        let state = BodyState::new(head.framing, expects_continue, self.limits);

        let body = RequestBody::new(state, received, &mut self.transport);
        let mut request = Request::new(head, body, self.registration.link().peer);
        let outcome = catch_unwind(AssertUnwindSafe(|| self.handler.handle(&mut request)));
        let mut body = request.body;
        let refusal = body.state.refusal();
        body.skip_arrived();
        let mut state = body.state;

        let response = match (outcome, refusal) {
            // Cancellation unwinds too, and must come through.
            (Err(payload), _) if is_interruption(&*payload) => resume_unwind(payload),
            (Err(_), _) => {
                keep_alive = false;
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
            // Keeps what was said about the same error with more knowledge, as of a page from elsewhere.
            (Ok(response), Some(error)) if response.status == error.status() => response,
            (Ok(_), Some(error)) => error.into_response(),
            (Ok(response), None) if is_upgrade(&response) => {
                let protocol = response.header(&header::UPGRADE);
                let asked = protocol.is_some_and(|p| request.head.upgrades_to(p.as_bytes()));
                // The rest of a body would be taken for the other protocol's first words.
                if asked && state.ended() {
                    response
                } else {
                    StatusCode::INTERNAL_SERVER_ERROR.into_response()
                }
            }
            (Ok(response), None) if response.status.is_informational() => {
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
            (Ok(response), None) => response,
        };
        let (used, later) = state.rest();
        let more = used < received.len() || !later.is_empty();
        let framing = ResponseFraming::of(response.status, response.body.len(), version);
        keep_alive &= framing != ResponseFraming::Close
            && state.skippable(self.limits.drain)
            && !encode::wants_close(&response)
            // Requests that were received with this one are answered before a shutdown closes.
            && (more || !self.registration.stopping());

        let out = &mut self.transport.out;
        encode::head(out, &response, framing, keep_alive, version, self.date.now());
        if let Content::Upgrade(next) = response.body.0 {
            self.use_up(len, &state);
            return Ok(Next::Upgrade(next));
        }
        if framing.has_body() && !is_head {
            send::body(&mut self.transport, response.body.0, framing)?;
        }
        if !keep_alive {
            return Ok(Next::Close);
        }
        if !state.ended() {
            let mut body = RequestBody::new(state, received, &mut self.transport);
            if !body.skip(self.limits.drain) {
                return Ok(Next::Close);
            }
            state = body.state;
        }
        self.use_up(len, &state);
        self.scan = Scan::default();
        self.skipped_lines = 0;
        self.head_deadline = None;
        Ok(Next::Request)
    }

    /// Leaves in the input what came behind the request.
    fn use_up(&mut self, head: usize, body: &BodyState) {
        match body.rest() {
            (used, []) => self.input.consume(head + used),
            (_, later) => self.input.replace(later),
        }
    }

    /// Answers what is no valid request; the connection is to be closed then.
    fn refuse(&mut self, error: RequestError) {
        let response = error.into_response();
        let framing = ResponseFraming::of(response.status, response.body.len(), Version::HTTP_11);
        let out = &mut self.transport.out;
        encode::head(out, &response, framing, false, Version::HTTP_11, self.date.now());
        // Also when what is wrong came later, so that the client does not wait for, or misread, a body.
        if self.input.filled().starts_with(b"HEAD ") {
            return;
        }
        // Bytes in memory: nothing is written yet, so nothing fails.
        let _ = send::body(&mut self.transport, response.body.0, framing);
    }

    /// Reads more: the rest of a head by its deadline, or whatever comes next.
    fn receive(&mut self) -> io::Result<Received> {
        if self.input.is_empty() {
            self.registration.set_idle();
            let received = self.wait_for_request();
            self.registration.set_busy();
            return received;
        }
        let limit = self.limits.head_deadline;
        let deadline = *self.head_deadline.get_or_insert_with(|| greenwood_runtime::now() + limit);
        match deadline.checked_duration_since(greenwood_runtime::now()) {
            None | Some(Duration::ZERO) => Ok(Received::Late),
            Some(left) => self.read(left),
        }
    }

    /// Waits with buffers at first and then without. Both times by the clock of the socket, so
    /// that a busy connection pays for no timer and no system call but its reads.
    fn wait_for_request(&mut self) -> io::Result<Received> {
        self.input.release(buffer::INITIAL);
        self.transport.release(false);
        let warm = self.limits.idle.min(WARM);
        let mut deadline = None;
        loop {
            match self.read(warm)? {
                Received::Late => {}
                received => return Ok(received),
            }
            self.input.release(0);
            self.transport.release(true);
            let now = greenwood_runtime::now();
            let deadline = *deadline.get_or_insert_with(|| now + (self.limits.idle - warm));
            let left = deadline.saturating_duration_since(now);
            if left.is_zero() {
                return Ok(Received::Late);
            }
            let stream = self.transport.link.stream.as_fd();
            match readiness::wait_readable(stream, Some(left)) {
                Err(e) if e.kind() != ErrorKind::Interrupted && !is_late(&e) => return Err(e),
                _ => {}
            }
        }
    }

    fn read(&mut self, timeout: Duration) -> io::Result<Received> {
        match self.transport.read(self.input.spare(), timeout) {
            Ok(0) => Ok(Received::End),
            Ok(n) => {
                self.input.commit(n);
                Ok(Received::Bytes)
            }
            Err(e) if is_late(&e) => Ok(Received::Late),
            Err(e) => Err(e),
        }
    }

    /// Closes such that the peer gets the last answer even if it is still sending.
    fn close(&mut self) -> io::Result<()> {
        self.transport.flush()?;
        self.transport.link.stream.shutdown(Shutdown::Write)?;
        self.registration.set_idle();
        let deadline = greenwood_runtime::now() + LINGER;
        let mut left = self.limits.drain;
        let mut sink = [0; 1024];
        while let Some(time) = deadline.checked_duration_since(greenwood_runtime::now()) {
            match self.transport.read(&mut sink, time)? {
                n if n > 0 && n as u64 <= left => left -= n as u64,
                _ => break,
            }
        }
        Ok(())
    }
}

/// Whether the connection leaves HTTP after this answer, which only the body can make it do.
fn is_upgrade(response: &Response) -> bool {
    response.status == StatusCode::SWITCHING_PROTOCOLS
        && matches!(response.body.0, Content::Upgrade(_))
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
