//! The request target and the host: their forms (RFC 9112 section 3.2), and percent-decoding.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

use http::Method;

use super::fields::text;
use crate::error::RequestError;
use crate::syntax::{self, DIGIT, HOST};

/// A request target, in parts, all of ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    raw: &'a [u8],
    authority: Option<&'a [u8]>,
    path: &'a [u8],
    query: Option<&'a [u8]>,
}

impl<'a> Target<'a> {
    /// Takes origin-form, absolute-form, and for OPTIONS also asterisk-form. `raw` is not empty and holds nothing but what is
    /// taken in a target; its path has `end` bytes.
    ///
    /// Authority-form belongs to CONNECT, which is refused before.
    #[inline]
    pub(super) fn parse(
        raw: &'a [u8],
        end: usize,
        method: &Method,
    ) -> Result<Target<'a>, RequestError> {
        let query = raw.get(end + 1..);
        let path = &raw[..end];
        if path.first() == Some(&b'/') || raw == b"*" && *method == Method::OPTIONS {
            return Ok(Target { raw, authority: None, path, query });
        }
        Target::absolute(raw, path, query)
    }

    fn absolute(
        raw: &'a [u8],
        path: &'a [u8],
        query: Option<&'a [u8]>,
    ) -> Result<Target<'a>, RequestError> {
        let Some(rest) = strip_scheme(path) else {
            return Err(RequestError::Malformed("invalid form of the request target"));
        };
        let slash = rest.iter().position(|&b| b == b'/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(slash);
        if !is_host(authority) {
            return Err(RequestError::Malformed("invalid authority in the request target"));
        }
        let path = if path.is_empty() { b"/" } else { path };
        Ok(Target { raw, authority: Some(authority), path, query })
    }

    pub(crate) fn raw(&self) -> &'a str {
        text(self.raw)
    }

    pub(crate) fn authority(&self) -> Option<&'a str> {
        self.authority.map(text)
    }

    pub(crate) fn path(&self) -> &'a str {
        text(self.path)
    }

    pub(crate) fn query(&self) -> Option<&'a str> {
        self.query.map(text)
    }
}

fn strip_scheme(raw: &[u8]) -> Option<&[u8]> {
    let schemes = [&b"http://"[..], b"https://"];
    let scheme = schemes.into_iter().find(|scheme| {
        raw.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })?;
    raw.get(scheme.len()..)
}

/// Whether this is `uri-host [ ":" port ]` of RFC 9110 section 7.2, and names a host.
///
/// The grammar allows an empty host, which stands for a URI without one; but `http` and `https` have
/// no such URIs (RFC 9110 section 4.2). Userinfo (`user@host`) is not part of it: it has served to
/// make a name look like another. Nor are the address forms to come that RFC 3986 leaves room for
/// (`[v1.x]`): none has come.
#[inline]
pub(crate) fn is_host(value: &[u8]) -> bool {
    // Nearly all are this alone.
    let name = syntax::span(value, HOST);
    match value.get(name) {
        None => name > 0,
        Some(b':') if name > 0 => is_port(&value[name + 1..]),
        Some(b'%' | b'[') => is_rare_host(value),
        Some(_) => false,
    }
}

fn is_port(port: &[u8]) -> bool {
    syntax::span(port, DIGIT) == port.len()
}

#[cold]
fn is_rare_host(value: &[u8]) -> bool {
    let (valid, rest) = match value {
        [b'[', rest @ ..] => {
            let Some(end) = rest.iter().position(|&b| b == b']') else { return false };
            let address = std::str::from_utf8(&rest[..end]).ok().map(str::parse::<Ipv6Addr>);
            (matches!(address, Some(Ok(_))), &rest[end + 1..])
        }
        _ => {
            let rest = strip_name(value);
            (rest.len() < value.len(), rest)
        }
    };
    valid && (rest.is_empty() || rest.strip_prefix(b":").is_some_and(is_port))
}

/// What follows the longest `reg-name` (RFC 3986 section 3.2.2) at the start.
fn strip_name(mut value: &[u8]) -> &[u8] {
    loop {
        let end = syntax::span(value, HOST);
        match &value[end..] {
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                value = rest;
            }
            rest => return rest,
        }
    }
}

/// `s` with each `%xx` replaced by its byte; borrowed when there is none.
///
/// Split a path at its slashes *before* decoding, so that `%2F` stays part of a segment
/// (RFC 3986 section 2.2). A `+` stays a plus sign: it means a space in forms only.
///
/// # Errors
///
/// [`InvalidPercentEncoding`] when `%` is not followed by two hexadecimal digits, or the result is
/// not UTF-8.
///
/// ```
/// use greenwood_http::percent_decode;
///
/// assert_eq!(percent_decode("caf%C3%A9%2Fbar").unwrap(), "café/bar");
/// assert!(percent_decode("100%").is_err());
/// ```
pub fn percent_decode(s: &str) -> Result<Cow<'_, str>, InvalidPercentEncoding> {
    if !s.contains('%') {
        return Ok(Cow::Borrowed(s));
    }
    let hex = |b: Option<u8>| b.and_then(|b| (b as char).to_digit(16));
    let mut decoded = Vec::with_capacity(s.len());
    let mut bytes = s.bytes();
    while let Some(b) = bytes.next() {
        decoded.push(match b {
            b'%' => match (hex(bytes.next()), hex(bytes.next())) {
                (Some(high), Some(low)) => (high << 4 | low) as u8,
                _ => return Err(InvalidPercentEncoding(())),
            },
            b => b,
        });
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| InvalidPercentEncoding(()))
}

/// The error of [`percent_decode`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPercentEncoding(());

impl fmt::Display for InvalidPercentEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid percent-encoding")
    }
}

impl std::error::Error for InvalidPercentEncoding {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::PATH;

    fn parts(raw: &str) -> Option<(Option<&str>, &str, Option<&str>)> {
        let valid = syntax::span(raw.as_bytes(), syntax::TARGET) == raw.len();
        let end = syntax::span(raw.as_bytes(), PATH);
        let parsed = valid.then(|| Target::parse(raw.as_bytes(), end, &Method::GET).ok()).flatten();
        parsed.map(|t| (t.authority(), t.path(), t.query()))
    }

    #[test]
    fn forms() {
        assert_eq!(parts("/"), Some((None, "/", None)));
        assert_eq!(parts("/a/b?c=d?e"), Some((None, "/a/b", Some("c=d?e"))));
        assert_eq!(parts("//x"), Some((None, "//x", None)));
        assert_eq!(parts("http://h:1/p?q"), Some((Some("h:1"), "/p", Some("q"))));
        assert_eq!(parts("HTTPS://[::1]?q"), Some((Some("[::1]"), "/", Some("q"))));
        assert_eq!(parts("http://h"), Some((Some("h"), "/", None)));
        for bad in [
            "",
            "*",
            "a",
            "h:80",
            "ftp://h/",
            "http://",
            "http:///p",
            "http://u@h/",
            "/a#b",
            "/\u{e9}",
        ] {
            assert_eq!(parts(bad), None, "{bad}");
        }
        assert_eq!(Target::parse(b"*", 1, &Method::OPTIONS).unwrap().path(), "*");
    }

    #[test]
    fn hosts() {
        for good in [
            "a",
            "a.b:80",
            "a:",
            "127.0.0.1:8080",
            "[::1]",
            "[::1]:80",
            "[::ffff:1.2.3.4]",
            "a%20b",
            "%41%4a",
            "x,y",
            "_",
        ] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            ":80",
            "a b",
            "a/b",
            "u@h",
            "a:b",
            "a:1:2",
            "[::1",
            "[]",
            "[::1]x",
            "a\u{e9}",
            "a:+1",
            "[a]:1]",
            "\"a\"",
            "[a]",
            "[1.2.3.4]",
            "[fe80::1%25eth0]",
            "[v1.a]",
            "%",
            "a%4",
            "a%4x",
            "a%",
            "::1",
            "[[::1]]",
            "a,b c",
            "a\tb",
        ] {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn percent_decoding() {
        assert!(matches!(percent_decode("a+b"), Ok(Cow::Borrowed("a+b"))));
        assert_eq!(percent_decode("%41%2f%2F%00").unwrap(), "A//\0");
        for bad in ["%", "%4", "%4x", "%+4", "%ff", "%C3"] {
            assert!(percent_decode(bad).is_err(), "{bad}");
        }
    }
}
