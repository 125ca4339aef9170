//! The crate `rustls` over `std::net::TcpStream`.

use std::io::{Read, Write};
use std::sync::Arc;

use greenwood_patch_components::server::{Certificate, Web};
use greenwood_patch_components::{Others, join_all, patched, spawn_all};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A client's settings that trust one certificate.
pub fn trusting(certificate: &Certificate) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(certificate.der())).unwrap();
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[test]
fn streams_wait_at_once() {
    let server = Web::echo(Some(Certificate::new()), 20, 4);
    patched(move || {
        let config = Arc::new(trusting(server.certificate()));
        let others = Others::new();
        let echoes = others.run_during(|| {
            join_all(spawn_all(20, move |i| {
                let tls = ClientConnection::new(config.clone(), "localhost".try_into().unwrap());
                let mut stream = StreamOwned::new(tls.unwrap(), server.connect());
                let mut back = [0; 4];
                for round in 0..10 {
                    stream.write_all(&(i as u32 * 100 + round).to_be_bytes()).unwrap();
                    stream.read_exact(&mut back).unwrap();
                }
                u32::from_be_bytes(back)
            }))
        });
        assert!(echoes.into_iter().eq((0..20).map(|i| i * 100 + 9)));
    });
}

#[test]
fn handshakes_wait_at_once_also_when_they_fail() {
    let server = Web::echo(Some(Certificate::new()), 1, 4);
    patched(move || {
        let distrusting = Arc::new(trusting(&Certificate::new()));
        let trusting = Arc::new(trusting(server.certificate()));
        let results = join_all(spawn_all(20, move |i| {
            let config = if i % 2 == 0 { trusting.clone() } else { distrusting.clone() };
            let tls = ClientConnection::new(config, "localhost".try_into().unwrap());
            let mut stream = StreamOwned::new(tls.unwrap(), server.connect());
            let mut back = [0; 4];
            stream.write_all(b"ping").and_then(|()| stream.read_exact(&mut back)).is_ok()
        }));
        assert!(results.into_iter().eq((0..20).map(|i| i % 2 == 0)));
    });
}
