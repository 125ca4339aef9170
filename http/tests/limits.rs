//! What a client may cost: sizes, times, connections.

mod support;

use std::time::Duration;

use greenwood_http::{Builder, Limits, Server};
use support::{BACKENDS, TestServer, closing, echo, refused, text};

fn with(set: impl FnOnce(&mut Limits)) -> Builder {
    let mut limits = Limits::default();
    set(&mut limits);
    Server::builder().limits(limits)
}

const TARGET_TOO_LONG: &str = "414 URI Too Long";
const HEAD_TOO_LARGE: &str = "431 Request Header Fields Too Large";
const BODY_TOO_LARGE: &str = "413 Payload Too Large";

/// Sends `raw` in one write, and in several; what comes to the same.
fn exchange(server: &TestServer, raw: &str) -> String {
    let whole = server.exchange(&[raw.as_bytes()]);
    for parts in [2, 3, 7] {
        let parts: Vec<&[u8]> = raw.as_bytes().chunks(raw.len() / parts + 1).collect();
        let answer = server.exchange(&parts);
        assert_eq!(answer, whole, "in {} parts: {raw:.100}", parts.len());
    }
    whole
}

#[test]
fn target() {
    for (builder, limit) in [(Server::builder(), 8 * 1024), (with(|l| l.target = 10), 10)] {
        let server = TestServer::with(builder, echo);
        for (length, fits) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
            let target = "/".repeat(length);
            for end in [" HTTP/1.0\r\n\r\n", " HTTP/1.0\r\nA: b\r\n\r\n"] {
                let answer = exchange(&server, &format!("GET {target}{end}"));
                let expected = match fits {
                    true => closing("200 OK", &format!("GET {target} ")),
                    false => refused(TARGET_TOO_LONG),
                };
                assert_eq!(answer, expected);
            }
        }
        // The query counts, and the rest of an absolute target.
        let long = "x".repeat(limit);
        for target in [format!("/?{long}"), format!("http://h/{long}"), format!("http://{long}")] {
            let answer = exchange(&server, &format!("GET {target} HTTP/1.0\r\n\r\n"));
            assert_eq!(answer, refused(TARGET_TOO_LONG));
        }
    }
}

#[test]
fn head() {
    for (builder, limit) in [(Server::builder(), 32 * 1024), (with(|l| l.head = 100), 100)] {
        let server = TestServer::with(builder, echo);
        for (length, fits) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
            for (start, body) in [
                ("GET /a HTTP/1.0\r\nA: ", ""),
                ("GET /a HTTP/1.0\r\nContent-Length: 3\r\nA: ", "abc"),
            ] {
                let value = "b".repeat(length - start.len() - 4);
                let answer = exchange(&server, &format!("{start}{value}\r\n\r\n{body}"));
                let expected = match fits {
                    true => closing("200 OK", &format!("GET /a {body}")),
                    false => refused(HEAD_TOO_LARGE),
                };
                assert_eq!(answer, expected);
            }
        }
        // A method has no limit of its own.
        let method = "M".repeat(limit);
        let answer = exchange(&server, &format!("{method} / HTTP/1.0\r\n\r\n"));
        assert_eq!(answer, refused(HEAD_TOO_LARGE));
    }
}

#[test]
fn fields() {
    for (builder, limit) in
        [(Server::builder(), 100), (with(|l| l.fields = 5), 5), (with(|l| l.fields = 300), 300)]
    {
        let server = TestServer::with(builder, echo);
        for (number, fits) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
            let fields = "A: b\r\n".repeat(number);
            let answer = exchange(&server, &format!("GET /a HTTP/1.0\r\n{fields}\r\n"));
            let expected =
                if fits { closing("200 OK", "GET /a ") } else { refused(HEAD_TOO_LARGE) };
            assert_eq!(answer, expected);
        }
    }
}

#[test]
fn body() {
    let server = TestServer::with(with(|l| l.body = 10), echo);
    for (length, fits) in [(9, true), (10, true), (11, false)] {
        let body = &"0123456789a"[..length];
        let chunk = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
        let single: String = body.chars().map(|c| format!("1\r\n{c}\r\n")).collect();
        for (framing, body) in [
            (format!("Content-Length: {length}"), body.to_owned()),
            ("Transfer-Encoding: chunked".to_owned(), chunk),
            ("Transfer-Encoding: chunked".to_owned(), single + "0\r\n\r\n"),
        ] {
            let head = "POST /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n";
            let answer = exchange(&server, &format!("{head}{framing}\r\n\r\n{body}"));
            let expected = match fits {
                true => closing("200 OK", &format!("POST /a {}", &"0123456789"[..length])),
                false => refused(BODY_TOO_LARGE),
            };
            assert_eq!(answer, expected, "{framing} {body}");
        }
    }
    let server = TestServer::with(with(|l| l.body = 0), echo);
    let none = "POST /a HTTP/1.0\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(exchange(&server, none), closing("200 OK", "POST /a "));
    let one = "POST /a HTTP/1.0\r\nContent-Length: 1\r\n\r\nx";
    assert_eq!(exchange(&server, one), refused(BODY_TOO_LARGE));
}

/// As much beside the data as is allowed in all, in one place or in many.
#[test]
fn extensions_and_trailers() {
    let server = TestServer::start(echo);
    for (length, fits) in [(16 * 1024 - 1, true), (16 * 1024, true), (16 * 1024 + 1, false)] {
        let one_extension = format!("3;{}\r\nabc\r\n0\r\n\r\n", "x".repeat(length));
        let one_trailer = format!("3\r\nabc\r\n0\r\nA:{}\r\n\r\n", "x".repeat(length - 1));
        let both = format!(
            "3;{}\r\nabc\r\n0\r\nA:{}\r\n\r\n",
            "x".repeat(length / 2),
            "x".repeat(length - length / 2 - 1)
        );
        let trailers = "Aaaa:bbb\r\n".repeat(length / 7)
            + &format!("A:{}\r\n", "b".repeat(length - length / 7 * 7 - 1));
        let many_trailers = format!("3\r\nabc\r\n0\r\n{trailers}\r\n");
        for body in [one_extension, one_trailer, both, many_trailers] {
            let head = "POST /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
            let answer = exchange(&server, &format!("{head}{body}"));
            let expected =
                if fits { closing("200 OK", "POST /a abc") } else { refused(HEAD_TOO_LARGE) };
            assert_eq!(answer, expected, "{length}: {body:.20}");
        }
    }
}

#[test]
fn requests() {
    for (limit, answers) in [(1, 1), (2, 2), (3, 3), (0, 1)] {
        for backend in BACKENDS {
            let server = TestServer::with(with(|l| l.requests = limit).backend(backend), echo);
            let request = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
            let expected =
                text("200 OK", "GET /a ").repeat(answers - 1) + &closing("200 OK", "GET /a ");
            // At once, and one after the other.
            assert_eq!(exchange(&server, &request.repeat(answers)), expected);
            assert_eq!(exchange(&server, &request.repeat(answers + 1)), expected);
            let mut client = server.connect();
            for _ in 1..answers {
                client.send(request);
                assert_eq!(client.until("GET /a "), text("200 OK", "GET /a "));
            }
            client.send(request);
            assert_eq!(client.rest(), closing("200 OK", "GET /a "));
        }
    }
}

#[test]
fn endless_heads_are_refused_before_they_end() {
    let server = TestServer::start(echo);
    let line = format!("GET /{}", "a".repeat(64 * 1024));
    assert_eq!(server.exchange(&[line.as_bytes()]), refused("414 URI Too Long"));
    let field = format!("GET / HTTP/1.1\r\nHost: h\r\nA: {}", "b".repeat(64 * 1024));
    let too_large = refused("431 Request Header Fields Too Large");
    assert_eq!(server.exchange(&[field.as_bytes()]), too_large);
}

#[test]
fn a_head_has_a_deadline_however_it_drips() {
    for backend in BACKENDS {
        let builder = with(|l| l.head_deadline = Duration::from_millis(100)).backend(backend);
        let server = TestServer::with(builder, echo);
        let mut client = server.connect();
        let mut watch = client.stream.try_clone().unwrap();
        // Drips for as long as it is let.
        let drip = std::thread::spawn(move || {
            use std::io::Write;
            while watch.write_all(b"G").is_ok() {
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        assert_eq!(client.until("Request Timeout\r\n"), "HTTP/1.1 408 Request Timeout\r\n");
        drop(client);
        drop(server);
        drip.join().unwrap();
    }
}

#[test]
fn a_body_must_make_progress() {
    let builder = with(|l| l.body_progress = Duration::from_millis(50));
    let server = TestServer::with(builder, echo);
    let raw = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nx";
    assert_eq!(server.exchange(&[raw]), refused("408 Request Timeout"));
}

#[test]
fn idle_connections_are_closed() {
    for backend in BACKENDS {
        for idle in [50, 1100] {
            let builder = with(|l| l.idle = Duration::from_millis(idle)).backend(backend);
            let server = TestServer::with(builder, echo);
            let mut client = server.connect();
            assert_eq!(client.rest(), "");
        }
    }
}

#[test]
fn a_peer_that_takes_nothing_is_cut() {
    let builder = with(|l| l.write_progress = Duration::from_millis(50)).backend(BACKENDS[1]);
    let server =
        TestServer::with(builder, |_: &mut greenwood_http::Request<'_>| vec![0; 100 << 20]);
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    // Nothing is read here; the connection must end nevertheless, and with it the server.
    let shutdown = server.shutdown.clone();
    client.until("\r\n\r\n");
    shutdown.shutdown_within(Duration::from_secs(3600));
    server.join();
}

#[test]
fn the_server_takes_no_more_connections_than_allowed() {
    let server = TestServer::with(with(|l| l.connections = 2), echo);
    let mut clients = [server.connect(), server.connect()];
    for client in &mut clients {
        client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
        client.until("GET /a ");
    }
    let mut third = server.connect();
    third.send("GET /b HTTP/1.0\r\n\r\n");
    third.stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let waits = third.stream.peek(&mut [0]).unwrap_err();
    assert_eq!(waits.kind(), std::io::ErrorKind::WouldBlock);
    third.stream.set_read_timeout(Some(support::WATCHDOG)).unwrap();
    let [first, _second] = clients;
    drop(first);
    assert_eq!(third.rest(), closing("200 OK", "GET /b "));
}
