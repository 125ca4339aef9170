//! The crate `native-tls`, which is OpenSSL here, over `std::net::TcpStream`.

use std::io::{Read, Write};

use greenwood_patch_components::server::{Certificate, Web};
use greenwood_patch_components::{Others, join_all, patched, spawn_all};
use native_tls::TlsConnector;

fn trusting(certificate: &Certificate) -> TlsConnector {
    let root = native_tls::Certificate::from_der(&certificate.der()).unwrap();
    TlsConnector::builder().add_root_certificate(root).build().unwrap()
}

#[test]
fn streams_wait_at_once() {
    let server = Web::echo(Some(Certificate::new()), 20, 4);
    patched(move || {
        let connector = trusting(server.certificate());
        let others = Others::new();
        let echoes = others.run_during(|| {
            join_all(spawn_all(20, move |i| {
                let mut stream = connector.connect("localhost", server.connect()).unwrap();
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
