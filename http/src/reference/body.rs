//! A chunked body, by RFC 9112 section 7.1.

use super::{Verdict, find, is_text, is_token};

/// What one body may hold beside its data.
const OVERHEAD: usize = 16 * 1024;

/// The data up to where the verdict is passed, and the verdict: the length of the body.
pub(super) fn read(bytes: &[u8]) -> (Vec<u8>, Verdict<usize>) {
    let mut data = Vec::new();
    let mut at = 0;
    let mut overhead = 0;
    // chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
    loop {
        let Some(end) = find(&bytes[at..], b"\r\n") else { return (data, Verdict::Incomplete) };
        let line = &bytes[at..at + end];
        at += end + 2;
        let (size, extension) = match line.iter().position(|&byte| byte == b';') {
            Some(semicolon) => (&line[..semicolon], &line[semicolon + 1..]),
            None => (line, &b""[..]),
        };
        overhead += extension.len();
        let broken = broken([
            (!is_text(extension), 400),
            (overhead > OVERHEAD, 431),
            (!size.iter().all(u8::is_ascii_hexdigit) || !(1..=16).contains(&size.len()), 400),
        ]);
        if !broken.is_empty() {
            return (data, Verdict::Refused(broken));
        }
        let size = size.iter().fold(0u64, |size, &digit| {
            size * 16 + u64::from(char::from(digit).to_digit(16).unwrap())
        });
        if size == 0 {
            break;
        }
        let here = (bytes.len() - at) as u64;
        let taken = at + size.min(here) as usize;
        data.extend_from_slice(&bytes[at..taken]);
        at = taken;
        match bytes[at..] {
            [] | [b'\r'] => return (data, Verdict::Incomplete),
            [b'\r', b'\n', ..] => at += 2,
            _ => return (data, Verdict::Refused(vec![400])),
        }
    }
    // trailer-section = *( field-line CRLF ), and the empty line
    loop {
        let Some(end) = find(&bytes[at..], b"\r\n") else { return (data, Verdict::Incomplete) };
        let line = &bytes[at..at + end];
        at += end + 2;
        if line.is_empty() {
            return (data, Verdict::Complete(at));
        }
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            return (data, Verdict::Refused(vec![400, 431]));
        };
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        overhead += name.len() + value.len();
        let broken =
            broken([(!is_token(name), 400), (!is_text(value), 400), (overhead > OVERHEAD, 431)]);
        if !broken.is_empty() {
            return (data, Verdict::Refused(broken));
        }
    }
}

fn broken<const N: usize>(rules: [(bool, u16); N]) -> Vec<u16> {
    rules.into_iter().filter(|(broken, _)| *broken).map(|(_, status)| status).collect()
}
