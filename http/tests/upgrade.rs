//! Connections that leave HTTP.

mod support;

use std::io::{Read, Write};
use std::time::Duration;

use greenwood_http::http::{HeaderValue, StatusCode};
use greenwood_http::{Request, Response, Server, Upgraded};
use support::{BACKENDS, TestServer, refused};

/// Says everything back, and then good-bye.
fn parrot(request: &mut Request<'_>) -> Response {
    let _ = request.body().read_to_end(&mut Vec::new());
    Response::upgrade(HeaderValue::from_static("parrot"), |connection: Upgraded| {
        let mut bytes = [0; 64];
        while let Ok(n @ 1..) = (&connection).read(&mut bytes) {
            (&connection).write_all(&bytes[..n]).unwrap();
        }
        (&connection).write_all(b"bye").unwrap();
    })
}

const SWITCHED: &str =
    "HTTP/1.1 101 Switching Protocols\r\nupgrade: parrot\r\nconnection: upgrade\r\n\r\n";

#[test]
fn what_came_early_is_not_lost_however_it_is_cut() {
    let raw = b"POST / HTTP/1.1\r\nHost: h\r\nConnection: foo, Upgrade\r\nUpgrade: x, Parrot\r\n\
                Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nhello";
    for backend in BACKENDS {
        let server = TestServer::with(Server::builder().backend(backend), parrot);
        for at in (1..raw.len()).step_by(if backend == BACKENDS[0] { 1 } else { 20 }) {
            let mut client = server.connect();
            client.send(&raw[..at]);
            client.send(&raw[at..]);
            assert_eq!(client.until("\r\n\r\n"), SWITCHED, "cut at {at}");
            assert_eq!(client.until("hello"), "hello", "cut at {at}");
            client.send("more");
            client.half_close();
            assert_eq!(client.rest(), "morebye", "cut at {at}");
        }
    }
}

#[test]
fn only_who_asks_is_switched() {
    let server = TestServer::start(parrot);
    for fields in [
        "GET / HTTP/1.1\r\nHost: h\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: parrot\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: parrots\r\nConnection: upgrade\r\n",
        "GET / HTTP/1.0\r\nUpgrade: parrot\r\nConnection: upgrade\r\n",
    ] {
        let answer = server.exchange(&[format!("{fields}Connection: close\r\n\r\n").as_bytes()]);
        assert_eq!(answer, refused("500 Internal Server Error"), "{fields}");
    }
}

#[test]
fn a_body_that_is_left_unread_is_no_part_of_the_next_protocol() {
    let server = TestServer::start(|_: &mut Request<'_>| {
        Response::upgrade(HeaderValue::from_static("parrot"), |_| panic!("switched"))
    });
    let raw = "POST / HTTP/1.1\r\nHost: h\r\nConnection: upgrade, close\r\nUpgrade: parrot\r\nContent-Length: 9\r\n\r\n";
    assert_eq!(server.exchange(&[raw.as_bytes()]), refused("500 Internal Server Error"));
}

/// As middleware does that knows nothing of upgrades: what is no 101 leaves the connection with HTTP.
#[test]
fn with_another_status_it_is_no_upgrade() {
    let server = TestServer::start(|_: &mut Request<'_>| {
        Response::upgrade(HeaderValue::from_static("parrot"), |_| panic!("switched"))
            .with_status(StatusCode::OK)
    });
    let raw = "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: parrot\r\n\r\n";
    let last = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let answer = "HTTP/1.1 200 OK\r\nupgrade: parrot\r\ncontent-length: 0\r\n";
    let both = format!("{answer}\r\n{answer}connection: close\r\n\r\n");
    assert_eq!(server.exchange(&[raw.as_bytes(), last.as_bytes()]), both);
}

#[test]
fn reading_does_not_keep_another_from_writing() {
    for backend in BACKENDS {
        let server = TestServer::with(Server::builder().backend(backend), |_: &mut Request<'_>| {
            Response::upgrade(HeaderValue::from_static("x"), |connection: Upgraded| {
                assert_eq!(
                    connection.try_read(&mut [0]).unwrap_err().kind(),
                    std::io::ErrorKind::WouldBlock
                );
                let late = connection.wait_readable(Some(Duration::from_millis(1)));
                assert_eq!(late.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
                greenwood_runtime::scope(|s| {
                    let reader = s.spawn(|| {
                        let mut word = [0; 4];
                        connection.wait_readable(None).unwrap();
                        (&connection).read_exact(&mut word).unwrap();
                        word
                    });
                    (&connection).write_all(b"say something").unwrap();
                    assert_eq!(reader.join().unwrap(), *b"well");
                });
                (&connection).write_all(b", thanks").unwrap();
            })
        });
        let mut client = server.connect();
        client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
        client.until("\r\n\r\nsay something");
        client.send("well");
        assert_eq!(client.rest(), ", thanks");
    }
}
