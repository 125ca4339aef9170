//! The head of the server's answer, parsed strictly: who reads it otherwise than the client will could be led to take a part of one answer
//! for another.

use greenwood::http::http::{HeaderName, HeaderValue, StatusCode};

use crate::fields::{HopByHop, number};

/// The longest head.
pub const MAX: usize = 64 * 1024;

const MAX_FIELDS: usize = 100;

/// How an answer's body is marked off (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    None,
    Length(u64),
    Chunked,
    /// By the end of the connection.
    Close,
}

#[derive(Debug)]
pub struct Head {
    pub status: StatusCode,
    /// Those that are passed on.
    pub fields: Vec<(HeaderName, HeaderValue)>,
    pub framing: Framing,
    /// The length that was announced, also where there is no body.
    pub length: Option<u64>,
    /// Whether the connection may be used again.
    pub keep_alive: bool,
    /// The protocol that a 101 goes on with.
    pub upgrade: Option<HeaderValue>,
}

/// The head at the start of `bytes`, with its length; `None` when more bytes are needed to tell. `to_head`: whether the request was a
/// HEAD, whose answer has no body.
pub fn parse(bytes: &[u8], to_head: bool) -> Result<Option<(Head, usize)>, &'static str> {
    let mut storage = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut storage);
    // httparse would skip empty lines.
    if matches!(bytes.first(), Some(b'\r' | b'\n')) {
        return Err("empty status line");
    }
    let len = match response.parse(bytes) {
        Ok(httparse::Status::Complete(len)) if len <= MAX => len,
        Ok(httparse::Status::Partial) if bytes.len() < MAX => return Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err("head too large"),
        Err(_) => return Err("malformed head"),
    };
    // Nor does it mind a line feed alone.
    if bytes[..len].windows(2).any(|pair| pair[1] == b'\n' && pair[0] != b'\r') {
        return Err("bare line feed in the head");
    }
    let (Some(minor), Some(code)) = (response.version, response.code) else {
        return Err("malformed status line");
    };
    let status = StatusCode::from_u16(code).map_err(|_| "invalid status")?;
    let values = |name: &'static str| {
        let named = response.headers.iter().filter(move |h| h.name.eq_ignore_ascii_case(name));
        named.map(|h| h.value)
    };
    let length = number(values("content-length")).map_err(|()| "invalid length")?;
    let codings: Vec<&[u8]> = values("transfer-encoding").collect();
    let chunked = match codings[..] {
        [] => false,
        [coding] if coding.eq_ignore_ascii_case(b"chunked") && minor == 1 => true,
        _ => return Err("unknown transfer coding"),
    };
    if chunked && length.is_some() {
        return Err("both a length and a transfer coding");
    }
    let bodiless = to_head || status.is_informational() || [204, 304].contains(&code);
    let framing = match length {
        _ if bodiless => Framing::None,
        _ if chunked => Framing::Chunked,
        Some(length) => Framing::Length(length),
        None => Framing::Close,
    };
    let hop_by_hop = HopByHop::new(values("connection"));
    let keep_alive = minor == 1 && !hop_by_hop.lists(b"close") && framing != Framing::Close;
    let upgrade = values("upgrade").next().and_then(|value| HeaderValue::from_bytes(value).ok());
    let mut fields = Vec::with_capacity(response.headers.len() + 1);
    for field in &*response.headers {
        if !hop_by_hop.contains(field.name) && !field.name.eq_ignore_ascii_case("content-length") {
            let name = field.name.parse().map_err(|_| "invalid field name")?;
            let value = HeaderValue::from_bytes(field.value).map_err(|_| "invalid field value")?;
            fields.push((name, value));
        }
    }
    Ok(Some((Head { status, fields, framing, length, keep_alive, upgrade }, len)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same however it is cut.
    fn head(text: &str, to_head: bool) -> Result<Head, &'static str> {
        let outcome = parse(text.as_bytes(), to_head);
        if outcome.is_ok() {
            for n in 0..text.len() {
                assert!(matches!(parse(&text.as_bytes()[..n], to_head), Ok(None)), "cut at {n}");
            }
        }
        outcome.map(|found| {
            let (head, len) = found.expect("complete");
            assert_eq!(len, text.len());
            head
        })
    }

    fn framing(fields: &str) -> Result<(Framing, bool), &'static str> {
        let head = head(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n"), false)?;
        Ok((head.framing, head.keep_alive))
    }

    #[test]
    fn framings() {
        assert_eq!(framing(""), Ok((Framing::Close, false)));
        assert_eq!(framing("Content-Length: 5\r\n"), Ok((Framing::Length(5), true)));
        assert_eq!(
            framing("Content-Length: 5\r\nContent-Length: 5\r\n"),
            Ok((Framing::Length(5), true))
        );
        assert_eq!(framing("Transfer-Encoding: Chunked\r\n"), Ok((Framing::Chunked, true)));
        assert_eq!(
            framing("Content-Length: 0\r\nConnection: x, Close\r\n"),
            Ok((Framing::Length(0), false))
        );
        for bad in [
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: 5, 5\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length : 5\r\n",
            " Content-Length: 5\r\n",
            "X: a\r\n b\r\n",
            "X: a\nY: b\r\n",
            "X: a\0\r\n",
            "X\r\n",
        ] {
            assert!(framing(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn status_lines() {
        let status =
            |line: &str| head(&format!("{line}\r\n\r\n"), false).map(|h| h.status.as_u16());
        assert_eq!(status("HTTP/1.1 299 Whatever they say"), Ok(299));
        assert_eq!(status("HTTP/1.0 200"), Ok(200));
        for bad in [
            "HTTP/2.0 200 OK",
            "HTTP/1.1 20 OK",
            "HTTP/1.1 2000 OK",
            "HTTP/1.1 099 OK",
            "200 OK",
            "\r\nHTTP/1.1 200 OK",
        ] {
            assert!(status(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn answers_without_a_body() {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        let found = head(text, true).unwrap();
        assert_eq!((found.framing, found.length, found.keep_alive), (Framing::None, Some(5), true));
        for status in ["100 Continue", "204 No Content", "304 Not Modified"] {
            let found = head(&format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\n"), false);
            assert_eq!(found.unwrap().framing, Framing::None);
        }
    }

    #[test]
    fn fields_that_are_passed_on() {
        let found = head(
            "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade, Secret\r\nSecret: 1\r\nSet-Cookie: a\r\n\
             Keep-Alive: 5\r\nset-cookie: b\r\nX: \u{e9}\r\n\r\n",
            false,
        )
        .unwrap();
        let names: Vec<_> = found.fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["set-cookie", "set-cookie", "x"]);
        assert_eq!(found.upgrade.unwrap(), "x");
    }

    #[test]
    fn sizes() {
        let fields = |n: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(n));
        assert!(parse(fields(MAX_FIELDS).as_bytes(), false).is_ok());
        assert_eq!(parse(fields(MAX_FIELDS + 1).as_bytes(), false).err(), Some("head too large"));
        let endless = format!("HTTP/1.1 200 OK\r\na: {}", "x".repeat(MAX));
        assert!(matches!(parse(&endless.as_bytes()[..MAX - 1], false), Ok(None)));
        assert_eq!(parse(endless.as_bytes(), false).err(), Some("head too large"));
    }
}
