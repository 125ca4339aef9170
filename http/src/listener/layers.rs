//! What lies between a listener's sockets and HTTP.

use std::io;

use crate::proxy_header::ProxyHeader;
#[cfg(feature = "tls")]
use crate::stream::TlsStream;
use crate::stream::{Socket, Stream};
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// What a listener was told, or its server's builder for all that were told nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers {
    pub(crate) proxy_header: Option<ProxyHeader>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Tls>,
}

impl Layers {
    /// Takes the settings that are missing here from `defaults`.
    pub(crate) fn complete(&mut self, defaults: &Layers) {
        #[cfg(feature = "tls")]
        if self.tls.is_none() {
            self.tls.clone_from(&defaults.tls);
        }
        self.proxy_header = self.proxy_header.or(defaults.proxy_header);
    }

    pub(super) fn over(&self, mut socket: Socket) -> io::Result<Stream> {
        if self.proxy_header == Some(ProxyHeader::Required) {
            socket.expect_header();
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return TlsStream::new(socket, tls.config()).map(|tls| Stream::Tls(Box::new(tls)));
        }
        Ok(Stream::Plain(socket))
    }
}
