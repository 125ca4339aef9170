//! The access log and the time limit around handlers.

mod support;

use std::io::{self, Read, Write};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use greenwood_http::http::StatusCode;
use greenwood_http::middleware::{Next, access_log, time_limit, wrap};
use greenwood_http::{Request, Response, ResponseBody, Router, Server};
use greenwood_runtime::{CancelToken, sleep, timeout};
use support::{BACKENDS, TestServer, refused, text};

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(3600);

/// Sends each write as a line.
struct Lines(Sender<String>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.send(String::from_utf8(bytes.to_vec()).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A line with the date and the duration, which must have their forms, left out.
fn stable(line: &str) -> String {
    let (start, rest) = line.split_once('[').unwrap();
    let (date, rest) = rest.split_once("] ").unwrap();
    let form: String = date.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let month = &date[3..6];
    assert_eq!(form.replace(month, "Mon"), "00/Mon/0000:00:00:00 +0000", "{line:?}");
    let (rest, took) = rest.rsplit_once(' ').unwrap();
    let (seconds, micros) = took.strip_suffix('\n').unwrap().split_once('.').unwrap();
    assert!(seconds.parse::<u64>().unwrap() < 60 && micros.len() == 6, "{line:?}");
    format!("{start}{rest}")
}

#[test]
fn a_line_for_each_answer() {
    for backend in BACKENDS {
        let (lines, written) = channel();
        let routes = Router::new()
            .get("/", || "hello")
            .get("/stream", || ResponseBody::from_reader(&b"abc"[..]))
            .get("/panic", || -> () { panic!("on purpose") })
            .with(access_log(Lines(lines)));
        let server =
            TestServer::serving(Server::builder().backend(backend), routes.build().unwrap());
        for (raw, expected) in [
            (
                &b"GET /?q HTTP/1.0\r\nReferer: http://h/\r\nUser-Agent: me \xe9\"\\\r\n\r\n"[..],
                r#"127.0.0.1 - - "GET /?q HTTP/1.0" 200 5 "http://h/" "me \xe9\x22\x5c""#,
            ),
            (
                b"HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nUser-Agent: a\tb\r\n\r\n",
                r#"127.0.0.1 - - "HEAD / HTTP/1.1" 200 0 "-" "a\x09b""#,
            ),
            (
                b"GET /stream HTTP/1.0\r\n\r\n",
                r#"127.0.0.1 - - "GET /stream HTTP/1.0" 200 - "-" "-""#,
            ),
            (
                b"GET /\"x\\%0a HTTP/1.0\r\n\r\n",
                r#"127.0.0.1 - - "GET /\x22x\x5c%0a HTTP/1.0" 404 9 "-" "-""#,
            ),
            (b"DELETE / HTTP/1.0\r\n\r\n", r#"127.0.0.1 - - "DELETE / HTTP/1.0" 405 18 "-" "-""#),
            (
                b"GET /panic HTTP/1.0\r\n\r\n",
                r#"127.0.0.1 - - "GET /panic HTTP/1.0" 500 - "-" "-""#,
            ),
        ] {
            let answer = server.exchange(&[raw]);
            assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
            assert_eq!(stable(&written.recv().unwrap()), expected);
        }
        assert!(written.try_recv().is_err());
    }
}

#[test]
fn a_log_that_cannot_be_written_keeps_nobody() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let server = TestServer::serving(Server::builder(), wrap(|| "hello", access_log(Full)));
    assert!(server.exchange(&[b"GET / HTTP/1.0\r\n\r\n"]).ends_with("\r\n\r\nhello"));
}

#[test]
fn what_takes_too_long_is_a_503() {
    for backend in BACKENDS {
        let own = |limit| {
            move |_: &mut Request<'_>| format!("{:?}", timeout(limit, || sleep(Duration::MAX)))
        };
        let limited = Router::new()
            .get("/slow", || sleep(Duration::MAX))
            .get("/inner", own(LONG))
            .post("/body", |body: String| body)
            .post("/late", |request: &mut Request<'_>| {
                format!("{:?}", request.body().read_to_end(&mut Vec::new()).map_err(|e| e.kind()))
            })
            .with(time_limit(SHORT));
        let router = Router::new()
            .merge(limited)
            .get("/quick", || "quick")
            .get("/own", own(SHORT))
            .get("/error", || StatusCode::BAD_GATEWAY)
            .with(time_limit(LONG));
        let server =
            TestServer::serving(Server::builder().backend(backend), router.build().unwrap());
        let mut client = server.connect();
        let quick = text("200 OK", "quick");
        let unavailable = text("503 Service Unavailable", "Service Unavailable");
        for (path, answer) in [
            ("/quick", &quick),
            ("/slow", &unavailable),
            ("/own", &text("200 OK", "Err(Elapsed)")),
            ("/inner", &unavailable),
            ("/error", &text("502 Bad Gateway", "Bad Gateway")),
            ("/quick", &quick),
        ] {
            client.send(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
            let (_, body) = answer.split_once("\r\n\r\n").unwrap();
            assert_eq!(client.until(&format!("\r\n\r\n{body}")), *answer, "{path}");
        }
        // A body that does not come: the read fails. What an extractor makes of that counts as late, what a handler makes of it
        // is its answer. The rest is skipped.
        for (path, answer) in [("/body", &unavailable), ("/late", &text("200 OK", "Err(TimedOut)"))]
        {
            client.send(format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab"));
            let (_, body) = answer.split_once("\r\n\r\n").unwrap();
            assert_eq!(client.until(&format!("\r\n\r\n{body}")), *answer, "{path}");
            client.send("cGET /quick HTTP/1.1\r\nHost: h\r\n\r\n");
            assert_eq!(client.until("\r\n\r\nquick"), quick);
        }
    }
}

/// Whoever ends a wait from outside of the limit gets it ended: that is no time-out.
#[test]
fn other_interruptions_pass() {
    fn cancelled(request: &mut Request<'_>, next: Next<'_>) -> Response {
        let token = CancelToken::new();
        token.cancel();
        match token.run(|| next.run(request)) {
            Ok(response) => response,
            Err(_) => greenwood_http::IntoResponse::into_response("cancelled"),
        }
    }
    for backend in BACKENDS {
        let (lines, written) = channel();
        let handler = wrap(|| sleep(Duration::MAX), time_limit(LONG));
        let handler = wrap(wrap(handler, access_log(Lines(lines))), cancelled);
        let server = TestServer::serving(Server::builder().backend(backend), handler);
        assert!(server.exchange(&[b"GET / HTTP/1.0\r\n\r\n"]).ends_with("\r\n\r\ncancelled"));
        // No answer came out of there.
        assert!(written.try_recv().is_err());
    }
}

#[test]
fn a_panic_within_a_limit_is_a_500() {
    let handler = wrap(|| -> () { panic!("on purpose") }, time_limit(LONG));
    let server = TestServer::serving(Server::builder(), handler);
    let answer = server.exchange(&[b"GET / HTTP/1.0\r\n\r\n"]);
    assert_eq!(answer, refused("500 Internal Server Error"));
}
