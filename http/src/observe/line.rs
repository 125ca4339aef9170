//! A line of an access log, in the *combined* format.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use http::{Method, Version};

use crate::request::Fields;

/// What a line says. What is not known appears as `-`.
pub(crate) struct Line<'a> {
    pub(crate) peer: Option<SocketAddr>,
    /// An IMF-fixdate.
    pub(crate) date: &'a [u8],
    pub(crate) request: Option<RequestLine<'a>>,
    pub(crate) status: Option<u16>,
    /// The body's, in bytes.
    pub(crate) length: Option<u64>,
    pub(crate) took: Option<Duration>,
}

pub(crate) struct RequestLine<'a> {
    pub(crate) method: &'a Method,
    pub(crate) target: &'a str,
    pub(crate) version: Version,
    pub(crate) headers: Fields<'a>,
}

impl Line<'_> {
    /// Appends it, without an end. Everything that the client sent is escaped.
    pub(crate) fn write(&self, line: &mut String) {
        match self.peer {
            Some(peer) => {
                let _ = write!(line, "{}", peer.ip());
            }
            None => line.push('-'),
        }
        line.push_str(" - - [");
        timestamp(line, self.date);
        line.push_str("] \"");
        match &self.request {
            Some(request) => {
                let _ = write!(line, "{} ", request.method);
                escaped(line, request.target.as_bytes());
                let _ = write!(line, " {:?}", request.version);
            }
            None => line.push('-'),
        }
        line.push_str("\" ");
        number(line, self.status.map(u64::from));
        line.push(' ');
        number(line, self.length);
        for name in ["referer", "user-agent"] {
            let value = self.request.as_ref().and_then(|request| request.headers.get(name));
            line.push_str(" \"");
            escaped(line, value.unwrap_or(b"-"));
            line.push('"');
        }
        let _ = match self.took {
            Some(took) => write!(line, " {}.{:06}", took.as_secs(), took.subsec_micros()),
            None => write!(line, " -"),
        };
    }
}

fn number(line: &mut String, number: Option<u64>) {
    let _ = match number {
        Some(number) => write!(line, "{number}"),
        None => write!(line, "-"),
    };
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` as `06/Nov/1994:08:49:37 +0000`.
fn timestamp(line: &mut String, date: &[u8]) {
    let part = |start, end| {
        date.get(start..end).and_then(|part| std::str::from_utf8(part).ok()).unwrap_or_default()
    };
    let (day, month, year, time) = (part(5, 7), part(8, 11), part(12, 16), part(17, 25));
    let _ = write!(line, "{day}/{month}/{year}:{time} +0000");
}

fn escaped(line: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        match byte {
            b'"' | b'\\' | 0..b' ' | 0x7f.. => {
                let _ = write!(line, "\\x{byte:02x}");
            }
            _ => line.push(char::from(byte)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let mut line = String::new();
        timestamp(&mut line, b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(line, "06/Nov/1994:08:49:37 +0000");
    }

    #[test]
    fn every_byte_stays_within_its_field() {
        let mut line = String::new();
        escaped(&mut line, &(0..=255).collect::<Vec<u8>>());
        assert!(line.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"'));
        let mut line = String::new();
        escaped(&mut line, b"a \"\\\r\n\x7f\xff");
        assert_eq!(line, r"a \x22\x5c\x0d\x0a\x7f\xff");
    }

    #[test]
    fn nothing_is_known() {
        let line = Line {
            peer: None,
            date: b"Sun, 06 Nov 1994 08:49:37 GMT",
            request: None,
            status: None,
            length: None,
            took: None,
        };
        let mut written = String::new();
        line.write(&mut written);
        assert_eq!(written, r#"- - - [06/Nov/1994:08:49:37 +0000] "-" - - "-" "-" -"#);
    }
}
