//! The last answer arrives, however much its client is still sending.

mod support;

use std::io::{Read, Write};

use greenwood_http::{Limits, Request, Server};
use support::{BACKENDS, Client, TestServer, closing, echo, refused, undated};

/// More than the kernel takes in on both sides.
const LONG: usize = 32 << 20;

/// Sends all of `parts` before it reads anything: a reset would make this fail, or cost the answer.
fn deaf(mut client: Client, parts: &[&[u8]]) -> String {
    for part in parts {
        client.stream.write_all(part).unwrap();
    }
    client.half_close();
    let mut answer = Vec::new();
    client.stream.read_to_end(&mut answer).unwrap();
    undated(&answer)
}

#[test]
fn behind_a_refusal() {
    for backend in BACKENDS {
        let server = TestServer::with(Server::builder().backend(backend), echo);
        let body = vec![b'x'; LONG];
        let length = format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {LONG}\r\n\r\n");
        let answer = deaf(server.connect(), &[length.as_bytes(), &body]);
        assert_eq!(answer, refused("413 Payload Too Large"));

        let chunked =
            format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{LONG:x}\r\n");
        let answer = deaf(server.connect(), &[chunked.as_bytes(), &body, b"\r\n0\r\n\r\n"]);
        assert_eq!(answer, refused("413 Payload Too Large"));

        let answer = deaf(server.connect(), &[b"GET / HTTP/1.1\r\nA: ", &body]);
        assert_eq!(answer, refused("431 Request Header Fields Too Large"));

        let answer = deaf(server.connect(), &[b"GET /", &body]);
        assert_eq!(answer, refused("414 URI Too Long"));

        let answer = deaf(server.connect(), &[b"\0", &body]);
        assert_eq!(answer, refused("400 Bad Request"));
    }
}

#[test]
fn behind_an_answer_that_left_the_body_unread() {
    for backend in BACKENDS {
        let mut limits = Limits::default();
        limits.body = u64::MAX;
        let server = TestServer::with(
            Server::builder().backend(backend).limits(limits),
            |_: &mut Request<'_>| "no, thanks",
        );
        let body = vec![b'x'; LONG];
        let length = format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {LONG}\r\n\r\n");
        let answer = deaf(server.connect(), &[length.as_bytes(), &body]);
        assert_eq!(answer, closing("200 OK", "no, thanks"));
    }
}

/// Requests behind the last one are not executed, and cost it nothing either.
#[test]
fn behind_close() {
    let server = TestServer::start(echo);
    let last = "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let more = "GET /b HTTP/1.1\r\nHost: h\r\n\r\n".repeat(LONG / 30);
    // In one piece: whoever has nothing more to send when its answer is ready has no more to come, and is not waited for.
    let all = last.to_owned() + &more;
    assert_eq!(deaf(server.connect(), &[all.as_bytes()]), closing("200 OK", "GET /a "));
}
