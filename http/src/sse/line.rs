//! Text that fits into one line of a stream.

use std::borrow::Cow;
use std::fmt;

/// What an event's name or id can be: text without control characters, so also without line breaks, with which one field could bring
/// another along.
///
/// The standard forbids only NUL and line breaks in an id. But the browser sends it back as a header field's value, which allows none of
/// the others; and spaces at its ends do not survive that.
///
/// ```
/// use greenwood_http::sse::Line;
///
/// const JOINED: Line = Line::from_static("joined");
/// let number = Line::from(17u64);
/// assert!(Line::try_from("a\ndata: b").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line(Cow<'static, str>);

impl Line {
    /// A line that is known to be valid.
    ///
    /// # Panics
    ///
    /// If it is not; in a constant that is an error at compile time.
    pub const fn from_static(text: &'static str) -> Line {
        assert!(is_line(text.as_bytes()), "control characters in a line");
        Line(Cow::Borrowed(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Control characters beyond ASCII are no more than text to either format.
const fn is_line(bytes: &[u8]) -> bool {
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i].is_ascii_control() {
            return false;
        }
        i += 1;
    }
    true
}

impl TryFrom<String> for Line {
    type Error = InvalidLine;

    fn try_from(text: String) -> Result<Line, InvalidLine> {
        if is_line(text.as_bytes()) { Ok(Line(Cow::Owned(text))) } else { Err(InvalidLine) }
    }
}

impl TryFrom<&str> for Line {
    type Error = InvalidLine;

    fn try_from(text: &str) -> Result<Line, InvalidLine> {
        Line::try_from(text.to_owned())
    }
}

impl From<u64> for Line {
    fn from(number: u64) -> Line {
        Line(Cow::Owned(number.to_string()))
    }
}

/// The text has control characters, a line break perhaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidLine;

impl fmt::Display for InvalidLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("control characters in a line")
    }
}

impl std::error::Error for InvalidLine {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines() {
        for good in ["", "joined", " a b ", "é\u{2028}\u{85}", "data: x"] {
            assert_eq!(Line::try_from(good).unwrap().as_str(), good);
        }
        for bad in ["\n", "a\rb", "\0", "a\tb", "\u{7f}"] {
            assert_eq!(Line::try_from(bad), Err(InvalidLine), "{bad:?}");
        }
        assert_eq!(Line::from(u64::MAX).as_str(), "18446744073709551615");
    }

    #[test]
    #[should_panic(expected = "control characters")]
    fn a_constant_is_checked_too() {
        Line::from_static("a\nb");
    }
}
