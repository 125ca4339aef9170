//! How a connection begins, or does not.

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use greenwood_http::observe::Metrics;
use greenwood_http::{Limits, Request, Tls};
use rustls::server::ResolvesServerCertUsingSni;
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, ClientConfig, HandshakeKind, ServerConfig};

use crate::client::{Identity, connect, tcp, text};
use crate::support::{BACKENDS, TestServer};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";

fn hello(_: &mut Request<'_>) -> &'static str {
    "hello"
}

#[test]
fn the_protocol_is_agreed_on() {
    let identity = Identity::new("localhost");
    let server = TestServer::with(identity.server(BACKENDS[0]), hello);
    for (offered, agreed) in [
        (&["h2", "http/1.1"][..], Some(&b"http/1.1"[..])),
        (&["http/1.0"], Some(b"http/1.0")),
        (&["http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let mut client = connect(server.address, Arc::new(identity.config(offered)), "localhost");
        client.write_all(REQUEST).unwrap();
        assert_eq!(text(&mut client), "hello");
        assert_eq!(client.conn.alpn_protocol(), agreed);
    }
}

#[test]
fn who_speaks_only_other_protocols_is_told() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let server = TestServer::with(identity.server(backend), hello);
        for offered in [&["h2"][..], &["http/0.9", "h3"]] {
            let config = Arc::new(identity.config(offered));
            let error =
                connect(server.address, config, "localhost").write_all(REQUEST).unwrap_err();
            let error = error.into_inner().unwrap().downcast::<rustls::Error>().unwrap();
            let alert = AlertDescription::NoApplicationProtocol;
            assert_eq!(*error, rustls::Error::AlertReceived(alert));
        }
    }
}

#[test]
fn plain_http_is_told_so() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let server = TestServer::with(identity.server(backend), hello);
        // The second is longer than what is read before it is clear what it is.
        for long in ["", &"x".repeat(60_000)] {
            let mut client = tcp(server.address);
            write!(client, "GET / HTTP/1.1\r\nHost: h\r\nX: {long}\r\n\r\n").unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
            assert!(answer.contains("\r\ndate: "), "{answer}");
            assert!(answer.ends_with("the request came in plain HTTP.\n"), "{answer}");
        }
    }
}

#[test]
fn nonsense_is_answered_by_an_alert() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let server = TestServer::with(identity.server(backend), hello);
        for nonsense in [&b"\0\0\0\0\0\0"[..], b"\x16\x03\x01\x00\x04\x02\0\0\0"] {
            let mut client = tcp(server.address);
            client.write_all(nonsense).unwrap();
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).unwrap();
            // An alert record (RFC 8446 section 5.1), and a fatal one.
            assert!(
                answer.len() == 7 && answer[0] == 21 && answer[5] == 2,
                "{nonsense:?} {answer:?}"
            );
        }
        // The end where there should be more is no error that anybody could be told.
        for part in [&b""[..], b"\x16\x03\x01"] {
            let mut client = tcp(server.address);
            client.write_all(part).unwrap();
            client.shutdown(std::net::Shutdown::Write).unwrap();
            assert_eq!(client.read(&mut [0]).unwrap(), 0);
        }
    }
}

/// Three clients that will never be done, and others beside them.
#[test]
fn a_handshake_that_takes_too_long_is_cut_and_delays_nobody() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let mut limits = Limits::default();
        limits.handshake_deadline = Duration::from_millis(300);
        let server = TestServer::with(identity.server(backend).limits(limits), hello);
        let silent = tcp(server.address);
        let mut begun = tcp(server.address);
        begun.write_all(b"\x16\x03\x01\x40\x00\x01").unwrap();
        let mut dripping = tcp(server.address);
        let drip = std::thread::spawn(move || {
            // A record of 16 KiB, at a rate that is always progress.
            let _ = dripping.write_all(b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03");
            while dripping.write_all(&[0]).is_ok() {
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        for _ in 0..5 {
            let mut client = identity.connect(server.address);
            client.write_all(REQUEST).unwrap();
            assert_eq!(text(&mut client), "hello");
        }
        for mut client in [silent, begun] {
            let mut rest = Vec::new();
            match client.read_to_end(&mut rest) {
                Ok(_) => assert!(rest.is_empty()),
                Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
            }
        }
        drip.join().unwrap();
    }
}

#[test]
fn sessions_are_resumed() {
    let identity = Identity::new("localhost");
    let server = TestServer::with(identity.server(BACKENDS[0]), hello);
    for versions in [&[&rustls::version::TLS12][..], &[&rustls::version::TLS13]] {
        let config: Arc<ClientConfig> = Arc::new(identity.config_with(versions, &[]));
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let mut client = connect(server.address, config.clone(), "localhost");
            client.write_all(REQUEST).unwrap();
            assert_eq!(text(&mut client), "hello");
            kinds.push(client.conn.handshake_kind().unwrap());
        }
        assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed]);
    }
}

#[test]
fn certificates_by_server_name() {
    let (a, b) = (Identity::new("a.test"), Identity::new("b.test"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut names = ResolvesServerCertUsingSni::new();
    for (name, identity) in [("a.test", &a), ("b.test", &b)] {
        use rustls::pki_types::pem::PemObject;
        let chain = vec![PemObject::from_pem_slice(identity.certificate.as_bytes()).unwrap()];
        let key = PemObject::from_pem_slice(identity.key.as_bytes()).unwrap();
        names.add(name, CertifiedKey::from_der(chain, key, &provider).unwrap()).unwrap();
    }
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(names));
    let builder = greenwood_http::Server::builder().tls(Tls::from_config(Arc::new(config)));
    let server = TestServer::with(builder, |request: &mut Request<'_>| {
        request.tls_server_name().unwrap().to_owned()
    });
    for (name, identity) in [("a.test", &a), ("b.test", &b)] {
        let mut client =
            connect(server.address, Arc::new(identity.config(&["http/1.1", "h2"])), name);
        client.write_all(REQUEST).unwrap();
        assert_eq!(text(&mut client), name);
        assert_eq!(client.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    }
}

#[test]
fn observers_learn_what_did_not_come_about() {
    let identity = Identity::new("localhost");
    for backend in BACKENDS {
        let metrics = Metrics::new();
        let server = TestServer::with(identity.server(backend).observer(metrics.clone()), hello);
        let mut plain = tcp(server.address);
        plain.write_all(REQUEST).unwrap();
        plain.read_to_end(&mut Vec::new()).unwrap();
        drop(plain);
        let mut client = identity.connect(server.address);
        client.write_all(REQUEST).unwrap();
        assert_eq!(text(&mut client), "hello");
        server.shutdown.shutdown();
        server.join();
        let counted = metrics.to_string();
        for line in [
            "http_connections_open 0\n",
            "http_connections_total 2\n",
            "http_handshakes_failed_total 1\n",
            "http_requests_total{status=\"2xx\"} 1\n",
            "http_requests_total{status=\"4xx\"} 0\n",
        ] {
            assert!(counted.contains(line), "{counted}");
        }
    }
}
