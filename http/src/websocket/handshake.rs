//! From a request to a WebSocket (RFC 6455 section 4.2).

use data_encoding::BASE64;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use sha1::{Digest, Sha1};

use super::{Config, Origins, WebSocket};
use crate::request::{Request, list};
use crate::response::{IntoResponse, Response};

/// What proves that the server speaks this protocol (section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const VERSION: HeaderValue = HeaderValue::from_static("13");
const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");

/// The answer to a request that asks for a WebSocket. After it was sent, `f` has the connection, on its coroutine (OS thread).
///
/// When `f` drops the WebSocket, that is closed: with 1000, or with 1011 if `f` panics. Nothing of the request is there any more by then: take
/// out of it what `f` needs before.
///
/// A request that asks for something else is answered 426, one whose fields are against the rules 400, and one from a page that may not
/// connect 403. `f` is not called then.
pub fn upgrade<F>(request: &Request<'_>, config: &Config, f: F) -> Response
where
    F: FnOnce(WebSocket) + Send + 'static,
{
    let Handshake { accept, protocol } = match Handshake::check(request, config) {
        Ok(handshake) => handshake,
        Err(refusal) => return refusal.into_response(),
    };
    let settings = config.into();
    let chosen = protocol.map(|value| (header::SEC_WEBSOCKET_PROTOCOL, value));
    let protocol = chosen.as_ref().and_then(|(_, p)| p.to_str().ok()).map(str::to_owned);
    let response = Response::upgrade(WEBSOCKET, move |connection| {
        f(WebSocket::new(connection, settings, protocol));
    })
    .with_header(header::SEC_WEBSOCKET_ACCEPT, accept);
    match chosen {
        Some((name, value)) => response.with_header(name, value),
        None => response,
    }
}

struct Handshake {
    accept: HeaderValue,
    protocol: Option<HeaderValue>,
}

impl Handshake {
    fn check(request: &Request<'_>, config: &Config) -> Result<Handshake, Refusal> {
        if *request.method() != Method::GET {
            return Err(Refusal::Method);
        }
        let version = only(request, &header::SEC_WEBSOCKET_VERSION);
        if !request.upgrades_to("websocket") || version != Some(VERSION.as_bytes()) {
            return Err(Refusal::Protocol);
        }
        let key = only(request, &header::SEC_WEBSOCKET_KEY);
        let accept = key.and_then(accept).ok_or(Refusal::Key)?;
        // What is left of it would be taken for frames.
        if !request.body.state.ended() {
            return Err(Refusal::Body);
        }
        if !may_connect(request, &config.origins) {
            return Err(Refusal::Origin);
        }
        let mut offered =
            request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL.as_str()).flat_map(list);
        let chosen = offered.find(|o| config.protocols.iter().any(|p| p.as_bytes() == *o));
        // A part of a field's value is valid as one.
        let protocol = chosen.and_then(|protocol| HeaderValue::from_bytes(protocol).ok());
        Ok(Handshake { accept, protocol })
    }
}

/// What keeps a request from becoming a WebSocket.
enum Refusal {
    Method,
    /// It asks for something else, or another version.
    Protocol,
    Key,
    Body,
    Origin,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Refusal::Method => StatusCode::METHOD_NOT_ALLOWED
                .into_response()
                .with_header(header::ALLOW, HeaderValue::from_static("GET")),
            Refusal::Protocol => StatusCode::UPGRADE_REQUIRED
                .into_response()
                .with_header(header::UPGRADE, WEBSOCKET)
                .with_header(header::SEC_WEBSOCKET_VERSION, VERSION),
            Refusal::Key => (StatusCode::BAD_REQUEST, "invalid Sec-WebSocket-Key").into_response(),
            Refusal::Body => (StatusCode::BAD_REQUEST, "a body with a handshake").into_response(),
            Refusal::Origin => (StatusCode::FORBIDDEN, "not from that page").into_response(),
        }
    }
}

/// The value of a field that must be there once.
fn only<'r>(request: &Request<'r>, name: &HeaderName) -> Option<&'r [u8]> {
    let mut values = request.headers().get_all(name.as_str());
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// What answers a valid key: one that stands for 16 bytes.
fn accept(key: &[u8]) -> Option<HeaderValue> {
    BASE64.decode(key).ok().filter(|bytes| bytes.len() == 16)?;
    let proof = BASE64.encode(&Sha1::new().chain_update(key).chain_update(GUID).finalize());
    HeaderValue::try_from(proof).ok()
}

fn may_connect(request: &Request<'_>, origins: &Origins) -> bool {
    match origins {
        Origins::Any => true,
        Origins::Same => !request.is_cross_origin(),
        Origins::Only(origins) => {
            let allowed = |origin: &[u8]| origins.iter().any(|o| o.as_bytes() == origin);
            request.headers().get_all("origin").all(allowed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        // The example of section 1.3.
        let proof = accept(b"dGhlIHNhbXBsZSBub25jZQ==").unwrap();
        assert_eq!(proof, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        for bad in [
            &b""[..],
            b"dGhlIHNhbXBsZSBub25jZQ",
            b"dGhlIHNhbXBsZSBub25jZR==",
            b"dGhlIHNhbXBsZSBub25j",
            b"dGhlIHNhbXBsZSBub25jZWE=",
            b"dGhlIHNhbXBsZSBub25jZ!==",
            b"\xff",
        ] {
            assert_eq!(accept(bad), None, "{}", bad.escape_ascii());
        }
    }
}
