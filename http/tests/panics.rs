//! A handler that panics costs its own connection.

mod support;

use greenwood_http::{Request, Server};
use support::{BACKENDS, TestServer, closing, refused};

#[test]
fn a_panic_is_a_500_and_the_server_lives() {
    for backend in BACKENDS {
        let server =
            TestServer::with(Server::builder().backend(backend), |request: &mut Request<'_>| {
                assert_ne!(request.path(), "/panic", "on purpose");
                "alive"
            });
        let raw = b"GET /panic HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n";
        assert_eq!(server.exchange(&[raw]), refused("500 Internal Server Error"));
        assert_eq!(server.exchange(&[b"GET / HTTP/1.0\r\n\r\n"]), closing("200 OK", "alive"));
    }
}
