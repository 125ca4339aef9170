//! Connections that rest: what the session holds is seen although the socket is silent.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenwood_http::{Limits, Listener, Request, Server};
use greenwood_runtime::Runtime;

use crate::client::{Identity, connect, tcp, text};
use crate::support::{BACKENDS, TestServer, WATCHDOG, echo};

/// Longer than a connection stays awake that has nothing to do.
const LONG: Duration = Duration::from_millis(1300);

#[test]
fn a_connection_that_rested_goes_on_and_one_that_is_given_up_ends_in_order() {
    let identity = Identity::new("localhost");
    let mut limits = Limits::default();
    limits.idle = 2 * LONG;
    let server = TestServer::with(identity.server(BACKENDS[0]).limits(limits), echo);
    let mut client = identity.connect(server.address);
    for _ in 0..2 {
        client.write_all(&b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n".repeat(3)).unwrap();
        for _ in 0..3 {
            assert_eq!(text(&mut client), "GET /a ");
        }
        std::thread::sleep(LONG);
    }
    let mut rest = String::new();
    client.read_to_string(&mut rest).expect("the end is said");
    assert_eq!(rest, "");
}

/// A record with as many requests as two of the server's buffers hold: after the first, nothing is in the buffer and nothing in the
/// socket. And so many other connections that this one does not stay awake.
#[test]
fn among_many_none_rests_on_what_has_come() {
    let identity = Identity::new("localhost");
    let plain = Server::bind("127.0.0.1:0").unwrap();
    let (open, shutdown) = (plain.local_addr().unwrap(), plain.shutdown_handle());
    let secure = Listener::bind("127.0.0.1:0").unwrap().with_tls(identity.tls());
    let address = secure.local_addr().unwrap();
    let server = plain.listen_also(secure).unwrap();
    let thread = std::thread::spawn(move || {
        let runtime = Runtime::builder().workers(1).build().unwrap();
        runtime.run(|| server.serve(|_: &mut Request<'_>| "x"))
    });
    let others: Vec<_> = (0..300)
        .map(|_| {
            let mut client = tcp(open);
            client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
            assert_eq!(text(&mut client), "x");
            client
        })
        .collect();
    let request = b"GET / HTTP/1.1\r\nHost: h\r\nX-Fill: 012345678901234567890123456\r\n\r\n";
    assert_eq!(request.len(), 64);
    let config = Arc::new(identity.config(&["http/1.1"]));
    let mut client = connect(address, config, "localhost");
    for _ in 0..3 {
        client.write_all(&request.repeat(256)).unwrap();
        for _ in 0..256 {
            assert_eq!(text(&mut client), "x");
        }
    }
    drop(others);
    shutdown.shutdown();
    thread.join().unwrap().unwrap();
}

/// Bytes of a record that never comes whole are no request, and do not keep a connection that rests.
#[test]
fn a_record_that_drips_does_not_keep_the_connection() {
    let identity = Identity::new("localhost");
    let mut limits = Limits::default();
    limits.idle = LONG;
    let server = TestServer::with(identity.server(BACKENDS[0]).limits(limits), echo);
    let mut client = identity.connect(server.address);
    client.write_all(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    assert_eq!(text(&mut client), "GET /a ");
    let begin = Instant::now();
    // Application data of 16 KiB.
    let record = [23, 3, 3, 64, 0].into_iter().chain(std::iter::repeat(0));
    for byte in record {
        assert!(begin.elapsed() < WATCHDOG, "the connection is kept");
        if client.sock.write_all(&[byte]).is_err() {
            break;
        }
        std::thread::sleep(LONG / 20);
    }
}
