//! What lies between a listener's sockets and HTTP.

use std::io;

#[cfg(feature = "tls")]
use crate::stream::TlsStream;
use crate::stream::{Socket, Stream};
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// What a listener was told, or its server's builder for all that were told nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers {
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
        let _ = defaults;
    }

    pub(super) fn over(&self, socket: Socket) -> io::Result<Stream> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return TlsStream::new(socket, tls.config()).map(|tls| Stream::Tls(Box::new(tls)));
        }
        Ok(Stream::Plain(socket))
    }
}
