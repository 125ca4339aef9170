//! How a connection ends: what is complete says so (`close_notify`), and what is not does not.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use greenwood_http::{Limits, Request, RequestError, ResponseBody};

use crate::client::{Client, Identity, text};
use crate::support::{BACKENDS, TestServer, WATCHDOG, echo};

/// Everything up to `close_notify`; an end without is an error.
fn rest(client: &mut Client) -> io::Result<String> {
    let mut text = String::new();
    client.read_to_string(&mut text).map(|_| text)
}

#[test]
fn an_answer_that_closes_ends_in_order() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let server = TestServer::with(identity.server(backend), echo);
        for request in [
            "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
            "GET /a HTTP/1.0\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET\0",
        ] {
            let mut client = identity.connect(server.address);
            client.write_all(request.as_bytes()).unwrap();
            let all = rest(&mut client).unwrap();
            assert!(all.contains("\r\n\r\nGET /a "), "{all}");
        }
    }
}

#[test]
fn idle_connections_and_a_shutdown_end_in_order() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let mut limits = Limits::default();
        limits.idle = Duration::from_millis(30);
        let server = TestServer::with(identity.server(backend).limits(limits), echo);
        let mut client = identity.connect(server.address);
        client.write_all(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
        assert_eq!(text(&mut client), "GET /a ");
        assert_eq!(rest(&mut client).unwrap(), "");

        let server = TestServer::with(identity.server(backend), echo);
        let mut client = identity.connect(server.address);
        client.write_all(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
        assert_eq!(text(&mut client), "GET /a ");
        server.shutdown.shutdown_within(WATCHDOG);
        assert_eq!(rest(&mut client).unwrap(), "");
        server.join();
    }
}

#[test]
fn an_answer_that_breaks_off_does_not_end_in_order() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let server = TestServer::with(identity.server(backend), |_: &mut Request<'_>| {
            ResponseBody::from_writer(|out| {
                out.write_all(b"part")?;
                out.flush()?;
                Err(ErrorKind::Other.into())
            })
        });
        let mut client = identity.connect(server.address);
        // To HTTP/1.0 nothing else marks the end.
        client.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let error = rest(&mut client).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }
}

#[test]
fn a_body_cut_short_is_never_complete() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let (tell, told) = channel();
        let server =
            TestServer::with(identity.server(backend), move |request: &mut Request<'_>| {
                let mut body = Vec::new();
                let result = request.body().read_to_end(&mut body);
                let error =
                    result.as_ref().err().and_then(|e| e.get_ref()).map(|e| {
                        *e.downcast_ref::<RequestError>().expect("what the client got wrong")
                    });
                tell.send((body, error)).unwrap();
                result.map(drop)
            });
        for framing in
            ["Content-Length: 10\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"]
        {
            for in_order in [true, false] {
                let mut client = identity.connect(server.address);
                write!(client, "PUT / HTTP/1.1\r\nHost: h\r\n{framing}").unwrap();
                if in_order {
                    client.conn.send_close_notify();
                    client.flush().unwrap();
                }
                client.sock.shutdown(Shutdown::Write).unwrap();
                let (body, error) = told.recv_timeout(WATCHDOG).unwrap();
                assert_eq!((&*body, error), (&b"half"[..], Some(RequestError::Truncated)));
                let (head, _) = crate::client::answer(&mut client).unwrap();
                assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
            }
        }
    }
}

#[test]
fn a_client_that_ends_its_half_gets_its_answer() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let server = TestServer::with(identity.server(backend), echo);
        for in_order in [true, false] {
            let mut client = identity.connect(server.address);
            client.write_all(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
            if in_order {
                client.conn.send_close_notify();
                client.flush().unwrap();
            }
            client.sock.shutdown(Shutdown::Write).unwrap();
            let all = rest(&mut client).unwrap();
            assert!(all.ends_with("\r\n\r\nGET /a "), "{all}");
        }
    }
}

/// It has said that nothing follows, and then says so again in the terms of TLS: bytes that nobody reads, over which the kernel would
/// reset the connection and forget what the client has not read yet.
#[test]
fn an_answer_is_not_lost_when_the_client_has_said_its_end_twice() {
    const LONG: usize = 1 << 20;

    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let (ask, asked) = channel();
        let asked = Mutex::new(asked);
        let server = TestServer::with(identity.server(backend), move |_: &mut Request<'_>| {
            asked.lock().unwrap().recv().unwrap();
            vec![b'x'; LONG]
        });
        for request in
            ["GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"]
        {
            let mut client = identity.connect(server.address);
            client.write_all(request.as_bytes()).unwrap();
            // The server has its request by now, most probably; the outcome must be the same.
            std::thread::sleep(Duration::from_millis(50));
            client.conn.send_close_notify();
            client.flush().unwrap();
            ask.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(50));
            let all = rest(&mut client).unwrap();
            let (_, body) = all.split_once("\r\n\r\n").unwrap();
            assert_eq!(body.len(), LONG);
        }
    }
}

#[test]
fn a_handler_finds_out_that_the_client_has_gone() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let (says, said) = channel();
        let handler = move |request: &mut Request<'_>| {
            let client = request.client_handle();
            says.send(client.wait_gone(Some(Duration::from_millis(5)))).unwrap();
            says.send(client.wait_gone(Some(WATCHDOG))).unwrap();
        };
        let server = TestServer::with(identity.server(backend), handler);
        let mut client = identity.connect(server.address);
        // The second request waits, as records that nobody has read.
        let request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
        client.write_all(request).unwrap();
        assert!(!said.recv().unwrap());
        client.write_all(request).unwrap();
        client.conn.send_close_notify();
        client.flush().unwrap();
        drop(client);
        assert!(said.recv_timeout(WATCHDOG).unwrap());
    }
}
