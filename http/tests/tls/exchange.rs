//! Requests and answers: the same as without TLS.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use greenwood_http::files::File;
use greenwood_http::{Limits, Listener, ProxyHeader, Request, Response, Server};
use rustls::version::{TLS12, TLS13};

use crate::client::{Identity, connect, over, tcp, text};
use crate::support::{self, BACKENDS, TestServer, echo};

fn about(request: &mut Request<'_>) -> io::Result<String> {
    let (secure, name) = (request.is_secure(), request.tls_server_name().map(str::to_owned));
    echo(request).map(|text| format!("{text} {secure} {name:?}"))
}

#[test]
fn both_versions_and_what_the_handler_learns() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let server = TestServer::with(identity.server(backend), about);
        for version in [&TLS12, &TLS13] {
            let config = Arc::new(identity.config_with(&[version], &["http/1.1"]));
            let mut client = connect(server.address, config, "localhost");
            for _ in 0..3 {
                client
                    .write_all(b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi")
                    .unwrap();
                assert_eq!(text(&mut client), "PUT /a hi true Some(\"localhost\")");
            }
            assert_eq!(client.conn.protocol_version(), Some(version.version));
            assert_eq!(client.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        }
    }
}

#[test]
fn plain_and_tls_side_by_side() {
    let identity = Identity::new("localhost");
    let secure = Listener::bind("127.0.0.1:0").unwrap().with_tls(identity.tls());
    let (address, plain) = (secure.local_addr().unwrap(), Server::bind("127.0.0.1:0").unwrap());
    let (open, shutdown) = (plain.local_addr().unwrap(), plain.shutdown_handle());
    let server = plain.listen_also(secure).unwrap();
    let thread = std::thread::spawn(|| greenwood_runtime::run(|| server.serve(about)));
    let mut client = identity.connect(address);
    client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    assert_eq!(text(&mut client), "GET /  true Some(\"localhost\")");
    let mut client = tcp(open);
    client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    assert_eq!(text(&mut client), "GET /  false None");
    shutdown.shutdown();
    thread.join().unwrap().unwrap();
}

#[test]
fn a_proxy_header_comes_before_the_handshake() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let builder = identity.server(backend).proxy_header(ProxyHeader::Required);
        let server = TestServer::with(builder, |request: &mut Request<'_>| {
            format!("{:?}", request.peer_addr())
        });
        let mut stream = tcp(server.address);
        stream.write_all(b"PROXY TCP4 1.2.3.4 5.6.7.8 9 443\r\n").unwrap();
        let mut client = over(stream, Arc::new(identity.config(&[])), "localhost");
        client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
        assert_eq!(text(&mut client), "Some(1.2.3.4:9)");
    }
}

#[test]
fn many_requests_in_one_record_and_one_request_in_many() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let server = TestServer::with(identity.server(backend), echo);
        let mut client = identity.connect(server.address);
        let raw = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx".repeat(100);
        client.write_all(raw.as_bytes()).unwrap();
        for _ in 0..100 {
            assert_eq!(text(&mut client), "POST /a x");
        }
        for byte in &raw.as_bytes()[..raw.len() / 100] {
            client.write_all(&[*byte]).unwrap();
        }
        assert_eq!(text(&mut client), "POST /a x");
    }
}

/// Passes on a byte at a time.
struct Dribble(TcpStream);

impl Read for Dribble {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for Dribble {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&bytes[..bytes.len().min(1)])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn records_may_come_in_any_pieces() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let server = TestServer::with(identity.server(backend), echo);
        let config = Arc::new(identity.config(&["http/1.1"]));
        let mut client = over(Dribble(tcp(server.address)), config, "localhost");
        for _ in 0..2 {
            client.write_all(b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi").unwrap();
            assert_eq!(text(&mut client), "PUT /a hi");
        }
    }
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

const LARGE: usize = 8 << 20;

#[test]
fn large_bodies_both_ways() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let mut limits = Limits::default();
        limits.body = LARGE as u64;
        let builder = identity.server(backend).limits(limits);
        let server = TestServer::with(builder, |request: &mut Request<'_>| {
            let mut body = Vec::new();
            request.body().read_to_end(&mut body).map(|_| body)
        });
        let mut client = identity.connect(server.address);
        let body = pattern(LARGE);
        write!(client, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: {LARGE}\r\n\r\n").unwrap();
        client.write_all(&body).unwrap();
        let (_, same) = crate::client::answer(&mut client).unwrap();
        assert!(same == body);
        client
            .write_all(b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
            .unwrap();
        for chunk in body.chunks(70_000) {
            write!(client, "{:x}\r\n", chunk.len()).unwrap();
            client.write_all(chunk).unwrap();
            client.write_all(b"\r\n").unwrap();
        }
        client.write_all(b"0\r\n\r\n").unwrap();
        let (_, same) = crate::client::answer(&mut client).unwrap();
        assert!(same == body);
    }
}

/// The kernel cannot encrypt what it sends from a file.
#[test]
fn files() {
    let identity = Identity::new("localhost");
    let files = identity.files();
    let path = files.key.with_file_name("large");
    std::fs::write(&path, pattern(LARGE)).unwrap();
    for backend in BACKENDS {
        let path = path.clone();
        let server =
            TestServer::with(identity.server(backend), move |request: &mut Request<'_>| {
                File::open(&path).map(|file| file.respond(request))
            });
        let mut client = identity.connect(server.address);
        client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
        let (_, body) = crate::client::answer(&mut client).unwrap();
        assert!(body == pattern(LARGE));
        client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nRange: bytes=100000-\r\n\r\n").unwrap();
        let (head, body) = crate::client::answer(&mut client).unwrap();
        assert!(head.starts_with("HTTP/1.1 206 "), "{head}");
        assert!(body == pattern(LARGE)[100_000..]);
    }
}

#[test]
fn a_client_that_takes_nothing_is_cut() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let mut limits = Limits::default();
        limits.write_progress = std::time::Duration::from_millis(50);
        let (ended, has_ended) = std::sync::mpsc::channel();
        let builder = identity.server(backend).limits(limits);
        let server = TestServer::with(builder, move |_: &mut Request<'_>| {
            let ended = ended.clone();
            let produce = move |out: &mut greenwood_http::BodyWriter<'_>| {
                let result = (0..1_000_000).try_for_each(|_| out.write_all(&[0; 1 << 16]));
                let _ = ended.send(result.as_ref().unwrap_err().kind());
                result
            };
            Response::new(greenwood_http::http::StatusCode::OK)
                .with_body(greenwood_http::ResponseBody::from_writer(produce))
        });
        let mut client = identity.connect(server.address);
        client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
        let kind = has_ended.recv_timeout(support::WATCHDOG).unwrap();
        assert_eq!(kind, io::ErrorKind::WouldBlock);
    }
}
