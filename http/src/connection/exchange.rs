//! One request and its answer.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use greenwood_runtime::is_interruption;
use http::{Method, StatusCode, header};

use super::{Close, Connection, Next, last};
use crate::body::{BodyState, RequestBody};
use crate::observe::Observed;
use crate::request::{self, Framing as BodyFraming, Head, Request, Scan};
use crate::response::encode::{self, Framing};
use crate::response::{Content, IntoResponse, Response, send};

/// Empty lines that are skipped before a request: old clients send one after a body (RFC 9112 section 2.2), and one more does no
/// harm. Whoever sends more is no HTTP client.
const EMPTY_LINES: u8 = 2;

impl Connection<'_> {
    /// Answers the next request if it is here.
    #[inline]
    pub(super) fn answer(&mut self) -> io::Result<Next> {
        let limits = &self.service.limits;
        while self.skipped_lines < EMPTY_LINES && self.input.filled().starts_with(b"\r\n") {
            self.input.consume(2);
            self.skipped_lines += 1;
            // An empty line is no head, and its first byte did not begin one.
            (self.scan, self.head_deadline) = (Scan::default(), None);
        }
        let bytes = self.input.filled();
        if bytes.is_empty() || !self.scan.due(bytes, limits.head) {
            return Ok(Next::Receive);
        }
        let head = match request::parse(bytes, &mut self.fields, limits) {
            Ok(Some(head)) => head,
            Ok(None) => return Ok(Next::Receive),
            Err(error) => {
                self.refuse(error);
                return Ok(Next::Close(Close::Linger));
            }
        };
        let (len, version, mut keep_alive) = (head.len, head.version, head.keep_alive);
        let (asked_for_end, without_body) = (!keep_alive, head.framing == BodyFraming::Length(0));
        let is_head = head.method == Method::HEAD;
        let received = &bytes[len..];
        // A client that has sent part of the body already does not wait.
        let expects_continue = head.expects_continue && received.is_empty();
        let mut body = BodyState::new(head.framing, expects_continue, limits);

        let reader = RequestBody::new(&mut body, received, &mut self.transport);
        let mut request = Request::new(&head, reader, self.registration.link());
        let mut observed = Observed::begin(self.registration.link(), &head, &request);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let response = self.service.handler.handle(&mut request);
            // What is in there is not ours, and may panic even now.
            drop(request.take_extensions());
            response
        }));
        observed.handled(&mut request, &outcome);
        let refusal = if without_body { None } else { request.body.skip_arrived() };

        let response = match (outcome, refusal) {
            (Ok(response), None) if !response.status.is_informational() => response,
            (Ok(response), None) => switch_or_fail(response, &head, request.body.state),
            // Keeps what was said about the same error with more knowledge, as of a page from elsewhere.
            (Ok(response), Some(error)) if response.status == error.status() => response,
            (Ok(response), Some(error)) => {
                send::discard(response.body.0);
                error.into_response()
            }
            // Cancellation unwinds too, and must come through.
            (Err(payload), _) if is_interruption(&*payload) => resume_unwind(payload),
            (Err(_), _) => {
                keep_alive = false;
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        };
        drop(request);
        let more = body.has_more(received);
        let framing = Framing::of(response.status, response.body.len(), version);
        keep_alive &= framing != Framing::Close
            && (without_body || body.skippable(limits.drain))
            && !encode::wants_close(&response)
            && self.registration.count_request() < limits.requests
            // Requests that were received with this one are answered before a shutdown closes.
            && (more || !self.registration.stopping());

        let mark = self.transport.mark();
        let date = self.date.line(&self.service.date);
        encode::head(&mut self.transport.out, &response, framing, keep_alive, version, date);
        let head = self.transport.out.len() - mark.waiting();
        observed.answers(response.status, keep_alive, mark, head);
        let mut upgrade = None;
        // With any other status it is a body without bytes.
        let switches = response.status == StatusCode::SWITCHING_PROTOCOLS;
        let mut sent = match response.body.0 {
            Content::Upgrade(next) if switches => {
                upgrade = Some(next);
                Ok(())
            }
            content if framing.has_body() && !is_head => {
                send::body(&mut self.transport, content, framing)
            }
            content => {
                send::discard(content);
                Ok(())
            }
        };
        if let Err(error) = &sent {
            observed.fails(error);
            // As long as the client has nothing of this answer, it can have another.
            if self.transport.rewind(mark) {
                keep_alive = false;
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                let transport = &mut self.transport;
                let head = last(transport, date, status.into_response(), version, is_head);
                observed.answers(status, keep_alive, mark, head);
                sent = Ok(());
            }
        }
        observed.finish(&mut self.transport, sent)?;
        if let Some(next) = upgrade {
            self.use_up(len, &body);
            return Ok(Next::Upgrade(next));
        }
        if !keep_alive {
            // Whoever asks for the end sends nothing after that. Some very old clients send a line after a body, and those with TLS may say
            // their end in its terms.
            let secure = self.transport.link.stream.is_secure();
            let silent = asked_for_end && without_body && !more && !secure;
            return Ok(Next::Close(if silent { Close::Now } else { Close::Linger }));
        }
        if !without_body
            && !body.ended()
            && !RequestBody::new(&mut body, received, &mut self.transport).skip(limits.drain)
        {
            return Ok(Next::Close(Close::Linger));
        }
        self.use_up(len, &body);
        self.scan = Scan::default();
        self.skipped_lines = 0;
        self.head_deadline = None;
        Ok(Next::Request)
    }

    /// Leaves in the input what came behind the request.
    #[inline]
    fn use_up(&mut self, head: usize, body: &BodyState) {
        match body.rest() {
            (used, []) => self.input.consume(head + used),
            (_, later) => self.input.replace(later),
        }
    }
}

/// Lets the connection leave HTTP if the client has asked for it. Other interim statuses are no answer.
#[cold]
fn switch_or_fail(response: Response, head: &Head<'_>, body: &BodyState) -> Response {
    let protocol = response.header(&header::UPGRADE);
    let asked = protocol.is_some_and(|protocol| head.upgrades_to(protocol.as_bytes()));
    let switches = response.status == StatusCode::SWITCHING_PROTOCOLS
        && matches!(response.body.0, Content::Upgrade(_));
    // The rest of a body would be taken for the other protocol's first words.
    if switches && asked && body.ended() {
        response
    } else {
        send::discard(response.body.0);
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}
