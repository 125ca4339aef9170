//! Where a message ends: the same bytes get the same answers, however they are cut.

mod support;

use greenwood_http::Server;
use support::{BACKENDS, TestServer, closing, echo, refused, text};

/// Sends `raw` whole on both backends, and cut in two at every position.
fn settled(raw: &[u8], expected: &str) {
    for backend in BACKENDS {
        let server = TestServer::with(Server::builder().backend(backend), echo);
        let shown = String::from_utf8_lossy(raw);
        assert_eq!(server.exchange(&[raw]), expected, "{backend:?} {shown:?}");
        if backend == BACKENDS[0] {
            for at in 1..raw.len() {
                let answer = server.exchange(&[&raw[..at], &raw[at..]]);
                assert_eq!(answer, expected, "cut at {at} of {shown:?}");
            }
        }
    }
}

#[test]
fn without_a_body() {
    settled(
        b"\r\nGET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        &closing("200 OK", "GET /a "),
    );
}

#[test]
fn content_length() {
    settled(
        b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde\
          \r\nGET /b HTTP/1.0\r\n\r\n",
        &(text("200 OK", "POST /a abcde") + &closing("200 OK", "GET /b ")),
    );
}

#[test]
fn chunked_with_extensions_and_trailers() {
    settled(
        b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
          3;x=\"y\"\r\nabc\r\n02\r\nde\r\n0\r\nA: b\r\n\r\nGET /b HTTP/1.0\r\n\r\n",
        &(text("200 OK", "POST /a abcde") + &closing("200 OK", "GET /b ")),
    );
}

#[test]
fn nothing_is_answered_behind_a_refused_head() {
    for head in [
        "GET / HTTP/1.1\r\nHost : h",
        "GET / HTTP/1.1\r\nHost: h\r\nHost: h",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 34\r\nTransfer-Encoding: chunked",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +34",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 34\r\nContent-Length: 35",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked",
    ] {
        let raw = format!("{head}\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
        settled(raw.as_bytes(), &refused("400 Bad Request"));
    }
}

#[test]
fn nothing_is_answered_behind_a_malformed_body() {
    for body in ["+3\r\nabc\r\n0\r\n\r\n", "3\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n"] {
        let raw = format!(
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}GET / HTTP/1.0\r\n\r\n"
        );
        settled(raw.as_bytes(), &refused("400 Bad Request"));
    }
}

#[test]
fn precise_statuses() {
    settled(b"GET / HTTP/2.0\r\nHost: h\r\n\r\n", &refused("505 HTTP Version Not Supported"));
    settled(
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        &refused("501 Not Implemented"),
    );
    settled(
        b"POST / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n",
        &refused("417 Expectation Failed"),
    );
}

#[test]
fn an_unread_body_is_not_the_next_request() {
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
    let len = smuggled.len();
    let raw = format!(
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: {len}\r\n\r\n{smuggled}\
         POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{len:x}\r\n{smuggled}\r\n0\r\n\r\n\
         GET /c HTTP/1.0\r\n\r\n"
    );
    let server =
        TestServer::start(|request: &mut greenwood_http::Request<'_>| request.path().to_owned());
    let expected = text("200 OK", "/a") + &text("200 OK", "/b") + &closing("200 OK", "/c");
    for at in 0..raw.len() {
        let parts = [&raw.as_bytes()[..at], &raw.as_bytes()[at..]];
        assert_eq!(server.exchange(&parts), expected, "cut at {at}");
    }
}
