//! What a client may cost: sizes, times, connections.

mod support;

use std::time::Duration;

use greenwood_http::{Builder, Limits, Server};
use support::{BACKENDS, TestServer, closing, echo, refused};

fn with(set: impl FnOnce(&mut Limits)) -> Builder {
    let mut limits = Limits::default();
    set(&mut limits);
    Server::builder().limits(limits)
}

#[test]
fn sizes_of_the_head() {
    let server = TestServer::start(echo);
    let get = |target: &str, fields: &str| {
        server.exchange(&[format!("GET {target} HTTP/1.0\r\n{fields}\r\n").as_bytes()])
    };
    let long = "/".repeat(8 * 1024);
    assert_eq!(get(&long, ""), closing("200 OK", &format!("GET {long} ")));
    assert_eq!(get(&(long + "/"), ""), refused("414 URI Too Long"));
    assert_eq!(get("/", &"A: b\r\n".repeat(100)), closing("200 OK", "GET / "));
    let too_large = refused("431 Request Header Fields Too Large");
    assert_eq!(get("/", &"A: b\r\n".repeat(101)), too_large);
    assert_eq!(get("/", &format!("A: {}\r\n", "b".repeat(32 * 1024))), too_large);
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
