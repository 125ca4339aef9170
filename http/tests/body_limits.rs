//! Limits on bodies that hold for single routes.

mod support;

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use greenwood_http::http;
use greenwood_http::middleware::{Next, body_limit, body_progress, wrap};
use greenwood_http::{Builder, Limits, Request, Response, Router, Server};
use support::{BACKENDS, TestServer, closing, refused};

fn small() -> Builder {
    let mut limits = Limits::default();
    limits.body = 10;
    Server::builder().limits(limits)
}

/// A server whose routes allow other lengths than its 10, and how often a handler was called.
fn server(builder: Builder) -> (TestServer, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counting = || {
        let calls = calls.clone();
        move |request: &mut Request<'_>| {
            calls.fetch_add(1, Ordering::SeqCst);
            let mut body = String::new();
            request.body().read_to_string(&mut body).map(|_| body)
        }
    };
    let router = Router::new()
        .post("/10", counting())
        .post("/3", wrap(counting(), body_limit(3)))
        .post("/100", wrap(wrap(counting(), body_limit(100)), body_limit(1)))
        .nest("/nested", Router::new().post("/30", counting()).with(body_limit(30)))
        .post("/extracted/20", wrap(|body: String| body, body_limit(20)));
    (TestServer::serving(builder, router.build().unwrap()), calls)
}

const ROUTES: [(&str, usize); 5] =
    [("/10", 10), ("/3", 3), ("/100", 100), ("/nested/30", 30), ("/extracted/20", 20)];

#[test]
fn at_one_under_and_one_over() {
    for backend in BACKENDS {
        let (server, _) = server(small().backend(backend));
        for (path, limit) in ROUTES {
            for length in [limit - 1, limit, limit + 1] {
                let body = "x".repeat(length);
                let announced =
                    format!("POST {path} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}");
                let head = format!("POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n");
                let chunked = format!(
                    "{head}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n{:x}\r\n{}\r\n0\r\n\r\n",
                    length - 1,
                    &body[1..]
                );
                for raw in [announced, chunked] {
                    let answer = server.exchange(&[raw.as_bytes()]);
                    if length <= limit {
                        assert_eq!(answer, closing("200 OK", &body), "{raw}");
                    } else {
                        assert!(
                            answer.starts_with("HTTP/1.1 413 Payload Too Large\r\n"),
                            "{raw}: {answer}"
                        );
                        assert!(answer.contains("\r\nconnection: close\r\n"), "{raw}: {answer}");
                    }
                }
            }
        }
    }
}

#[test]
fn no_function_sees_an_announced_body_that_is_too_long() {
    let (server, calls) = server(small());
    for (path, limit) in ROUTES {
        for fields in ["", "Expect: 100-continue\r\n"] {
            let length = limit + 1;
            let raw = format!(
                "POST {path} HTTP/1.1\r\nHost: h\r\n{fields}Content-Length: {length}\r\n\r\n"
            );
            // Nothing more is sent, and yet the answer comes, and no interim one before.
            assert_eq!(
                server.exchange(&[raw.as_bytes()]),
                refused("413 Payload Too Large"),
                "{raw}"
            );
        }
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[test]
fn expected_bodies_are_asked_for_up_to_the_limit() {
    let (server, _) = server(small());
    for (path, limit) in ROUTES {
        let mut client = server.connect();
        client.send(format!(
            "POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: {limit}\r\n\r\n"
        ));
        assert_eq!(client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("x".repeat(limit));
        assert_eq!(client.rest(), closing("200 OK", &"x".repeat(limit)));
    }
}

#[test]
fn what_does_not_take_the_body_answers_without_it() {
    let (server, _) = server(small());
    for (line, status) in [("POST /none", "404 Not Found"), ("PUT /10", "405 Method Not Allowed")] {
        let raw = format!("{line} HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n");
        let answer = server.exchange(&[raw.as_bytes()]);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }
}

/// Middleware may look at the answer to a body that is too long, and add to it.
#[test]
fn middleware_around_a_refusal() {
    fn named(request: &mut Request<'_>, next: Next<'_>) -> Response {
        let response = next.run(request);
        let (name, value) = (http::header::SERVER, http::HeaderValue::from_static("me"));
        response.with_header(name, value)
    }
    let router = Router::new().post("/", |_: &mut Request<'_>| "x").with(named);
    let server = TestServer::serving(small(), router.build().unwrap());
    let answer = server.exchange(&[b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n"]);
    assert!(
        answer.starts_with("HTTP/1.1 413 ") && answer.contains("\r\nserver: me\r\n"),
        "{answer}"
    );
}

#[test]
fn a_route_may_allow_shorter_pauses() {
    for backend in BACKENDS {
        let read = |body: String| body;
        let router = Router::new().post("/", wrap(read, body_progress(Duration::from_millis(50))));
        let server =
            TestServer::serving(Server::builder().backend(backend), router.build().unwrap());
        let raw = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nx";
        let text = "request did not arrive in time";
        assert_eq!(server.exchange(&[raw]), closing("408 Request Timeout", text));
    }
}
