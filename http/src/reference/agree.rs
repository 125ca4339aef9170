//! What must hold of any bytes.

use super::head::Request;
use super::{Verdict, body, head};
use crate::body::chunked::{Decoder, Step};
use crate::limits::Limits;
use crate::request::{self, Framing};

/// Small, so that short messages exceed them.
fn limits() -> Limits {
    Limits { head: 512, target: 64, fields: 8, ..Limits::default() }
}

/// Panics unless the parser and its reference make the same of a head, in whatever cut it arrives.
pub fn check_head(bytes: &[u8]) {
    let limits = limits();
    let shown = String::from_utf8_lossy(bytes);
    let whole = parsed_within(bytes, &limits);
    match (head::read(bytes, &limits), &whole) {
        (Verdict::Refused(broken), Verdict::Refused(status)) => {
            assert!(broken.contains(&status[0]), "{status:?} is none of {broken:?} in {shown:?}");
        }
        // It may be seen early that nothing can become of this.
        (Verdict::Incomplete, Verdict::Refused(status)) => {
            for rest in HEAD_ENDS {
                let bytes = [bytes, rest.as_bytes()].concat();
                let Verdict::Refused(broken) = head::read(&bytes, &limits) else {
                    panic!("{status:?} was early, in {shown:?} with {rest:?}");
                };
                assert!(
                    broken.contains(&status[0]),
                    "{status:?} is none of {broken:?} in {shown:?}"
                );
            }
        }
        (expected, _) => assert_eq!(whole, expected, "in {shown:?}"),
    }
    for end in 0..bytes.len() {
        match parsed_within(&bytes[..end], &limits) {
            Verdict::Incomplete => {}
            early => assert_eq!(early, whole, "cut at {end} of {shown:?}"),
        }
    }
}

/// Whether the reference takes this for a head.
#[cfg(test)]
pub(super) fn is_head(bytes: &[u8]) -> bool {
    matches!(head::read(bytes, &limits()), Verdict::Complete(_))
}

const HEAD_ENDS: &[&str] = &[
    "\r\n\r\n",
    "\n\r\n\r\n",
    "\r\nHost: h\r\n\r\n",
    ":\r\n\r\n",
    ": x\r\nHost: h\r\n\r\n",
    "1\r\nHost: h\r\n\r\n",
    " HTTP/1.1\r\nHost: h\r\n\r\n",
    " / HTTP/1.1\r\nHost: h\r\n\r\n",
    "/ HTTP/1.1\r\nHost: h\r\n\r\n",
    "P/1.0\r\n\r\n",
];

#[cfg(test)]
pub(super) fn parsed(bytes: &[u8]) -> Verdict<Request> {
    parsed_within(bytes, &limits())
}

fn parsed_within(bytes: &[u8], limits: &Limits) -> Verdict<Request> {
    let mut spans = Vec::new();
    let head = match request::parse(bytes, &mut spans, limits) {
        Ok(None) => return Verdict::Incomplete,
        Err(error) => return Verdict::Refused(vec![error.status().as_u16()]),
        Ok(Some(head)) => head,
    };
    Verdict::Complete(Request {
        method: head.method.to_string(),
        target: head.target.raw().to_owned(),
        authority: head.target.authority().map(str::to_owned),
        path: head.target.path().to_owned(),
        query: head.target.query().map(str::to_owned),
        minor_version: u8::from(head.version == http::Version::HTTP_11),
        fields: head.fields.iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect(),
        length: match head.framing {
            Framing::Length(length) => Some(length),
            Framing::Chunked => None,
        },
        keep_alive: head.keep_alive,
        expects_continue: head.expects_continue,
        head: head.len,
    })
}

/// Panics unless the decoder and its reference make the same of a chunked body, in whatever cut it arrives.
pub fn check_chunked(bytes: &[u8]) {
    let whole = chunked_whole(bytes);
    let shown = String::from_utf8_lossy(bytes);
    for length in 1..=bytes.len().min(8) {
        let pieces: Vec<&[u8]> = bytes.chunks(length).collect();
        assert_eq!(decoded(&pieces), whole, "in pieces of {length} of {shown:?}");
    }
    for at in 1..bytes.len() {
        let (one, other) = bytes.split_at(at);
        assert_eq!(decoded(&[one, other]), whole, "cut at {at} of {shown:?}");
    }
}

pub(super) fn chunked_whole(bytes: &[u8]) -> (Vec<u8>, Verdict<usize>) {
    let shown = String::from_utf8_lossy(bytes);
    let (data, expected) = body::read(bytes);
    let whole = decoded(&[bytes]);
    assert_eq!(whole.0, data, "data of {shown:?}");
    match (expected, &whole.1) {
        (Verdict::Refused(broken), Verdict::Refused(status)) => {
            assert!(broken.contains(&status[0]), "{status:?} is none of {broken:?} in {shown:?}");
        }
        (Verdict::Incomplete, Verdict::Refused(status)) => {
            for rest in BODY_ENDS {
                let bytes = [bytes, rest.as_bytes()].concat();
                let Verdict::Refused(broken) = body::read(&bytes).1 else {
                    panic!("{status:?} was early, in {shown:?} with {rest:?}");
                };
                assert!(
                    broken.contains(&status[0]),
                    "{status:?} is none of {broken:?} in {shown:?}"
                );
            }
        }
        (expected, verdict) => assert_eq!(*verdict, expected, "in {shown:?}"),
    }
    whole
}

const BODY_ENDS: &[&str] = &[
    "\r\n\r\n",
    "\n\r\n",
    "0\r\n\r\n",
    "\r\n0\r\n\r\n",
    ":\r\n\r\n",
    "\r\n\r\n0\r\n\r\n",
    ";\r\n\r\n",
];

fn decoded(pieces: &[&[u8]]) -> (Vec<u8>, Verdict<usize>) {
    let mut decoder = Decoder::new();
    let (mut data, mut length) = (Vec::new(), 0);
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() && !decoder.ended() {
            let (used, step) = match decoder.advance(rest) {
                Ok(step) => step,
                Err(error) => return (data, Verdict::Refused(vec![error.status().as_u16()])),
            };
            length += used;
            rest = &rest[used..];
            if let Step::Data(announced) = step {
                let (chunk, more) = rest.split_at(announced.min(rest.len() as u64) as usize);
                data.extend_from_slice(chunk);
                decoder.consume_data(chunk.len() as u64);
                length += chunk.len();
                rest = more;
            }
        }
    }
    (data, if decoder.ended() { Verdict::Complete(length) } else { Verdict::Incomplete })
}
