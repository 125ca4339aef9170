//! An answer's head, as bytes.

use http::{StatusCode, Version, header};

use super::Response;
use super::fields::Media;
use crate::date::Line;

/// How an answer's body is marked off (RFC 9112 section 6.3, from the sender's side).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// The status does not allow a body, nor a length.
    None,
    Length(u64),
    Chunked,
    /// By the end of the connection: all that HTTP/1.0 has for an unknown length.
    Close,
}

impl Framing {
    pub(crate) fn of(status: StatusCode, length: Option<u64>, version: Version) -> Framing {
        match (status, length) {
            (
                StatusCode::SWITCHING_PROTOCOLS | StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED,
                _,
            ) => Framing::None,
            // RFC 9110 section 15.3.6: a 205 is without content, but must say so.
            (StatusCode::RESET_CONTENT, _) => Framing::Length(0),
            (_, Some(length)) => Framing::Length(length),
            (_, None) if version == Version::HTTP_10 => Framing::Close,
            (_, None) => Framing::Chunked,
        }
    }

    /// Whether the answer to anything but HEAD has body bytes.
    pub(crate) fn has_body(self) -> bool {
        !matches!(self, Framing::None | Framing::Length(0))
    }
}

/// Whether a handler wants the connection closed.
#[inline]
pub(crate) fn wants_close(response: &Response) -> bool {
    let connection = response.fields.others().filter(|(name, _)| **name == header::CONNECTION);
    connection
        .flat_map(|(_, value)| value.as_bytes().split(|&b| b == b','))
        .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
}

/// More than the lines of an answer that the server itself makes.
const USUAL: usize = 192;

/// Appends status line and fields, up to and with the empty line.
///
/// `keep_alive` is what happens, `version` the client's: each version has its own default, and only
/// the other case is said.
#[inline]
pub(crate) fn head(
    out: &mut Vec<u8>,
    response: &Response,
    framing: Framing,
    keep_alive: bool,
    version: Version,
    date: &Line,
) {
    // Once for all that follows.
    out.reserve(USUAL);
    if response.status == StatusCode::OK {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    } else {
        status(out, response.status);
    }
    // One by one, for the compiler to know how long each is.
    match response.fields.media() {
        None => {}
        Some(Media::Text) => out.extend_from_slice(Media::Text.line()),
        Some(Media::Html) => out.extend_from_slice(Media::Html.line()),
        Some(Media::Json) => out.extend_from_slice(Media::Json.line()),
        Some(Media::Bytes) => out.extend_from_slice(Media::Bytes.line()),
    }
    let mut dated = false;
    for (name, value) in response.fields.others() {
        if [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION].contains(name) {
            continue;
        }
        dated |= *name == header::DATE;
        field(out, name.as_str().as_bytes(), value.as_bytes());
    }
    if !dated {
        out.extend_from_slice(date);
    }
    match framing {
        Framing::Length(n) => {
            out.extend_from_slice(b"content-length: ");
            decimal(out, n);
        }
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::None | Framing::Close => {}
    }
    let switches = response.status == StatusCode::SWITCHING_PROTOCOLS;
    if !keep_alive || version == Version::HTTP_10 || switches {
        connection(out, response.status, keep_alive);
    }
    out.extend_from_slice(b"\r\n");
}

fn status(out: &mut Vec<u8>, status: StatusCode) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn connection(out: &mut Vec<u8>, status: StatusCode, keep_alive: bool) {
    let option: &[u8] = match status {
        StatusCode::SWITCHING_PROTOCOLS => b"upgrade",
        _ if keep_alive => b"keep-alive",
        _ => b"close",
    };
    field(out, b"connection", option);
}

fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Appends `n` and the end of the line, without going through `fmt`, which costs more than the rest of the head.
#[inline]
fn decimal(out: &mut Vec<u8>, mut n: u64) {
    let mut line = *b"00000000000000000000\r\n";
    let mut start = 20;
    loop {
        start -= 1;
        line[start] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&line[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::IntoResponse;
    use http::HeaderValue;

    const DATE: &Line = b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

    fn encoded(response: Response, framing: Framing, keep_alive: bool, version: Version) -> String {
        let mut out = Vec::new();
        head(&mut out, &response, framing, keep_alive, version, DATE);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn plain() {
        assert_eq!(
            encoded("hi".into_response(), Framing::Length(2), true, Version::HTTP_11),
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\n\
             date: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-length: 2\r\n\r\n"
        );
    }

    #[test]
    fn the_server_alone_frames() {
        let response = Response::new(StatusCode::from_u16(599).unwrap())
            .with_header(header::CONTENT_LENGTH, HeaderValue::from_static("7"))
            .with_header(header::TRANSFER_ENCODING, HeaderValue::from_static("gzip"))
            .with_header(header::CONNECTION, HeaderValue::from_static("x, Close"))
            .with_header(header::DATE, HeaderValue::from_static("mine"));
        assert!(wants_close(&response));
        assert_eq!(
            encoded(response, Framing::Chunked, false, Version::HTTP_11),
            "HTTP/1.1 599 \r\ndate: mine\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
        );
    }

    #[test]
    fn framing_follows_status_and_version() {
        let of = |status: u16, length, version| {
            Framing::of(StatusCode::from_u16(status).unwrap(), length, version)
        };
        assert_eq!(of(204, Some(3), Version::HTTP_11), Framing::None);
        assert_eq!(of(304, None, Version::HTTP_11), Framing::None);
        assert_eq!(of(205, Some(3), Version::HTTP_11), Framing::Length(0));
        assert_eq!(of(200, Some(3), Version::HTTP_10), Framing::Length(3));
        assert_eq!(of(200, None, Version::HTTP_11), Framing::Chunked);
        assert_eq!(of(200, None, Version::HTTP_10), Framing::Close);
    }

    #[test]
    fn decimals() {
        for n in [0, 9, 10, 1_234_567_890, u64::MAX] {
            let mut out = Vec::new();
            decimal(&mut out, n);
            assert_eq!(out, format!("{n}\r\n").as_bytes());
        }
    }
}
