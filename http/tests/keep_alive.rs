//! Which connections persist (RFC 9112 section 9.3).

mod support;

use greenwood_http::http::{HeaderValue, header};
use greenwood_http::{IntoResponse, Request, Server};
use support::{BACKENDS, TestServer, closing, echo, text};

#[test]
fn http_1_1_persists_and_1_0_must_ask() {
    for backend in BACKENDS {
        let server = TestServer::with(Server::builder().backend(backend), echo);
        let mut client = server.connect();
        for _ in 0..3 {
            client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
            assert_eq!(client.until("GET /a "), text("200 OK", "GET /a "));
        }
        client.send("GET /b HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
        let persistent =
            closing("200 OK", "GET /b ").replace("connection: close", "connection: keep-alive");
        assert_eq!(client.until("GET /b "), persistent);
        client.send("GET /c HTTP/1.0\r\n\r\n");
        assert_eq!(client.rest(), closing("200 OK", "GET /c "));
    }
}

#[test]
fn close_is_honoured_from_both_sides() {
    let server = TestServer::start(|request: &mut Request<'_>| {
        let response = "x".into_response();
        match request.path() {
            "/close" => response.with_header(header::CONNECTION, HeaderValue::from_static("close")),
            _ => response,
        }
    });
    let asked = server.exchange(&[b"GET / HTTP/1.1\r\nHost: h\r\nConnection: foo, close\r\n\r\n"]);
    assert_eq!(asked, closing("200 OK", "x"));
    assert_eq!(
        server.exchange(&[b"GET /close HTTP/1.1\r\nHost: h\r\n\r\n"]),
        closing("200 OK", "x")
    );
}

#[test]
fn half_close_after_the_request_still_gets_the_answer() {
    for backend in BACKENDS {
        let server = TestServer::with(Server::builder().backend(backend), echo);
        let mut client = server.connect();
        client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
        client.half_close();
        assert_eq!(client.rest(), text("200 OK", "POST /a hi"));

        let mut client = server.connect();
        client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n".repeat(3));
        client.half_close();
        assert_eq!(client.rest(), text("200 OK", "GET /a ").repeat(3));
    }
}

#[test]
fn half_close_within_a_request_is_refused() {
    let server = TestServer::start(echo);
    for raw in ["GET / HT", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nhi"] {
        let mut client = server.connect();
        client.send(raw);
        client.half_close();
        assert_eq!(client.rest(), support::refused("400 Bad Request"), "{raw}");
    }
}

#[test]
fn a_connection_without_a_request_ends_silently() {
    let server = TestServer::start(echo);
    let mut client = server.connect();
    client.send("\r\n");
    client.half_close();
    assert_eq!(client.rest(), "");
}

#[test]
fn buffers_given_back_while_idle_are_made_anew() {
    let server = TestServer::start(echo);
    let mut client = server.connect();
    client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    client.until("GET /a ");
    // Longer than the time for which a connection keeps its buffers.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    client.send("GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
    client.until("GET /b ");
}
