//! What the fields say about the message itself: where it ends, and what follows it.
//!
//! Every doubt is an error. Request smuggling lives on two parties that resolve a doubt in
//! different ways (RFC 9112 section 11.2).

use http::Version;

use super::fields::list;
use super::target::is_host;
use crate::error::RequestError;
use crate::syntax::is_token;

/// How a request's body ends (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After this many bytes; 0 also when there is no body.
    Length(u64),
    Chunked,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Semantics {
    pub(crate) framing: Framing,
    pub(crate) keep_alive: bool,
    pub(crate) expects_continue: bool,
}

/// What was met so far.
#[derive(Debug, Default)]
pub(super) struct Notes<'a> {
    host: Option<&'a [u8]>,
    length: Option<&'a [u8]>,
    coding: Option<&'a [u8]>,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
    /// The first thing that is wrong. Told when the head is complete, and its grammar known to be right.
    error: Option<RequestError>,
}

impl<'a> Notes<'a> {
    /// Takes note of a field.
    #[inline]
    pub(super) fn take(&mut self, name: &'a [u8], value: &'a [u8]) {
        // The length is a cheap first question: most fields are none of these.
        match name.len() {
            4 if is(name, b"host") => once(&mut self.host, value, &mut self.error),
            6 if is(name, b"expect") => {
                self.expects_continue = value.eq_ignore_ascii_case(b"100-continue");
                if !self.expects_continue {
                    self.error.get_or_insert(RequestError::ExpectationFailed);
                }
            }
            10 if is(name, b"connection") => {
                for option in list(value) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            14 if is(name, b"content-length") => once(&mut self.length, value, &mut self.error),
            17 if is(name, b"transfer-encoding") => once(&mut self.coding, value, &mut self.error),
            _ => {}
        }
    }

    /// What all of it comes to.
    #[inline]
    pub(super) fn settle(self, version: Version) -> Result<Semantics, RequestError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let modern = version != Version::HTTP_10;
        match self.host {
            Some(host) if !is_host(host) => return Err(RequestError::Malformed("invalid host")),
            None if modern => return Err(RequestError::Malformed("missing host")),
            _ => {}
        }
        let framing = match (self.length, self.coding) {
            (None, None) => Framing::Length(0),
            (Some(length), None) => Framing::Length(content_length(length)?),
            (Some(_), Some(_)) => return Err(RequestError::Malformed("two body lengths")),
            // An old proxy may have passed on what it did not understand (section 6.1).
            (None, Some(_)) if !modern => {
                return Err(RequestError::Malformed("transfer coding in HTTP/1.0"));
            }
            (None, Some(coding)) => chunked(coding)?,
        };
        Ok(Semantics {
            framing,
            keep_alive: !self.close && (modern || self.keep_alive),
            // HTTP/1.0 does not know interim answers (RFC 9110 section 10.1.1).
            expects_continue: self.expects_continue && modern && framing != Framing::Length(0),
        })
    }
}

/// Whether `name` is `lower` in any case. Of a known length, this is a comparison or two of words; `lower` must be letters and `-`,
/// and `name` a token, of which no other byte becomes one of those.
fn is<const N: usize>(name: &[u8], lower: &[u8; N]) -> bool {
    let Ok(name) = <&[u8; N]>::try_from(name) else { return false };
    name.iter().zip(lower).fold(true, |same, (a, b)| same & (a | 0x20 == *b))
}

/// Fields that say where a message goes or ends must not come twice, not even with equal values.
#[inline]
fn once<'a>(slot: &mut Option<&'a [u8]>, value: &'a [u8], error: &mut Option<RequestError>) {
    if slot.replace(value).is_some() {
        error.get_or_insert(RequestError::Malformed("repeated field"));
    }
}

/// `1*DIGIT`. Not `str::parse`, which takes a plus sign.
fn content_length(value: &[u8]) -> Result<u64, RequestError> {
    const ERROR: RequestError = RequestError::Malformed("invalid content length");
    if value.is_empty() {
        return Err(ERROR);
    }
    value.iter().try_fold(0u64, |length, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0')).ok_or(ERROR)?;
        length.checked_mul(10).and_then(|length| length.checked_add(digit)).ok_or(ERROR)
    })
}

/// `chunked` and nothing else. Codings that are not implemented get the 501 of section 6.1;
/// `chunked` in another place than the last leaves no way to find the end.
fn chunked(value: &[u8]) -> Result<Framing, RequestError> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(Framing::Chunked);
    }
    let mut ended = false;
    for coding in list(value) {
        if ended {
            return Err(RequestError::Malformed("chunked is not the last transfer coding"));
        }
        let name = coding.split(|&b| b == b';').next().unwrap_or_default().trim_ascii_end();
        ended = name.eq_ignore_ascii_case(b"chunked");
        // `chunked` has no parameters (section 7.1).
        if name.is_empty() || !name.iter().all(|&b| is_token(b)) || ended && name != coding {
            return Err(RequestError::Malformed("invalid transfer coding"));
        }
    }
    // What is left: an empty list, `chunked` with stray commas, or a coding of another name.
    let foreign = list(value).any(|coding| !coding.eq_ignore_ascii_case(b"chunked"));
    Err(if foreign {
        RequestError::NotImplemented
    } else {
        RequestError::Malformed("invalid transfer coding")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(raw: &[(&str, &str)], version: Version) -> Result<Semantics, u16> {
        let mut notes = Notes::default();
        raw.iter().for_each(|(name, value)| notes.take(name.as_bytes(), value.as_bytes()));
        notes.settle(version).map_err(|e| e.status().as_u16())
    }

    fn framing(raw: &[(&str, &str)]) -> Result<Framing, u16> {
        let with_host: Vec<_> = [("Host", "h")].iter().chain(raw).copied().collect();
        of(&with_host, Version::HTTP_11).map(|s| s.framing)
    }

    #[test]
    fn content_lengths() {
        assert_eq!(framing(&[("content-LENGTH", "0042")]), Ok(Framing::Length(42)));
        assert_eq!(
            framing(&[("Content-Length", "18446744073709551615")]),
            Ok(Framing::Length(u64::MAX))
        );
        for bad in ["", "+3", "-3", "3,3", "3 3", "0x3", "3.0", "18446744073709551616", "\u{663}"] {
            assert_eq!(framing(&[("Content-Length", bad)]), Err(400), "{bad}");
        }
        assert_eq!(framing(&[("Content-Length", "3"), ("content-length", "3")]), Err(400));
    }

    #[test]
    fn transfer_codings() {
        assert_eq!(framing(&[("Transfer-Encoding", "Chunked")]), Ok(Framing::Chunked));
        for (value, status) in [
            ("gzip, chunked", 501),
            ("gzip", 501),
            ("identity", 501),
            ("xchunked", 501),
            ("gzip;q=1, chunked", 501),
            ("chunked, gzip", 400),
            ("chunked, chunked", 400),
            ("chunked,", 400),
            ("chunked;q=1", 400),
            ("\"chunked\"", 400),
            ("\u{b}chunked", 400),
            ("", 400),
        ] {
            assert_eq!(framing(&[("Transfer-Encoding", value)]), Err(status), "{value}");
        }
        let twice = [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")];
        assert_eq!(framing(&twice), Err(400));
        assert_eq!(framing(&[("Transfer-Encoding", "chunked"), ("Content-Length", "3")]), Err(400));
        let old = of(&[("Transfer-Encoding", "chunked")], Version::HTTP_10);
        assert_eq!(old, Err(400));
    }

    #[test]
    fn hosts() {
        assert_eq!(of(&[], Version::HTTP_11), Err(400));
        assert_eq!(of(&[("Host", "a"), ("host", "a")], Version::HTTP_11), Err(400));
        assert_eq!(of(&[("Host", "a b")], Version::HTTP_10), Err(400));
        assert!(of(&[], Version::HTTP_10).is_ok());
        assert_eq!(of(&[("Host", "")], Version::HTTP_11), Err(400));
        assert_eq!(of(&[("Host", "")], Version::HTTP_10), Err(400));
    }

    #[test]
    fn persistence() {
        let keeps = |connection, version| {
            of(&[("Host", "h"), ("Connection", connection)], version).unwrap().keep_alive
        };
        assert!(keeps("upgrade", Version::HTTP_11));
        assert!(!keeps("foo, Close", Version::HTTP_11));
        assert!(!keeps("foo", Version::HTTP_10));
        assert!(keeps("Keep-Alive", Version::HTTP_10));
        assert!(!keeps("keep-alive, close", Version::HTTP_10));
    }

    #[test]
    fn expectations() {
        let with = |expect, length, version| {
            of(&[("Host", "h"), ("Expect", expect), ("Content-Length", length)], version)
                .map(|s| s.expects_continue)
        };
        assert_eq!(with("100-Continue", "3", Version::HTTP_11), Ok(true));
        assert_eq!(with("100-continue", "0", Version::HTTP_11), Ok(false));
        assert_eq!(with("100-continue", "3", Version::HTTP_10), Ok(false));
        assert_eq!(with("tea", "3", Version::HTTP_11), Err(417));
    }
}
