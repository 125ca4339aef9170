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
/// to this function at least once. The one empty line that a server should skip before a request
/// (RFC 9112 section 2.2) is for the caller to skip.
pub(crate) fn parse<'h, 'b: 'h>(
    bytes: &'b [u8],
    fields: &'h mut [MaybeUninit<Header<'b>>],
    limits: &Limits,
) -> Result<Option<Head<'h>>, RequestError> {
    let mut request = httparse::Request::new(&mut []);
    let max = limits.fields.min(fields.len());
    let len = match request.parse_with_uninit_headers(bytes, &mut fields[..max]) {
        // httparse takes any number of empty lines, and bare LF in them.
        _ if matches!(bytes, [b'\n', ..] | [b'\r', _, ..]) => {
            return Err(RequestError::Malformed("empty request line"));
        }
        Ok(Status::Complete(len)) => len,
        Ok(Status::Partial) => return partial(bytes, limits).map(|()| None),
        Err(httparse::Error::TooManyHeaders) => return Err(RequestError::HeadTooLarge),
        Err(httparse::Error::Version) => return version_error(bytes, limits).map(|()| None),
        Err(_) => return Err(RequestError::Malformed("malformed request head")),
    };
    let (Some(method), Some(raw), Some(minor)) = (request.method, request.path, request.version)
    else {
        return Err(RequestError::Malformed("malformed request head"));
    };
    if raw.len() > limits.target {
        return Err(RequestError::TargetTooLong);
    }
    if len > limits.head {
        return Err(RequestError::HeadTooLarge);
    }
    // httparse ends lines at a bare LF too. Who does and who does not then sees different fields.
    let bare =
        bytes[..len].windows(2).fold(false, |bad, w| bad | ((w[1] == b'\n') & (w[0] != b'\r')));
    if bare {
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

/// Whether an incomplete head may still become one within the limits.
fn partial(bytes: &[u8], limits: &Limits) -> Result<(), RequestError> {
    let line = first_line(bytes).unwrap_or(bytes);
    let target = line.split(|&b| b == b' ').nth(1).unwrap_or(b"");
    if target.len() > limits.target {
        return Err(RequestError::TargetTooLong);
    }
    if bytes.len() >= limits.head { Err(RequestError::HeadTooLarge) } else { Ok(()) }
}

/// httparse knows two versions and refuses others at their first wrong byte; which status that
/// deserves is only known when the line has ended.
fn version_error(bytes: &[u8], limits: &Limits) -> Result<(), RequestError> {
    let Some(line) = first_line(bytes) else { return partial(bytes, limits) };
    let version = line.strip_suffix(b"\r").unwrap_or(line).split(|&b| b == b' ').nth(2);
    match version {
        Some([b'H', b'T', b'T', b'P', b'/', major, b'.', minor])
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(RequestError::UnsupportedVersion)
        }
        _ => Err(RequestError::Malformed("malformed request line")),
    }
}

fn first_line(bytes: &[u8]) -> Option<&[u8]> {
    bytes.iter().position(|&b| b == b'\n').map(|end| &bytes[..end])
}
