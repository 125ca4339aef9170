//! Heads, whole and cut at every byte.

use super::*;
use crate::limits::Limits;

/// Length, method, path and number of fields; or the status.
type Outcome = Result<Option<(usize, String, String, usize)>, u16>;

fn limits() -> Limits {
    Limits { head: 512, target: 64, fields: 5, ..Limits::default() }
}

fn outcome(bytes: &[u8]) -> Outcome {
    let mut spans = Vec::new();
    match parse(bytes, &mut spans, &limits()) {
        Ok(head) => Ok(head.map(|head| {
            (head.len, head.method.to_string(), head.target.path().to_string(), head.fields.len())
        })),
        Err(error) => Err(error.status().as_u16()),
    }
}

/// Whole, and from every prefix on: a prefix must leave it open or come to the same end.
fn settled(bytes: &[u8]) -> Outcome {
    let whole = outcome(bytes);
    for end in 0..bytes.len() {
        match outcome(&bytes[..end]) {
            Ok(None) => {}
            early => {
                assert_eq!(early, whole, "cut at {end} of {:?}", String::from_utf8_lossy(bytes))
            }
        }
    }
    whole
}

#[test]
fn complete_heads() {
    let head = b"GET /a?b HTTP/1.1\r\nHost: h\r\nX:\t y \t\r\nEmpty:\r\n\r\n";
    assert_eq!(settled(head), Ok(Some((head.len(), "GET".into(), "/a".into(), 3))));
    let with_more = [&head[..], b"BODY"].concat();
    assert_eq!(outcome(&with_more), Ok(Some((head.len(), "GET".into(), "/a".into(), 3))));
    assert_eq!(settled(b"PURGE / HTTP/1.0\r\n\r\n"), Ok(Some((20, "PURGE".into(), "/".into(), 0))));
}

#[test]
fn what_lax_parsers_let_through() {
    for bad in [
        &b"GET / HTTP/1.1\nHost: h\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nHost: h\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\n\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nA:\n\r\n",
        b"\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /# HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        assert_eq!(settled(bad), Err(400), "{:?}", String::from_utf8_lossy(bad));
    }
}

/// Every byte at every place: what is taken where.
#[test]
fn bytes_have_their_places() {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let visible = |b: u8| (0x21..=0x7e).contains(&b);
    for byte in 0..=255 {
        // Around it, and whether the byte may stand between.
        for (before, after, fits) in [
            ("G", "T / HTTP/1.1\r\nHost: h\r\n\r\n", token(byte)),
            ("GET /", "a HTTP/1.1\r\nHost: h\r\n\r\n", visible(byte) && byte != b'#'),
            ("GET / HTTP/1.1", "\r\nHost: h\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nHost: h\r\nA", "A: b\r\n\r\n", token(byte) || byte == b':'),
            ("GET / HTTP/1.1\r\nHost: h\r\n", ": b\r\n\r\n", token(byte)),
            (
                "GET / HTTP/1.1\r\nHost: h\r\nA: b",
                "b\r\n\r\n",
                byte >= b' ' && byte != 0x7f || byte == b'\t',
            ),
            ("GET / HTTP/1.1\r\nHost: h\r\nA: b\r", "\nB: c\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nHost: h\r\n\r", "\n", byte == b'\n'),
        ] {
            let head = [before.as_bytes(), &[byte], after.as_bytes()].concat();
            let outcome = settled(&head);
            let shown = String::from_utf8_lossy(&head);
            if fits {
                assert!(matches!(outcome, Ok(Some(_))), "{byte} in {shown:?}: {outcome:?}");
            } else {
                assert_eq!(outcome, Err(400), "{byte} in {shown:?}");
            }
        }
    }
}

#[test]
fn malformed_heads() {
    for bad in [
        &b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n"[..],
        b"GET / HTTP/1.1 \r\nHost: h\r\n\r\n",
        b"GET / http/1.1\r\nHost: h\r\n\r\n",
        b"GET /\r\n\r\n",
        b" GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"G(T / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : h\r\n\r\n",
        b"GET / HTTP/1.1\r\n Host: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nA\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\n: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nA\x80: b\r\n\r\n",
        b"GET / HTTP/1.1\r\r\nHost: h\r\n\r\n",
        b"GET * HTTP/1.1\r\nHost: h\r\n\r\n",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    ] {
        assert_eq!(settled(bad), Err(400), "{:?}", String::from_utf8_lossy(bad));
    }
}

/// However much has come already, what is beyond a limit is not looked at.
#[test]
fn limits_come_before_what_lies_beyond_them() {
    let long = "a".repeat(65);
    for (head, status) in [
        (format!("GET /{long} HTTP/1.1\r\nHost : h\r\n\r\n"), 414),
        (format!("GET /{long}\0 HTTP/1.1\r\nHost: h\r\n\r\n"), 414),
        (format!("GET /{long}\u{e9} HTTP/1.1\r\nHost: h\r\n\r\n"), 414),
        (format!("GET /{long} HTTP/3.0\r\nHost: h\r\n\r\n"), 414),
        (format!("GET /\0{long} HTTP/1.1\r\nHost: h\r\n\r\n"), 400),
        (format!("G(T /{long} HTTP/1.1\r\nHost: h\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\nA: {}\r\nB : c\r\n\r\n", "a".repeat(512)), 431),
        (format!("GET / HTTP/1.1\r\nB : c\r\nA: {}\r\n\r\n", "a".repeat(512)), 400),
        (format!("GET / HTTP/1.1\r\n{}B : c\r\n\r\n", "A: b\r\n".repeat(6)), 431),
        (format!("GET / HTTP/{}\r\n\r\n", "1".repeat(512)), 400),
        (format!("{} / HTTP/1.1\r\n\r\n", "G".repeat(512)), 431),
    ] {
        assert_eq!(settled(head.as_bytes()), Err(status), "{head:?}");
    }
}

#[test]
fn precise_statuses() {
    assert_eq!(settled(b"GET / HTTP/2.0\r\nHost: h\r\n\r\n"), Err(505));
    assert_eq!(settled(b"GET / HTTP/1.2\r\n\r\n"), Err(505));
    assert_eq!(settled(b"GET / HTTP/0.9\r\n\r\n"), Err(505));
    assert_eq!(settled(b"GET / HTTP/9.9\r\nbad\r\n\r\n"), Err(505));
    assert_eq!(settled(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Err(505));
    for malformed in
        ["HTTP/11", "HTTP/1.10", "HTTP/1.x", "HTTP/2.0 x", "HTTP /2.0", "HTTPS/2.0", "HTTP/2"]
    {
        assert_eq!(
            settled(format!("GET / {malformed}\r\n\r\n").as_bytes()),
            Err(400),
            "{malformed}"
        );
    }
    assert_eq!(settled(b"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n"), Err(501));
}

#[test]
fn limits_are_exact() {
    let target = |n: usize| format!("GET /{} HTTP/1.0\r\n\r\n", "a".repeat(n - 1));
    assert!(matches!(settled(target(64).as_bytes()), Ok(Some(_))));
    assert_eq!(settled(target(65).as_bytes()), Err(414));
    assert_eq!(outcome(&target(65).as_bytes()[..70]), Err(414));

    let head = |n: usize| {
        let rest = "GET / HTTP/1.0\r\nA: \r\n\r\n".len();
        format!("GET / HTTP/1.0\r\nA: {}\r\n\r\n", "a".repeat(n - rest))
    };
    assert!(matches!(settled(head(512).as_bytes()), Ok(Some(_))));
    assert_eq!(settled(head(513).as_bytes()), Err(431));
    assert_eq!(outcome(&head(600).as_bytes()[..512]), Err(431));

    let fields = |n: usize| format!("GET / HTTP/1.0\r\n{}\r\n", "A: b\r\n".repeat(n));
    assert!(matches!(settled(fields(5).as_bytes()), Ok(Some((_, _, _, 5)))));
    assert_eq!(settled(fields(6).as_bytes()), Err(431));
}
