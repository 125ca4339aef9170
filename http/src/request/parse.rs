//! From bytes to a request's head: `httparse`, and the strictness that it leaves to its callers.

use std::mem::MaybeUninit;

use http::{Method, Version};
use httparse::{Header, Status};

use super::fields::{Fields, list};
use super::framing::{Framing, Semantics};
use super::target::Target;
use crate::error::RequestError;
use crate::limits::Limits;

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

/// Parses the head at the start of `bytes`; `None` when more bytes are needed to tell.
///
/// The result does not depend on how the bytes were cut, as long as a head that is complete comes
/// to this function at least once. The empty lines that a server should skip before a request
/// (RFC 9112 section 2.2) are for the caller to skip.
pub(crate) fn parse<'h, 'b: 'h>(
    bytes: &'b [u8],
    fields: &'h mut [MaybeUninit<Header<'b>>],
    limits: &Limits,
) -> Result<Option<Head<'h>>, RequestError> {
    // What lies beyond the limit must not count, however much of it has come already.
    let bytes = &bytes[..bytes.len().min(limits.head)];
    // httparse takes any number of empty lines, and bare LF in them.
    if let [b'\r' | b'\n', rest @ ..] = bytes {
        return match (bytes[0], rest) {
            (b'\r', []) => Ok(None),
            _ => Err(RequestError::Malformed("empty request line")),
        };
    }
    let mut request = httparse::Request::new(&mut []);
    let max = limits.fields.min(fields.len());
    let len = match request.parse_with_uninit_headers(bytes, &mut fields[..max]) {
        Ok(Status::Complete(len)) => len,
        Ok(Status::Partial) => return unparsed(bytes, &request, None, limits),
        Err(error) => return unparsed(bytes, &request, Some(error), limits),
    };
    let (Some(method), Some(raw), Some(minor)) = (request.method, request.path, request.version)
    else {
        return Err(RequestError::Malformed("malformed request head"));
    };
    if raw.len() > limits.target {
        return Err(RequestError::TargetTooLong);
    }
    if !ends_lines_with_crlf(&bytes[..len], request.headers) {
        return Err(RequestError::Malformed("bare line feed"));
    }
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| RequestError::Malformed("invalid method"))?;
    if method == Method::CONNECT {
        return Err(RequestError::NotImplemented);
    }
    let target = Target::parse(raw, &method)?;
    let version = if minor == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
    let fields = Fields::new(request.headers);
    let Semantics { framing, keep_alive, expects_continue } = Semantics::of(&fields, version)?;
    Ok(Some(Head { method, target, version, fields, framing, keep_alive, expects_continue, len }))
}

/// httparse ends lines at a bare LF too. Who does and who does not then sees different fields.
///
/// It is enough to look at where the lines meet, since httparse takes LF nowhere else.
fn ends_lines_with_crlf(head: &[u8], fields: &[Header<'_>]) -> bool {
    let crlf_before = |at: usize| at >= 2 && head[at - 2] == b'\r';
    let start = head.as_ptr() as usize;
    fields.iter().all(|field| crlf_before(field.name.as_ptr() as usize - start))
        && head.ends_with(b"\r\n\r\n")
}

/// What becomes of a head that httparse did not finish: nothing yet, or a refusal.
#[cold]
fn unparsed<T>(
    bytes: &[u8],
    request: &httparse::Request<'_, '_>,
    error: Option<httparse::Error>,
    limits: &Limits,
) -> Result<Option<T>, RequestError> {
    // Before what is wrong further on, which in another cut would not be here yet.
    if request.method.is_some_and(|method| longest_target(bytes, method) > limits.target) {
        return Err(RequestError::TargetTooLong);
    }
    match error {
        Some(httparse::Error::Version) => match first_line(bytes) {
            Some(line) => Err(version_error(line)),
            None => unfinished(bytes, limits),
        },
        Some(httparse::Error::TooManyHeaders) => Err(RequestError::HeadTooLarge),
        Some(_) => Err(RequestError::Malformed("malformed request head")),
        None => unfinished(bytes, limits),
    }
}

fn unfinished<T>(bytes: &[u8], limits: &Limits) -> Result<Option<T>, RequestError> {
    if bytes.len() >= limits.head { Err(RequestError::HeadTooLarge) } else { Ok(None) }
}

/// Bytes after the method up to what can be no part of a target.
fn longest_target(bytes: &[u8], method: &str) -> usize {
    let target = bytes.get(method.len() + 1..).unwrap_or_default();
    target.iter().position(|b| *b <= b' ' || *b == 0x7f).unwrap_or(target.len())
}

/// httparse knows two versions and refuses others at their first wrong byte; which status that
/// deserves is only known when the line has ended.
///
/// A higher minor version should be taken for 1.1 (RFC 9110 section 2.5). There is none, so whoever
/// sends one is after a difference between two parsers.
fn version_error(line: &[u8]) -> RequestError {
    let version = line.strip_suffix(b"\r").unwrap_or(line).splitn(3, |&b| b == b' ').nth(2);
    match version {
        Some([b'H', b'T', b'T', b'P', b'/', major, b'.', minor])
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            RequestError::UnsupportedVersion
        }
        _ => RequestError::Malformed("malformed request line"),
    }
}

fn first_line(bytes: &[u8]) -> Option<&[u8]> {
    bytes.iter().position(|&b| b == b'\n').map(|end| &bytes[..end])
}
