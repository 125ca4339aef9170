//! One request: sent on, and answered with the server's answer.

use std::io::{ErrorKind, Read};

use greenwood::http::http::{HeaderValue, Method, StatusCode, header};
use greenwood::http::{IntoResponse, Request, Response, ResponseBody};

use crate::fields::{Framing, Incoming, NAME};
use crate::tunnel::tunnel;
use crate::upstream::head::{self, Head};
use crate::upstream::{Connection, Failure, Sent, Upstream};

/// How much of a request's body is held at a time.
const PIECE: usize = 32 * 1024;

pub fn forward(request: &mut Request<'_>, upstream: &Upstream) -> Response {
    match exchange(request, upstream) {
        Ok(response) => response,
        // The server knows what to say of it.
        Err(Failure::Client(error)) => error.into_response(),
        Err(failure) => {
            eprintln!("proxy: {} {}: {failure}", request.method(), request.path());
            failure.status().into_response()
        }
    }
}

fn exchange(request: &mut Request<'_>, upstream: &Upstream) -> Result<Response, Failure> {
    let incoming = Incoming::new(request);
    match incoming.max_forwards() {
        Some(0) if *request.method() == Method::TRACE => {
            return Ok(StatusCode::NOT_IMPLEMENTED.into_response());
        }
        Some(0) => return Ok(Response::new(StatusCode::OK)),
        _ => {}
    }
    let (framing, upgrade) = (incoming.framing, incoming.upgrade().is_some());
    let bytes = incoming.encode(upstream.to());
    let to_head = *request.method() == Method::HEAD;
    // Only what may be sent twice goes to a connection that may have been closed by now.
    let repeatable = framing == Framing::None && !upgrade && request.method().is_idempotent();
    if repeatable && let Some(mut connection) = upstream.reuse() {
        match ask(&mut connection, &bytes, to_head) {
            Err(Failure::Stale) => {}
            answered => {
                return respond(connection, answered?, upstream, to_head, upgrade, Sent::All);
            }
        }
    }
    let mut connection = upstream.connect()?;
    connection.send(&bytes)?;
    let sent = send_body(request, framing, &mut connection)?;
    let head = connection.receive_head(to_head)?;
    respond(connection, head, upstream, to_head, upgrade, sent)
}

fn ask(connection: &mut Connection, bytes: &[u8], to_head: bool) -> Result<Head, Failure> {
    connection.send(bytes)?;
    connection.receive_head(to_head)
}

/// Sends the body as it comes from the client.
fn send_body(
    request: &mut Request<'_>,
    framing: Framing,
    connection: &mut Connection,
) -> Result<Sent, Failure> {
    if framing == Framing::None {
        return Ok(Sent::All);
    }
    let mut piece = vec![0; PIECE];
    loop {
        let n = match request.body().read(&mut piece) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result.map_err(Failure::Client)?,
        };
        let sent = match (framing, n) {
            (Framing::Chunked, 0) => return connection.send_body(b"0\r\n\r\n"),
            (_, 0) => return Ok(Sent::All),
            (Framing::Chunked, n) => {
                let chunk = [format!("{n:x}\r\n").as_bytes(), &piece[..n], b"\r\n"].concat();
                connection.send_body(&chunk)?
            }
            (_, n) => connection.send_body(&piece[..n])?,
        };
        if sent == Sent::Refused {
            return Ok(sent);
        }
    }
}

fn respond(
    connection: Connection,
    head: Head,
    upstream: &Upstream,
    to_head: bool,
    upgrade: bool,
    sent: Sent,
) -> Result<Response, Failure> {
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return match head.upgrade {
            Some(protocol) if upgrade => {
                let switched = Response::upgrade(protocol, |client| tunnel(&client, connection));
                Ok(with_fields(switched, head.fields))
            }
            _ => Err(Failure::Invalid("a switch of protocols that nobody asked for")),
        };
    }
    let mut body = upstream.body(connection, &head);
    if sent == Sent::Refused {
        body.close_after();
    }
    let body = match (head.framing, head.length) {
        // For the sake of what it says of the length.
        (_, Some(length)) if to_head => ResponseBody::from_sized_reader(body, length),
        (head::Framing::Length(length), _) => ResponseBody::from_sized_reader(body, length),
        (head::Framing::None, _) if !to_head => ResponseBody::empty(),
        _ => ResponseBody::from_reader(body),
    };
    let response = Response::new(head.status).with_body(body);
    let via = HeaderValue::from_str(&format!("1.1 {NAME}")).expect("a name");
    Ok(with_fields(response, head.fields).with_added_header(header::VIA, via))
}

fn with_fields(
    response: Response,
    fields: Vec<(greenwood::http::http::HeaderName, HeaderValue)>,
) -> Response {
    fields
        .into_iter()
        .fold(response, |response, (name, value)| response.with_added_header(name, value))
}
