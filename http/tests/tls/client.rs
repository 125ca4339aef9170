//! A certificate made for the test, and clients that trust it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use greenwood_http::{Backend, Builder, Server, Tls};
use rustls::pki_types::ServerName;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};

use crate::support::WATCHDOG;

/// A certificate that signs itself, with its key, in PEM.
pub struct Identity {
    pub certificate: String,
    pub key: String,
    der: rustls::pki_types::CertificateDer<'static>,
}

impl Identity {
    pub fn new(name: &str) -> Identity {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        Identity {
            certificate: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
            der: made.cert.der().clone(),
        }
    }

    pub fn tls(&self) -> Tls {
        Tls::from_pem(self.certificate.as_bytes(), self.key.as_bytes()).unwrap()
    }

    pub fn server(&self, backend: Backend) -> Builder {
        Server::builder().backend(backend).tls(self.tls())
    }

    /// A client's settings; without protocols it does not speak of them.
    pub fn config(&self, alpn: &[&str]) -> ClientConfig {
        self.config_with(rustls::ALL_VERSIONS, alpn)
    }

    pub fn config_with(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        alpn: &[&str],
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let mut config = builder
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }

    pub fn connect(&self, address: SocketAddr) -> Client {
        connect(address, Arc::new(self.config(&["http/1.1"])), "localhost")
    }

    /// Both in files, in a folder of its own.
    pub fn files(&self) -> Files {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("greenwood-tls-{}-{next}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        let files =
            Files { certificate: folder.join("chain.pem"), key: folder.join("key.pem"), folder };
        files.write(self);
        files
    }
}

pub struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
    folder: PathBuf,
}

impl Files {
    pub fn write(&self, identity: &Identity) {
        std::fs::write(&self.certificate, &identity.certificate).unwrap();
        std::fs::write(&self.key, &identity.key).unwrap();
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub type Client<S = TcpStream> = StreamOwned<ClientConnection, S>;

pub fn tcp(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(WATCHDOG)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

pub fn connect(address: SocketAddr, config: Arc<ClientConfig>, name: &str) -> Client {
    over(tcp(address), config, name)
}

pub fn over<S: Read + Write>(stream: S, config: Arc<ClientConfig>, name: &str) -> Client<S> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    StreamOwned::new(ClientConnection::new(config, name).unwrap(), stream)
}

/// The next answer with a length, as head and body.
pub fn answer(client: &mut impl Read) -> io::Result<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.expect("a length").parse().unwrap()];
    client.read_exact(&mut body)?;
    Ok((head, body))
}

/// The body of the next answer, which is text and a 200.
pub fn text(client: &mut impl Read) -> String {
    let (head, body) = answer(client).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    String::from_utf8(body).unwrap()
}
