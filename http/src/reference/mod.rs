//! Second parsers, written naively and from the grammars alone, and what they and the real ones must agree on.
//!
//! They share no code with what they check, and take the whole input at once where that takes it in pieces. Tests compare them on
//! messages that are nearly valid, fuzz targets on whatever a fuzzer comes up with.

mod agree;
mod body;
mod head;
mod host;
#[cfg(test)]
mod near;
mod path;
mod range;
mod router;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod tests;

pub use agree::{check_chunked, check_head};
pub use path::check_path;
pub use range::check_range;
pub use router::check_router;

/// What a reference parser makes of the bytes so far.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict<T> {
    /// There must be more.
    Incomplete,
    Complete(T),
    /// Against the rules: the status of each that was broken. Which of them is told first is not a matter of grammar.
    Refused(Vec<u16>),
}

/// `tchar` of RFC 9110 section 5.6.2.
fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// `token` of RFC 9110 section 5.6.2.
fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().copied().all(is_tchar)
}

/// `HTAB / SP / VCHAR / obs-text`, of which `field-value` and `quoted-string` are made (RFC 9110 sections 5.5 and 5.6.4).
fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\t' | b' ' | 0x21..=0x7e | 0x80..=0xff))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    (0..bytes.len()).find(|&at| bytes[at..].starts_with(what))
}

/// Apart at each `what`.
fn split<'a>(bytes: &'a [u8], what: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while let Some(at) = find(rest, what) {
        parts.push(&rest[..at]);
        rest = &rest[at + what.len()..];
    }
    parts.push(rest);
    parts
}

/// Without `OWS` at both ends.
fn strip(mut bytes: &[u8]) -> &[u8] {
    while let Some((b' ' | b'\t', rest)) = bytes.split_first() {
        bytes = rest;
    }
    while let Some((b' ' | b'\t', rest)) = bytes.split_last() {
        bytes = rest;
    }
    bytes
}

/// The elements of a list (RFC 9110 section 5.6.1.2).
fn elements(value: &[u8]) -> Vec<String> {
    let lower = |element: &[u8]| String::from_utf8_lossy(strip(element)).to_ascii_lowercase();
    split(value, b",").into_iter().map(lower).filter(|element| !element.is_empty()).collect()
}
