//! What a server proves itself with: certificates, and changing them while it runs.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What is spoken here, as ALPN names it (RFC 7301 section 6).
const PROTOCOLS: [&[u8]; 2] = [b"http/1.1", b"http/1.0"];

/// TLS for a server: [`Builder::tls`](crate::Builder::tls), [`Listener::with_tls`](crate::Listener::with_tls).
///
/// TLS 1.2 and 1.3 by `rustls`, with its choice of ciphers, and sessions resumed as it does by default. ALPN agrees on
/// `http/1.1` (or 1.0): a client that offers only others is refused (`no_application_protocol`), one that offers none is served.
///
/// Clones stand for the same certificate: keep one, to change it while the server runs. New connections get the new one,
/// and those that are open stay with theirs.
///
/// ```no_run
/// use greenwood_http::{Request, Server, Tls};
///
/// # fn main() -> std::io::Result<()> {
/// let tls = Tls::from_pem_files("chain.pem", "key.pem")?;
/// let server = Server::builder().tls(tls.clone()).bind("[::]:443")?;
/// std::thread::spawn(move || {
///     loop {
///         std::thread::sleep(std::time::Duration::from_secs(24 * 60 * 60));
///         if let Err(error) = tls.reload() {
///             eprintln!("the old certificate stays: {error}");
///         }
///     }
/// });
/// server.serve(|_: &mut Request<'_>| "Hello, World!")
/// # }
/// ```
#[derive(Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    config: Mutex<Arc<ServerConfig>>,
    /// Certificates and key, to be read again.
    files: Option<(PathBuf, PathBuf)>,
}

impl Tls {
    /// With a certificate and its chain, the server's own first, and the certificate's key (PKCS #8, PKCS #1 or SEC 1), all in PEM. Reads the
    /// files; suspends.
    ///
    /// # Errors
    ///
    /// Those of reading; `InvalidData` when a file does not hold what it should, or the key is not the certificate's. Each names
    /// the file.
    pub fn from_pem_files(
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> io::Result<Tls> {
        let files = (certificates.as_ref().to_owned(), key.as_ref().to_owned());
        Ok(Tls::new(read(&files)?, Some(files)))
    }

    /// [`from_pem_files`](Tls::from_pem_files) with the files' content.
    ///
    /// # Errors
    ///
    /// `InvalidData`, as there.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> io::Result<Tls> {
        Ok(Tls::new(parse(certificates, key)?, None))
    }

    /// With settings of `rustls`'s, such as a choice of certificates by server name, or certificates of clients. Its ALPN
    /// protocols are replaced.
    pub fn from_config(config: Arc<ServerConfig>) -> Tls {
        Tls::new(Arc::unwrap_or_clone(config), None)
    }

    fn new(config: ServerConfig, files: Option<(PathBuf, PathBuf)>) -> Tls {
        Tls(Arc::new(Shared { config: Mutex::new(with_alpn(config)), files }))
    }

    /// Reads the files again. Suspends.
    ///
    /// # Errors
    ///
    /// As for [`from_pem_files`](Tls::from_pem_files); `Unsupported` if it was made otherwise. What was there stays in place then.
    pub fn reload(&self) -> io::Result<()> {
        let Some(files) = &self.0.files else {
            return Err(io::Error::new(ErrorKind::Unsupported, "not made of files"));
        };
        self.replace(with_alpn(read(files)?));
        Ok(())
    }

    /// Takes another certificate, as [`from_pem`](Tls::from_pem) does.
    ///
    /// # Errors
    ///
    /// As there. What was there stays in place then.
    pub fn reload_pem(&self, certificates: &[u8], key: &[u8]) -> io::Result<()> {
        self.replace(with_alpn(parse(certificates, key)?));
        Ok(())
    }

    /// Takes other settings, as [`from_config`](Tls::from_config) does.
    pub fn reload_config(&self, config: Arc<ServerConfig>) {
        self.replace(with_alpn(Arc::unwrap_or_clone(config)));
    }

    fn replace(&self, config: Arc<ServerConfig>) {
        *self.0.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// What a new connection is to use.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.0.config.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.0.files).finish_non_exhaustive()
    }
}

fn with_alpn(mut config: ServerConfig) -> Arc<ServerConfig> {
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Arc::new(config)
}

fn read((certificates, key): &(PathBuf, PathBuf)) -> io::Result<ServerConfig> {
    let content = |path| greenwood_net::fs::read(path).map_err(|error| at(path, &error));
    let (chain, secret) = (content(certificates)?, content(key)?);
    let chain = chain_of(&chain).map_err(|error| at(certificates, &error))?;
    let secret = key_of(&secret).map_err(|error| at(key, &error))?;
    configure(chain, secret).map_err(|error| {
        let message = format!("{} with {}: {error}", certificates.display(), key.display());
        io::Error::new(error.kind(), message)
    })
}

fn parse(certificates: &[u8], key: &[u8]) -> io::Result<ServerConfig> {
    configure(chain_of(certificates)?, key_of(key)?)
}

fn chain_of(pem: &[u8]) -> io::Result<Vec<CertificateDer<'static>>> {
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    match chain {
        Ok(chain) if chain.is_empty() => Err(invalid("no certificate in it")),
        Ok(chain) => Ok(chain),
        Err(error) => Err(invalid(format!("no certificates in PEM: {error}"))),
    }
}

fn key_of(pem: &[u8]) -> io::Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        pem::Error::NoItemsFound => invalid("no private key in it"),
        error => invalid(format!("no private key in PEM: {error}")),
    })
}

fn configure(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> io::Result<ServerConfig> {
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|versions| versions.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| invalid(error.to_string()))
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, message.into())
}
