//! From bytes to a request's head (RFC 9112 sections 3 and 5), in one pass that takes nothing but the grammar.
//!
//! Our own, where parsers for general use take what the grammar does not (bare line feeds, any byte in a target), and leave the rest
//! of the strictness to further passes, which cost more than the first. Two other parsers watch over it in the tests: see `reference`.

use http::{Method, Version};

use super::fields::{FieldSpan, Fields, Span, list};
use super::framing::{Framing, Notes, Semantics};
use super::target::Target;
use crate::error::RequestError;
use crate::limits::Limits;
use crate::syntax::{self, PATH, TARGET, TOKEN};

/// A complete head, borrowed from the bytes it was parsed from.
#[derive(Debug)]
pub(crate) struct Head<'a> {
    pub(crate) method: Method,
    pub(crate) target: Target<'a>,
    pub(crate) version: Version,
    pub(crate) fields: Fields<'a>,
    pub(crate) framing: Framing,
    /// Whether the client allows another request on the connection.
    pub(crate) keep_alive: bool,
    /// Whether the client waits for an interim answer before it sends the body.
    pub(crate) expects_continue: bool,
    /// How many bytes the head took.
    pub(crate) len: usize,
}

impl Head<'_> {
    /// Whether `Upgrade` lists `protocol`, and `Connection` says that it is meant for this server. The client of an HTTP/1.0 request
    /// may be a proxy that passed on what it did not know.
    pub(crate) fn upgrades_to(&self, protocol: &[u8]) -> bool {
        let lists = |name: &str, what: &[u8]| {
            let mut elements = self.fields.get_all(name).flat_map(list);
            elements.any(|element| element.eq_ignore_ascii_case(what))
        };
        self.version == Version::HTTP_11
            && lists("connection", b"upgrade")
            && lists("upgrade", protocol)
    }
}

/// Why there is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// More bytes are needed to tell.
    Unfinished,
    Refused(RequestError),
}

impl From<RequestError> for Stop {
    fn from(error: RequestError) -> Stop {
        Stop::Refused(error)
    }
}

const fn malformed<T>(what: &'static str) -> Result<T, Stop> {
    Err(Stop::Refused(RequestError::Malformed(what)))
}

/// Parses the head at the start of `bytes`; `None` when more bytes are needed to tell. Where the fields are goes to `spans`.
///
/// The result does not depend on how the bytes were cut, as long as a head that is complete comes
/// to this function at least once. The empty lines that a server should skip before a request
/// (RFC 9112 section 2.2) are for the caller to skip.
#[inline]
pub(crate) fn parse<'a>(
    bytes: &'a [u8],
    spans: &'a mut Vec<FieldSpan>,
    limits: &Limits,
) -> Result<Option<Head<'a>>, RequestError> {
    // What lies beyond the limit must not count, however much of it has come already.
    let limit = limits.head.min(Span::MAX);
    let bytes = &bytes[..bytes.len().min(limit)];
    match head(bytes, spans, limits) {
        Ok(head) => Ok(Some(head)),
        Err(Stop::Unfinished) if bytes.len() >= limit => Err(RequestError::HeadTooLarge),
        Err(Stop::Unfinished) => Ok(None),
        Err(Stop::Refused(error)) => Err(error),
    }
}

#[inline]
fn head<'a>(
    bytes: &'a [u8],
    spans: &'a mut Vec<FieldSpan>,
    limits: &Limits,
) -> Result<Head<'a>, Stop> {
    let (method, at) = method(bytes)?;
    let (raw, path, at) = target(bytes, at, limits.target)?;
    let (version, at) = version(bytes, at)?;
    let (notes, len) = fields(bytes, at, spans, limits.fields)?;
    if method == Method::CONNECT {
        return Err(Stop::Refused(RequestError::NotImplemented));
    }
    let target = Target::parse(raw, path, &method)?;
    let Semantics { framing, keep_alive, expects_continue } = notes.settle(version)?;
    let fields = Fields::new(bytes, spans);
    Ok(Head { method, target, version, fields, framing, keep_alive, expects_continue, len })
}

/// The method, and where the target starts.
#[inline]
fn method(bytes: &[u8]) -> Result<(Method, usize), Stop> {
    if bytes.starts_with(b"GET ") {
        return Ok((Method::GET, 4));
    }
    let end = syntax::span(bytes, TOKEN);
    match bytes.get(end) {
        None => Err(Stop::Unfinished),
        Some(b' ') if end > 0 => match Method::from_bytes(&bytes[..end]) {
            Ok(method) => Ok((method, end + 1)),
            Err(_) => malformed("invalid method"),
        },
        // The rest of an empty line, or one too many.
        Some(b'\r') if bytes == b"\r" => Err(Stop::Unfinished),
        Some(_) => malformed("malformed request line"),
    }
}

/// The target, how many bytes its path has, and where the version starts.
#[inline]
fn target(bytes: &[u8], at: usize, limit: usize) -> Result<(&[u8], usize, usize), Stop> {
    let rest = &bytes[at..];
    let path = syntax::span(rest, PATH);
    let len = match rest.get(path) {
        Some(b'?') => path + syntax::span(&rest[path..], TARGET),
        _ => path,
    };
    // Before what is wrong further on, which in another cut would not be here yet.
    if len > limit {
        return Err(Stop::Refused(RequestError::TargetTooLong));
    }
    match rest.get(len) {
        Some(b' ') if len > 0 => Ok((&rest[..len], path, at + len + 1)),
        None => Err(Stop::Unfinished),
        Some(_) => malformed("malformed request target"),
    }
}

/// The version, and where the fields start.
#[inline]
fn version(bytes: &[u8], at: usize) -> Result<(Version, usize), Stop> {
    const LEN: usize = b"HTTP/1.1\r\n".len();
    match bytes[at..].first_chunk::<LEN>() {
        Some(b"HTTP/1.1\r\n") => Ok((Version::HTTP_11, at + LEN)),
        Some(b"HTTP/1.0\r\n") => Ok((Version::HTTP_10, at + LEN)),
        other => other_version(&bytes[at..], other.is_some()),
    }
}

/// A higher minor version should be taken for 1.1 (RFC 9110 section 2.5). There is none, so whoever
/// sends one is after a difference between two parsers.
#[cold]
fn other_version<T>(rest: &[u8], complete: bool) -> Result<T, Stop> {
    match rest {
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor, b'\r', b'\n', ..]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(Stop::Refused(RequestError::UnsupportedVersion))
        }
        _ if complete || rest.contains(&b'\n') => malformed("malformed request line"),
        _ => Err(Stop::Unfinished),
    }
}

/// What the fields say about the message, and where they end.
#[inline]
fn fields<'a>(
    bytes: &'a [u8],
    mut at: usize,
    spans: &mut Vec<FieldSpan>,
    limit: usize,
) -> Result<(Notes<'a>, usize), Stop> {
    spans.clear();
    let mut notes = Notes::default();
    loop {
        let rest = &bytes[at..];
        let name = syntax::span(rest, TOKEN);
        match rest.get(name) {
            Some(b':') if name > 0 => {}
            Some(b'\r') if name == 0 => break,
            None => return Err(Stop::Unfinished),
            Some(_) => return malformed("malformed field name"),
        }
        if spans.len() == limit {
            return Err(Stop::Refused(RequestError::HeadTooLarge));
        }
        let mut start = name + 1;
        while let Some(b' ' | b'\t') = rest.get(start) {
            start += 1;
        }
        let end = start + syntax::text_span(&rest[start..]);
        match rest[end..] {
            [b'\r', b'\n', ..] => {}
            [] | [b'\r'] => return Err(Stop::Unfinished),
            _ => return malformed("invalid byte in a field"),
        }
        let mut trimmed = end;
        while trimmed > start && matches!(rest[trimmed - 1], b' ' | b'\t') {
            trimmed -= 1;
        }
        let value = Span::new(at + start, at + trimmed);
        spans.push(FieldSpan { name: Span::new(at, at + name), value });
        notes.take(&rest[..name], &rest[start..trimmed]);
        at += end + 2;
    }
    match bytes[at..] {
        [b'\r', b'\n', ..] => Ok((notes, at + 2)),
        [b'\r'] => Err(Stop::Unfinished),
        _ => malformed("bare carriage return"),
    }
}
