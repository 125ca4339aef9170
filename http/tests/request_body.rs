//! Bodies of requests: read, unread, too long, expected.

mod support;

use std::io::Read;

use greenwood_http::http::StatusCode;
use greenwood_http::{IntoResponse, Limits, Request, Server};
use support::{BACKENDS, TestServer, closing, echo, refused, text};

fn small() -> greenwood_http::Builder {
    let mut limits = Limits::default();
    limits.body = 10;
    limits.drain = 100_000;
    Server::builder().limits(limits)
}

#[test]
fn long_bodies_arrive_whole() {
    for backend in BACKENDS {
        let server =
            TestServer::with(Server::builder().backend(backend), |request: &mut Request<'_>| {
                let mut body = Vec::new();
                request.body().read_to_end(&mut body).map(|_| body)
            });
        let data: Vec<u8> = (0..1_000_000u32).map(|i| (i * 7 % 251) as u8).collect();
        let head = format!("POST / HTTP/1.0\r\nContent-Length: {}\r\n\r\n", data.len());
        let chunked: Vec<u8> = data
            .chunks(77_777)
            .flat_map(|c| [format!("{:X}\r\n", c.len()).as_bytes(), c, b"\r\n"].concat())
            .chain(*b"0\r\n\r\n")
            .collect();
        let chunked_head = b"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (head, body) in [(head.as_bytes(), &data), (&chunked_head[..], &chunked)] {
            let mut client = server.connect();
            client.send(head);
            client.send(body);
            let mut answer = Vec::new();
            client.stream.read_to_end(&mut answer).unwrap();
            let at = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
            assert!(answer[at..] == data);
        }
    }
}

#[test]
fn limits() {
    let server = TestServer::with(small(), echo);
    let exact = b"POST / HTTP/1.0\r\nContent-Length: 10\r\n\r\n0123456789";
    assert_eq!(server.exchange(&[exact]), closing("200 OK", "POST / 0123456789"));
    for raw in [
        "Content-Length: 11\r\n\r\n01234567890",
        "Content-Length: 11\r\nExpect: 100-continue\r\n\r\n",
        "Content-Length: 18446744073709551615\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nb\r\n",
        "Transfer-Encoding: chunked\r\n\r\n8\r\n01234567\r\n3\r\n",
        "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    ] {
        let raw = format!("POST / HTTP/1.1\r\nHost: h\r\n{raw}");
        assert_eq!(server.exchange(&[raw.as_bytes()]), refused("413 Payload Too Large"), "{raw}");
    }
}

#[test]
fn a_failed_read_decides_the_status_whatever_the_handler_says() {
    let server = TestServer::with(small(), |request: &mut Request<'_>| {
        let first = request.body().read_to_end(&mut Vec::new()).is_err();
        let second = request.body().read(&mut [0; 8]).is_err();
        format!("{first} {second}")
    });
    let raw = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n";
    assert_eq!(server.exchange(&[raw]), refused("413 Payload Too Large"));
}

#[test]
fn unread_and_short_is_skipped() {
    let mut limits = Limits::default();
    limits.drain = 1000;
    let server = TestServer::with(Server::builder().limits(limits), |_: &mut Request<'_>| "x");
    for (length, fits) in [(999, true), (1000, true), (1001, false)] {
        let body = "y".repeat(length);
        for (framing, body) in [
            (format!("Content-Length: {length}"), body.clone()),
            ("Transfer-Encoding: chunked".to_owned(), format!("{length:x}\r\n{body}\r\n0\r\n\r\n")),
        ] {
            let mut client = server.connect();
            client.send(format!("POST / HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n"));
            // How long a chunked body is is not known before it has come.
            let closes = !fits && framing.starts_with("Content");
            let expected = if closes { closing("200 OK", "x") } else { text("200 OK", "x") };
            assert_eq!(client.until("\r\n\r\nx"), expected);
            client.send(body + "GET / HTTP/1.0\r\n\r\n");
            assert_eq!(client.rest(), if fits { closing("200 OK", "x") } else { String::new() });
        }
    }
}

#[test]
fn unread_and_long_closes() {
    let mut limits = Limits::default();
    limits.drain = 1000;
    let server = TestServer::with(Server::builder().limits(limits), |_: &mut Request<'_>| "x");
    let announced = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n";
    assert_eq!(server.exchange(&[announced]), closing("200 OK", "x"));
    // The end of a chunked body is not known before; what counts is that nothing is answered twice.
    let chunk = format!("3ea\r\n{}\r\n", "y".repeat(1002)).repeat(20);
    let raw = format!(
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"
    );
    let answer = server.exchange(&[raw.as_bytes()]);
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
}

/// Far more is on its way when the server answers and closes. A reset would destroy the answer, or keep the client from looking for it.
#[test]
fn an_early_answer_arrives_in_the_middle_of_a_long_body() {
    const LONG: usize = 4 << 20;
    for backend in BACKENDS {
        let server = TestServer::with(Server::builder().backend(backend), echo);
        let mut client = server.connect();
        client.send(format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {LONG}\r\n\r\n"));
        client.send(vec![b'y'; LONG]);
        assert_eq!(client.rest(), refused("413 Payload Too Large"));
    }
}

#[test]
fn continue_is_sent_when_the_body_is_read() {
    for backend in BACKENDS {
        let server = TestServer::with(Server::builder().backend(backend), echo);
        let mut client = server.connect();
        client.send(
            "POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        );
        assert_eq!(client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("hi");
        assert_eq!(client.until("POST /a hi"), text("200 OK", "POST /a hi"));
        // Not to one who does not wait.
        client.send(
            "POST /b HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nyo",
        );
        assert_eq!(client.until("POST /b yo"), text("200 OK", "POST /b yo"));
    }
}

#[test]
fn continue_is_not_sent_when_the_body_is_not_read() {
    let server = TestServer::start(|_: &mut Request<'_>| StatusCode::FORBIDDEN.into_response());
    let raw = b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(server.exchange(&[raw]), closing("403 Forbidden", "Forbidden"));
}
