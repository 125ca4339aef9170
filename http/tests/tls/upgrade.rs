//! Connections that leave HTTP: both directions at once, and what the end looks like.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use greenwood_http::http::HeaderValue;
use greenwood_http::{Request, Response, Upgraded};

use crate::client::{Client, Identity};
use crate::support::{BACKENDS, TestServer};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";

/// Upgrades, and reads the 101.
fn upgraded(client: &mut Client, early: &[u8]) {
    client.write_all(&[REQUEST, early].concat()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
}

fn switch<F>(f: F) -> impl Fn(&mut Request<'_>) -> Response + Send + Sync + 'static
where
    F: Fn(Upgraded) + Clone + Send + Sync + 'static,
{
    move |_: &mut Request<'_>| Response::upgrade(HeaderValue::from_static("x"), f.clone())
}

const TOTAL: usize = 4 << 20;

/// The server writes more than any buffer holds before the client reads any of it, and the other way round.
#[test]
fn both_directions_at_once() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let handler = switch(|connection: Upgraded| {
            greenwood_runtime::scope(|s| {
                let reader = s.spawn(|| {
                    let mut bytes = vec![0; TOTAL];
                    (&connection).read_exact(&mut bytes).unwrap();
                    assert!(bytes.iter().all(|&b| b == b'c'));
                });
                for part in vec![b's'; TOTAL].chunks(100_000) {
                    (&connection).write_all(part).unwrap();
                }
                reader.join().unwrap();
            });
            (&connection).write_all(b"end").unwrap();
        });
        let server = TestServer::with(identity.server(backend), handler);
        let mut client = identity.connect(server.address);
        upgraded(&mut client, b"");
        // One thread, turn about: what the client does not read while it writes must not stop the server from reading.
        client.write_all(&vec![b'c'; TOTAL]).unwrap();
        let mut bytes = vec![0; TOTAL];
        client.read_exact(&mut bytes).unwrap();
        assert!(bytes.iter().all(|&b| b == b's'));
        let mut rest = String::new();
        client.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "end");
    }
}

#[test]
fn a_reader_waits_while_another_writes() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let handler = switch(|connection: Upgraded| {
            let nothing = connection.try_read(&mut [0]).unwrap_err();
            assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
            let late = connection.wait_readable(Some(Duration::from_millis(1)));
            assert_eq!(late.unwrap_err().kind(), ErrorKind::WouldBlock);
            greenwood_runtime::scope(|s| {
                let reader = s.spawn(|| {
                    let mut word = [0; 4];
                    connection.wait_readable(None).unwrap();
                    (&connection).read_exact(&mut word[..1]).unwrap();
                    // The rest came in the same record: no event of the socket tells of it.
                    connection.wait_readable(None).unwrap();
                    assert_eq!(connection.try_read(&mut word[1..]).unwrap(), 3);
                    word
                });
                (&connection).write_all(b"say something").unwrap();
                assert_eq!(reader.join().unwrap(), *b"well");
            });
            (&connection).write_all(b", thanks").unwrap();
        });
        let server = TestServer::with(identity.server(backend), handler);
        let mut client = identity.connect(server.address);
        upgraded(&mut client, b"");
        client.read_exact(&mut [0; 13]).unwrap();
        client.write_all(b"well").unwrap();
        let mut rest = String::new();
        client.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, ", thanks");
    }
}

#[test]
fn early_bytes_half_ends_and_the_end() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let handler = switch(|connection: Upgraded| {
            let mut all = String::new();
            (&connection).read_to_string(&mut all).unwrap();
            (&connection).write_all(all.as_bytes()).unwrap();
            // The client has seen the end of it by now, and may be gone.
            let _ = connection.shutdown(Shutdown::Write);
            assert!((&connection).write_all(b"more").is_err());
        });
        let server = TestServer::with(identity.server(backend), handler);
        let mut client = identity.connect(server.address);
        upgraded(&mut client, b"early ");
        client.write_all(b"and late").unwrap();
        client.conn.send_close_notify();
        client.flush().unwrap();
        let mut rest = String::new();
        client.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "early and late");
    }
}

#[test]
fn what_broke_off_can_be_told_from_what_ended() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let (tell, told) = std::sync::mpsc::channel();
        let handler = switch(move |connection: Upgraded| {
            let result = (&connection).read_to_end(&mut Vec::new());
            tell.send(result.unwrap_err().kind()).unwrap();
            panic!("on purpose");
        });
        let server = TestServer::with(identity.server(backend), handler);
        let mut client = identity.connect(server.address);
        upgraded(&mut client, b"");
        client.write_all(b"part").unwrap();
        client.sock.shutdown(Shutdown::Write).unwrap();
        let kind = told.recv_timeout(crate::support::WATCHDOG).unwrap();
        assert_eq!(kind, ErrorKind::UnexpectedEof);
        let error = client.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }
}
