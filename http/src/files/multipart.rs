//! Several ranges in one answer: `multipart/byteranges` (RFC 9110 section 14.6).

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::Arc;

use http::HeaderValue;

use crate::response::{FileBody, Part};

/// The value of `Content-Range` for a part of `length` bytes.
pub(super) fn content_range(range: &Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", range.start, range.end - 1)
}

/// The body, and its media type.
pub(super) fn body(
    file: Arc<File>,
    ranges: Vec<Range<u64>>,
    length: u64,
    media_type: &HeaderValue,
) -> (FileBody, HeaderValue) {
    let boundary = boundary();
    let mut parts = Vec::with_capacity(ranges.len());
    for range in ranges {
        let line_break = if parts.is_empty() { "" } else { "\r\n" };
        let mut head = format!("{line_break}--{boundary}\r\ncontent-type: ").into_bytes();
        head.extend_from_slice(media_type.as_bytes());
        let range_field = content_range(&range, length);
        head.extend_from_slice(format!("\r\ncontent-range: {range_field}\r\n\r\n").as_bytes());
        parts.push(Part { head, range });
    }
    let tail = format!("\r\n--{boundary}--\r\n").into_bytes();
    let media_type = format!("multipart/byteranges; boundary={boundary}");
    let media_type = HeaderValue::try_from(media_type).expect("letters and digits");
    (FileBody { file, parts, tail }, media_type)
}

/// A line that no file holds but by guessing 128 bits: whoever wrote the file must not be able to end a part early.
fn boundary() -> String {
    // The standard library keys its hashes from the system's random numbers.
    let random = || RandomState::new().hash_one(());
    format!("{:016x}{:016x}", random(), random())
}
