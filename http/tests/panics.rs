//! A handler that panics, or what it has left to the server, costs its own connection.

mod support;

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use greenwood_http::http::StatusCode;
use greenwood_http::middleware::Next;
use greenwood_http::{
    Backend, IntoResponse, Limits, Request, Response, ResponseBody, Router, Server,
};
use support::{BACKENDS, TestServer, closing, refused, text};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")
}

/// With room for one connection: one that is not let go keeps the next one out.
fn server(backend: Backend, handler: fn(&mut Request<'_>) -> Response) -> TestServer {
    let mut limits = Limits::default();
    limits.connections = 1;
    TestServer::with(Server::builder().backend(backend).limits(limits), handler)
}

fn assert_alive(server: &TestServer) {
    assert_eq!(server.exchange(&[b"GET / HTTP/1.0\r\n\r\n"]), closing("200 OK", "alive"));
}

#[test]
fn a_panic_is_a_500_and_the_server_lives() {
    for backend in BACKENDS {
        let server = server(backend, |request| {
            assert_ne!(request.path(), "/panic", "on purpose");
            "alive".into_response()
        });
        for _ in 0..3 {
            let raw = get("/panic") + &get("/");
            assert_eq!(server.exchange(&[raw.as_bytes()]), refused("500 Internal Server Error"));
            assert_alive(&server);
        }
    }
}

/// Reads as it is told, and may panic when it is dropped.
struct Bomb {
    parts: Vec<&'static str>,
    explodes: bool,
}

impl Read for Bomb {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.parts.pop() {
            Some("panic") => panic!("on purpose"),
            Some(part) => {
                into[..part.len()].copy_from_slice(part.as_bytes());
                Ok(part.len())
            }
            None => Ok(0),
        }
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.explodes, "on purpose");
    }
}

fn bomb(parts: &[&'static str]) -> Bomb {
    Bomb { parts: parts.iter().rev().copied().collect(), explodes: true }
}

fn bodies(request: &mut Request<'_>) -> Response {
    let body = match request.path() {
        "/reader" => {
            let mut reader = bomb(&["abc", "panic"]);
            reader.explodes = false;
            ResponseBody::from_reader(reader)
        }
        "/writer" => ResponseBody::from_writer(|out| {
            out.write_all(b"abc")?;
            out.flush()?;
            panic!("on purpose")
        }),
        "/early" => ResponseBody::from_writer(|out| {
            out.write_all(b"abc")?;
            panic!("on purpose")
        }),
        "/dropped" => ResponseBody::from_reader(bomb(&["abc"])),
        "/captured" => {
            let bomb = bomb(&[]);
            ResponseBody::from_writer(move |out| {
                let _bomb = &bomb;
                out.write_all(b"abc")?;
                out.flush()
            })
        }
        "/204" => {
            let body = ResponseBody::from_reader(bomb(&["abc"]));
            return Response::new(StatusCode::NO_CONTENT).with_body(body);
        }
        "/100" => {
            let body = ResponseBody::from_reader(bomb(&["abc"]));
            return Response::new(StatusCode::CONTINUE).with_body(body);
        }
        "/unread" => {
            // What the client gets is the error, whatever the handler returns.
            assert!(request.body().read_to_end(&mut Vec::new()).is_err());
            ResponseBody::from_reader(bomb(&["abc"]))
        }
        _ => return "alive".into_response(),
    };
    body.into_response()
}

/// Part of the answer is with the client: all that is left is to break off.
#[test]
fn a_body_that_panics_breaks_off() {
    for backend in BACKENDS {
        let server = server(backend, bodies);
        for path in ["/reader", "/writer", "/captured"] {
            let answer = server.exchange(&[(get(path) + &get("/")).as_bytes()]);
            assert_eq!(answer, format!("{CHUNKED}0003\r\nabc\r\n"), "{path}");
            assert_alive(&server);
        }
    }
}

#[test]
fn a_body_that_panics_before_anything_was_sent_is_a_500() {
    for backend in BACKENDS {
        let server = server(backend, bodies);
        let answer = server.exchange(&[(get("/") + &get("/early") + &get("/")).as_bytes()]);
        assert_eq!(answer, text("200 OK", "alive") + &refused("500 Internal Server Error"));
        assert_alive(&server);
    }
}

/// The answer is whole by then, or is none of its body.
#[test]
fn a_body_that_panics_when_it_is_dropped_spoils_no_answer() {
    for backend in BACKENDS {
        let server = server(backend, bodies);
        let next = closing("200 OK", "alive");
        let internal = text("500 Internal Server Error", "Internal Server Error");
        for (first, answer) in [
            (get("/dropped"), format!("{CHUNKED}0003\r\nabc\r\n0\r\n\r\n")),
            (get("/dropped").replace("GET", "HEAD"), CHUNKED.to_owned()),
            (get("/204"), "HTTP/1.1 204 No Content\r\n\r\n".to_owned()),
            (get("/100"), internal),
        ] {
            let raw = first.clone() + "GET / HTTP/1.0\r\n\r\n";
            assert_eq!(server.exchange(&[raw.as_bytes()]), answer + &next, "{first}");
        }
        let raw = b"POST /unread HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx";
        assert_eq!(server.exchange(&[raw]), refused("400 Bad Request"));
        assert_alive(&server);
    }
}

/// What middleware has left for others goes with the request, after the handler.
#[test]
fn an_extension_that_panics_when_it_is_dropped_is_a_500() {
    fn arm(request: &mut Request<'_>, next: Next<'_>) -> Response {
        request.extensions_mut().insert(Arc::new(bomb(&[])));
        next.run(request)
    }
    for backend in BACKENDS {
        let armed = Router::new().get("/armed", || "armed").with(arm);
        let router = Router::new().get("/", || "alive").merge(armed).build().unwrap();
        let server = TestServer::serving(Server::builder().backend(backend), router);
        let answer = server.exchange(&[get("/armed").as_bytes()]);
        assert_eq!(answer, refused("500 Internal Server Error"));
        assert_alive(&server);
    }
}

/// A connection that has left HTTP is its new owner's, and so is the panic.
#[test]
fn a_panic_after_an_upgrade_ends_the_connection() {
    for backend in BACKENDS {
        let server = server(backend, |request| {
            if request.path() == "/" {
                return "alive".into_response();
            }
            let protocol = greenwood_http::http::HeaderValue::from_static("x");
            Response::upgrade(protocol, |_| panic!("on purpose"))
        });
        let raw = b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
        let head = "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n";
        assert_eq!(server.exchange(&[raw]), head);
        assert_alive(&server);
    }
}

/// Waits that are ended come through a body as through a handler: at its end the runtime joins what it has cancelled.
#[test]
fn a_body_that_is_cancelled_is_no_panic() {
    let server = Server::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let (waits, waiting) = std::sync::mpsc::channel();
    let runtime = std::thread::spawn(move || {
        greenwood_runtime::run(move || {
            greenwood_runtime::spawn(move || {
                server.serve(move |_: &mut Request<'_>| {
                    let waits = waits.clone();
                    ResponseBody::from_writer(move |out| {
                        out.flush()?;
                        waits.send(()).unwrap();
                        greenwood_runtime::sleep(Duration::MAX);
                        Ok(())
                    })
                })
            });
            // The server's coroutines are left to the end of the runtime.
            while waiting.try_recv().is_err() {
                greenwood_runtime::sleep(Duration::from_millis(1));
            }
        });
    });
    let mut client = support::Client::connect(address);
    client.send(get("/"));
    assert_eq!(client.rest(), CHUNKED);
    runtime.join().unwrap();
}
