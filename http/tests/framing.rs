//! Where a request ends: in doubt it is refused, and nothing behind it is a request (RFC 9112 section 6).

mod support;

use std::io::{ErrorKind, Read};
use std::sync::mpsc;

use greenwood_http::{Request, Server};
use support::cuts::{SMUGGLED, refused_head, settled};
use support::{BACKENDS, TestServer, closing, refused, text};

const LAST: &str = "GET /last HTTP/1.0\r\n\r\n";

/// A request with these fields and body, and one after it.
fn then_last(fields: &str, body: &str, read: &str) {
    let raw = format!("POST /a HTTP/1.1\r\nHost: h\r\n{fields}\r\n{body}{LAST}");
    let expected = text("200 OK", &format!("POST /a {read}")) + &closing("200 OK", "GET /last ");
    settled(raw, &["POST /a", "GET /last"], &expected);
}

fn refused_fields(fields: &str, status: &str) {
    refused_head(format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}"), status);
}

/// The head is fine, and so the handler is called; what it reads is not.
fn refused_chunks(body: &str, status: &str) {
    let raw = format!(
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}{SMUGGLED}"
    );
    settled(raw, &["POST /a"], &refused(status));
}

#[test]
fn lengths() {
    then_last("", "", "");
    then_last("Content-Length: 0\r\n", "", "");
    then_last("Content-Length: 5\r\n", "abcde", "abcde");
    then_last("content-LENGTH:\t005 \t\r\n", "abcde", "abcde");
    // What looks like a request is the body of one.
    then_last("Content-Length: 35\r\n", SMUGGLED, SMUGGLED);
}

#[test]
fn chunks() {
    let chunked = "Transfer-Encoding: chunked\r\n";
    then_last(chunked, "0\r\n\r\n", "");
    then_last(chunked, "3\r\nabc\r\n02\r\nde\r\n0\r\n\r\n", "abcde");
    then_last("transfer-encoding:CHUNKED\r\n", "A\r\n0123456789\r\n000\r\n\r\n", "0123456789");
    then_last(chunked, "0000000000000003\r\nabc\r\n0000000000000000\r\n\r\n", "abc");
    then_last(chunked, &format!("23\r\n{SMUGGLED}\r\n0\r\n\r\n"), SMUGGLED);
    then_last(chunked, "3;x=\"y\";z\r\nabc\r\n2;\r\nde\r\n0;last\r\n\r\n", "abcde");
}

#[test]
fn a_length_must_be_a_number() {
    for length in [
        "",
        "+35",
        "-35",
        "35 35",
        "3 6",
        "35,35",
        "35, 35",
        "0x23",
        "35.0",
        "3_6",
        "35;",
        "\"35\"",
        "twelve",
        "18446744073709551616",
        "99999999999999999999999",
        "\u{663}",
    ] {
        refused_fields(&format!("Content-Length: {length}\r\n"), "400 Bad Request");
    }
}

#[test]
fn a_length_may_be_given_once() {
    // Equal ones too: RFC 9110 section 8.6 leaves it to the recipient, and no client has a reason to repeat itself.
    for (first, second) in [("35", "35"), ("35", "0"), ("0", "35"), ("35", "035"), ("35", "")] {
        let fields = format!("Content-Length: {first}\r\nA: b\r\ncontent-length: {second}\r\n");
        refused_fields(&fields, "400 Bad Request");
    }
}

#[test]
fn a_length_does_not_go_with_a_coding() {
    for (length, coding) in [("35", "chunked"), ("0", "chunked"), ("35", "gzip"), ("x", "chunked")]
    {
        let length = format!("Content-Length: {length}\r\n");
        let coding = format!("Transfer-Encoding: {coding}\r\n");
        refused_fields(&(length.clone() + &coding), "400 Bad Request");
        refused_fields(&(coding + &length), "400 Bad Request");
    }
}

#[test]
fn a_coding_is_chunked_and_nothing_else() {
    for coding in [
        "",
        ",",
        "chunked,",
        ",chunked",
        "chunked, chunked",
        "chunked, gzip",
        "chunked;q=1",
        "chunked ;q",
        "\"chunked\"",
        "chunked\u{a0}",
        "chun ked",
        "gzip, ;q=1, chunked",
    ] {
        refused_fields(&format!("Transfer-Encoding: {coding}\r\n"), "400 Bad Request");
    }
    for coding in
        ["gzip", "identity", "xchunked", "chunkedx", "'chunked", "gzip, chunked", "x;y=z, chunked"]
    {
        refused_fields(&format!("Transfer-Encoding: {coding}\r\n"), "501 Not Implemented");
    }
    let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n";
    refused_fields(twice, "400 Bad Request");
    refused_fields(
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "400 Bad Request",
    );
}

#[test]
fn http_1_0_has_no_codings() {
    for coding in ["chunked", "gzip", "identity"] {
        let head = format!("POST / HTTP/1.0\r\nTransfer-Encoding: {coding}\r\n");
        refused_head(head, "400 Bad Request");
    }
}

#[test]
fn a_chunk_size_is_hexadecimal_digits() {
    for size in [
        "",
        "+3",
        "-3",
        " 3",
        "3 ",
        "\t3",
        "3\t",
        "0x3",
        "3h",
        "x",
        "3 ;a",
        "3_",
        "\u{ff13}",
        "00000000000000003",
        "10000000000000003",
    ] {
        refused_chunks(&format!("{size}\r\nabc\r\n0\r\n\r\n"), "400 Bad Request");
    }
    // Sixteen are a size, and one that no limit allows.
    refused_chunks("ffffffffffffffff\r\nabc\r\n0\r\n\r\n", "413 Payload Too Large");
}

#[test]
fn lines_of_chunks_end_in_crlf() {
    for body in [
        "3\nabc\r\n0\r\n\r\n",
        "3\rabc\r\n0\r\n\r\n",
        "3\r\r\nabc\r\n0\r\n\r\n",
        "3;a\nabc\r\n0\r\n\r\n",
        "3;a\rb\r\nabc\r\n0\r\n\r\n",
        "3;\0\r\nabc\r\n0\r\n\r\n",
        "3;\x7f\r\nabc\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "3\r\nabc\r0\r\n\r\n",
        "3\r\nabc0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nab\r\n0\r\n\r\n",
        "3\r\nabc\r\n0\n\r\n",
        "3\r\nabc\r\n0\r\n\n",
        "3\r\nabc\r\n0\r\n\r\r\n",
    ] {
        refused_chunks(body, "400 Bad Request");
    }
}

#[test]
fn trailers_are_checked() {
    for trailer in [
        "A : b",
        " A: b",
        "\tA: b",
        "A",
        ": b",
        "A: b\r\n c",
        "A: b\n",
        "A: b\rc",
        "A: \0",
        "A: \x1b",
        "A\u{e9}: b",
        "A(: b",
    ] {
        refused_chunks(&format!("3\r\nabc\r\n0\r\n{trailer}\r\n\r\n"), "400 Bad Request");
    }
}

/// Fields that come after the body must not change what was decided before it, nor the next request (RFC 9110 section 6.5.1).
#[test]
fn trailers_are_thrown_away() {
    for trailer in [
        "A: b\r\nC:\r\nD:\t\u{e9}\r\n",
        "Content-Length: 5\r\n",
        "Content-Length: x\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Host: evil\r\nHost: evil\r\n",
        "Connection: close\r\n",
        "Expect: tea\r\n",
    ] {
        let body = format!("3\r\nabc\r\n0\r\n{trailer}\r\n");
        then_last("Transfer-Encoding: chunked\r\n", &body, "abc");
    }
}

#[test]
fn nothing_is_executed_after_close() {
    for close in [
        "close",
        "Close",
        "foo, close",
        "close, TE",
        "TE,close,foo",
        ",close ,",
        "keep-alive, close",
    ] {
        let raw = format!("GET /a HTTP/1.1\r\nHost: h\r\nConnection: {close}\r\n\r\n{SMUGGLED}");
        settled(raw, &["GET /a"], &closing("200 OK", "GET /a "));
    }
    let apart = "GET /a HTTP/1.1\r\nHost: h\r\nConnection: TE\r\nConnection: close\r\n\r\n";
    settled(apart.to_owned() + SMUGGLED, &["GET /a"], &closing("200 OK", "GET /a "));
    let old = format!("GET /a HTTP/1.0\r\n\r\n{SMUGGLED}");
    settled(old, &["GET /a"], &closing("200 OK", "GET /a "));
    let unlike = format!("GET /a HTTP/1.1\r\nHost: h\r\nConnection: closed, xclose\r\n\r\n{LAST}");
    let expected = text("200 OK", "GET /a ") + &closing("200 OK", "GET /last ");
    settled(unlike, &["GET /a", "GET /last"], &expected);
}

/// A handler that does not look at bodies leaves them behind; they are skipped or the connection ends.
#[test]
fn an_unread_body_is_not_the_next_request() {
    let len = SMUGGLED.len();
    let raw = format!(
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: {len}\r\n\r\n{SMUGGLED}\
         POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{len:x}\r\n{SMUGGLED}\r\n0\r\n\r\n\
         GET /c HTTP/1.0\r\n\r\n"
    );
    let server = TestServer::start(|request: &mut Request<'_>| request.path().to_owned());
    let expected = text("200 OK", "/a") + &text("200 OK", "/b") + &closing("200 OK", "/c");
    for at in 0..raw.len() {
        let parts = [&raw.as_bytes()[..at], &raw.as_bytes()[at..]];
        assert_eq!(server.exchange(&parts), expected, "cut at {at}");
    }
}

/// The answer may have been sent before the rest came, but no other follows it.
#[test]
fn an_unread_malformed_body_ends_the_connection() {
    let server = TestServer::start(|request: &mut Request<'_>| request.path().to_owned());
    for body in ["3\r\nabcd\r\n0\r\n\r\n", "+3\r\nabc\r\n0\r\n\r\n", "3\r\nabc\r\n0\r\nA\r\n\r\n"] {
        let raw = format!(
            "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}{SMUGGLED}"
        );
        for at in 0..raw.len() {
            let answer = server.exchange(&[&raw.as_bytes()[..at], &raw.as_bytes()[at..]]);
            assert!(
                answer == text("200 OK", "/a") || answer == closing("200 OK", "/a"),
                "cut at {at} of {raw:?}: {answer:?}"
            );
        }
    }
}

/// Ended by its sender at every byte: whoever reads it is told, and nobody gets a part for the whole.
#[test]
fn a_body_cut_short_is_never_complete() {
    for body in [
        "Content-Length: 10\r\n\r\n0123456789",
        "Transfer-Encoding: chunked\r\n\r\n5;x\r\n01234\r\n5\r\n56789\r\n0\r\nA: b\r\n\r\n",
    ] {
        for backend in BACKENDS {
            let (outcome, outcomes) = mpsc::channel();
            let server = TestServer::with(
                Server::builder().backend(backend),
                move |request: &mut Request<'_>| {
                    let mut body = Vec::new();
                    let result = request.body().read_to_end(&mut body).map_err(|e| e.kind());
                    // Again, as a wrapper such as a decompressor might.
                    let again = request.body().read(&mut [0; 8]).map_err(|e| e.kind());
                    outcome.send((result, again)).unwrap();
                    "whatever the handler says"
                },
            );
            let start = body.find("\r\n\r\n").unwrap() + 4;
            for end in start..=body.len() {
                let mut client = server.connect();
                client.send(format!("POST / HTTP/1.1\r\nHost: h\r\n{}", &body[..end]));
                client.half_close();
                let answer = client.rest();
                if end == body.len() {
                    assert_eq!(answer, text("200 OK", "whatever the handler says"));
                    assert_eq!(outcomes.recv().unwrap(), (Ok(10), Ok(0)));
                } else {
                    assert_eq!(answer, refused("400 Bad Request"), "{end} of {body:?}");
                    let cut_off = ErrorKind::UnexpectedEof;
                    assert_eq!(outcomes.recv().unwrap(), (Err(cut_off), Err(cut_off)));
                }
            }
        }
    }
}
