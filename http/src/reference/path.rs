//! Percent-encoding (RFC 3986 section 2.1), and paths below a directory.

use crate::files::FilePath;
use crate::request::percent_decode;

/// Panics unless a path is decoded as it should be, and stays below its directory.
pub fn check_path(bytes: &[u8]) {
    let Ok(raw) = std::str::from_utf8(bytes) else { return };
    assert_eq!(percent_decode(raw).ok().as_deref(), decode(raw).as_deref(), "{raw:?}");
    let inner = raw.strip_prefix('/').unwrap_or(raw);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let segments: Option<Vec<String>> = inner.split('/').map(decode).collect();
    let expected = match segments {
        _ if inner.is_empty() && raw != "//" => Some(String::new()),
        Some(segments) if segments.iter().all(|segment| is_name(segment)) => {
            Some(segments.join("/"))
        }
        _ => None,
    };
    let found = FilePath::decode(raw).ok();
    assert_eq!(found.as_ref().map(FilePath::as_str), expected.as_deref(), "{raw:?}");
}

/// Whether a file can have this name, on any system.
fn is_name(segment: &str) -> bool {
    !["", ".", ".."].contains(&segment) && !segment.chars().any(|c| "/\\\0".contains(c))
}

pub(super) fn decode(raw: &str) -> Option<String> {
    let mut decoded = Vec::new();
    let mut rest = raw.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        decoded.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(decoded).ok()
}
