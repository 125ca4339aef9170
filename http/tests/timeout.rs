//! Handlers that limit their own waits: what becomes of the request, the connection and the server.

mod support;

use std::io::{ErrorKind, Read};
use std::panic::catch_unwind;
use std::sync::mpsc::channel;
use std::time::Duration;

use greenwood_http::{Request, Server};
use greenwood_runtime::{CancelToken, sleep, timeout};
use support::{BACKENDS, TestServer, closing, refused, text};

const SHORT: Duration = Duration::from_millis(20);

#[test]
fn a_wait_that_is_over_is_an_answer() {
    for backend in BACKENDS {
        let server =
            TestServer::with(Server::builder().backend(backend), |request: &mut Request<'_>| {
                match request.path() {
                    "/time-out" => timeout(SHORT, || sleep(Duration::MAX)).is_err().to_string(),
                    "/token" => {
                        let token = CancelToken::new();
                        token.cancel();
                        token.run(|| sleep(Duration::MAX)).is_err().to_string()
                    }
                    "/swallowed" => {
                        let swallow = || {
                            let wait = || sleep(Duration::MAX);
                            (0..3).filter(|_| catch_unwind(wait).is_err()).count()
                        };
                        format!("{:?}", timeout(SHORT, swallow))
                    }
                    _ => "other".to_owned(),
                }
            });
        let mut client = server.connect();
        for (path, answer) in
            [("/time-out", "true"), ("/token", "true"), ("/swallowed", "Ok(3)"), ("/", "other")]
        {
            client.send(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
            assert_eq!(client.until(answer), text("200 OK", answer), "{path}");
        }
    }
}

#[test]
fn a_panic_inside_is_still_a_500() {
    for backend in BACKENDS {
        let server =
            TestServer::with(Server::builder().backend(backend), |_: &mut Request<'_>| -> String {
                let elapsed = timeout(SHORT, || sleep(Duration::MAX));
                elapsed.expect("on purpose");
                unreachable!()
            });
        let raw = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        assert_eq!(server.exchange(&[raw]), refused("500 Internal Server Error"));
        assert_eq!(server.exchange(&[raw]), refused("500 Internal Server Error"));
    }
}

/// The handler's own limit on reading the body, not the server's: the answer is the handler's, and the rest of the body is skipped.
#[test]
fn a_slow_body() {
    for backend in BACKENDS {
        let (over, is_over) = channel();
        let server = TestServer::with(
            Server::builder().backend(backend),
            move |request: &mut Request<'_>| {
                let mut body = Vec::new();
                let mut read = || request.body().read_to_end(&mut body).map_err(|e| e.kind());
                let first = timeout(SHORT, &mut read);
                if request.path() == "/twice" {
                    assert_eq!(first, Ok(Err(ErrorKind::TimedOut)));
                    over.send(()).unwrap();
                    let mut rest = String::new();
                    request.body().read_to_string(&mut rest).unwrap();
                    return String::from_utf8(body).unwrap() + &rest;
                }
                format!("{first:?}")
            },
        );
        let mut client = server.connect();
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc");
        let answer = "Ok(Err(TimedOut))";
        assert_eq!(client.until(answer), text("200 OK", answer));
        client.send("defGET / HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(client.until("Ok(Ok(0))"), text("200 OK", "Ok(Ok(0))"));
        client.send(
            "POST /twice HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 6\r\n\r\nabc",
        );
        is_over.recv().unwrap();
        client.send("def");
        assert_eq!(client.rest(), closing("200 OK", "abcdef"));
    }
}
