//! Clients behind a proxy that passes on bytes, and says whose they are.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::process::Command;
use std::time::Duration;

use greenwood_http::{Limits, Listener, ProxyHeader, Request, Server};
use support::{BACKENDS, TestServer, text};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

const V4: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0e\x01\x02\x03\x04\x05\x06\x07\x08\xdc\x04\x01\xbb\0\0";

fn peer(request: &mut Request<'_>) -> String {
    request.peer_addr().map_or("none".to_owned(), |peer| peer.to_string())
}

fn required() -> greenwood_http::Builder {
    Server::builder().proxy_header(ProxyHeader::Required)
}

#[test]
fn the_client_is_whom_the_header_names_however_it_is_cut() {
    for backend in BACKENDS {
        let server = TestServer::with(required().backend(backend), peer);
        for header in [b"PROXY TCP4 1.2.3.4 5.6.7.8 56324 443\r\n", V4] {
            let raw = [header, REQUEST].concat();
            let step = if backend == BACKENDS[0] { 1 } else { 10 };
            for at in (1..raw.len()).step_by(step) {
                let answer = server.exchange(&[&raw[..at], &raw[at..]]);
                assert!(answer.ends_with("\r\n\r\n1.2.3.4:56324"), "cut at {at}: {answer}");
            }
        }
    }
}

#[test]
fn a_header_holds_for_all_requests_of_its_connection() {
    let server = TestServer::with(required(), peer);
    let mut client = server.connect();
    client.send("PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
    for _ in 0..3 {
        let answer = text("200 OK", "[2001:db8::1]:1");
        assert_eq!(client.until("]:1"), answer);
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    }
}

#[test]
fn without_an_address_it_is_the_connection() {
    let server = TestServer::with(required(), peer);
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    for header in [&b"PROXY UNKNOWN\r\n"[..], local] {
        let mut client = server.connect();
        let own = client.stream.local_addr().unwrap().to_string();
        client.send([header, REQUEST].concat());
        let answer = client.rest();
        assert!(answer.ends_with(&own), "{answer}");
    }
    let unix = [b"\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xd8", &[0; 216][..], REQUEST].concat();
    let answer = server.exchange(&[&unix]);
    assert!(answer.ends_with("none"), "{answer}");
}

#[test]
fn anything_else_is_closed_without_an_answer() {
    for backend in BACKENDS {
        let server = TestServer::with(required().backend(backend), peer);
        for raw in [
            REQUEST,
            b"PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n",
            b"PROXY TCP4 1.2.3",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c",
            b"",
        ] {
            let mut client = server.connect();
            client.send(raw);
            let _ = client.stream.shutdown(Shutdown::Write);
            let mut answer = Vec::new();
            // With bytes unread it is a reset.
            match client.stream.read_to_end(&mut answer) {
                Ok(_) => {}
                Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
            }
            assert!(answer.is_empty(), "{}", raw.escape_ascii());
        }
    }
}

#[test]
fn a_header_that_does_not_come_is_not_waited_for() {
    for backend in BACKENDS {
        let mut limits = Limits::default();
        limits.head_deadline = Duration::from_millis(100);
        let server = TestServer::with(required().backend(backend).limits(limits), peer);
        let mut silent = server.connect();
        let mut dripping = server.connect();
        let drip = std::thread::spawn(move || {
            // The longest header there is would take a minute.
            dripping.send(&V4[..13]);
            dripping.send(b"\0\x10\0");
            while dripping.stream.write_all(&[0]).is_ok() {
                std::thread::sleep(Duration::from_millis(15));
            }
        });
        let good = [V4, REQUEST].concat();
        assert!(server.exchange(&[&good]).ends_with("1.2.3.4:56324"));
        assert_eq!(silent.rest(), "");
        drip.join().unwrap();
    }
}

#[test]
fn off_by_default_and_by_listener() {
    let raw = [V4, REQUEST].concat();
    let server = TestServer::start(peer);
    assert!(server.exchange(&[&raw]).starts_with("HTTP/1.1 400 "));
    drop(server);

    let behind = Listener::bind("127.0.0.1:0").unwrap().with_proxy_header(ProxyHeader::Required);
    let open = Listener::bind("127.0.0.1:0").unwrap().with_proxy_header(ProxyHeader::Off);
    let addresses = [behind.local_addr().unwrap(), open.local_addr().unwrap()];
    let server = required().listen(behind).unwrap().listen_also(open).unwrap();
    let shutdown = server.shutdown_handle();
    let thread = std::thread::spawn(|| greenwood_runtime::run(|| server.serve(peer)));
    for (address, starts) in addresses.into_iter().zip(["HTTP/1.1 200 ", "HTTP/1.1 400 "]) {
        let mut client = support::Client::connect(address);
        client.send(&raw);
        let answer = client.rest();
        assert!(answer.starts_with(starts), "{answer}");
    }
    shutdown.shutdown();
    thread.join().unwrap().unwrap();
}

#[test]
fn curl_sends_one() {
    if Command::new("curl").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "curl is not installed");
        return;
    }
    let server = TestServer::with(required(), |request: &mut Request<'_>| {
        request.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default()
    });
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "20", "--haproxy-protocol"])
        .arg(format!("http://{}/", server.address))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"127.0.0.1");
}
