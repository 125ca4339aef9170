//! One connection.

use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use greenwood_runtime::CancelToken;

use super::peer::Peer;
use crate::balance::Worker;
use crate::proxy_header::Origin;
use crate::service::Service;
use crate::stream::Stream;
use crate::sys;

/// One connection, as its own coroutine and a shutdown see it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) stream: Stream,
    pub(crate) service: Arc<Service>,
    /// See `client`.
    peer: Peer,
    /// Where its coroutines run. None on an OS thread.
    pub(crate) worker: Option<Worker>,
    /// How many requests were answered.
    pub(super) requests: AtomicU32,
    /// Whether the connection waits for something that is no request yet.
    pub(super) idle: AtomicBool,
    /// Whether this side has ended the input, which from here on looks as if the client had.
    input_ended: AtomicBool,
}

impl Link {
    pub(crate) fn new(
        service: &Arc<Service>,
        stream: Stream,
        peer: Option<SocketAddr>,
        worker: Option<Worker>,
    ) -> Link {
        let (requests, idle) = (AtomicU32::new(0), AtomicBool::new(false));
        let (peer, input_ended) = (Peer::from(peer), AtomicBool::new(false));
        Link { service: service.clone(), stream, peer, worker, requests, idle, input_ended }
    }

    /// The other end of the connection, or whom that says it speaks for.
    pub(crate) fn client(&self) -> Option<SocketAddr> {
        match self.stream.socket().origin() {
            Some(Origin::Address(client)) => Some(client),
            Some(Origin::Unix) => None,
            Some(Origin::Connection) | None => self.peer.address(),
        }
    }

    #[inline]
    pub(crate) fn stopping(&self) -> bool {
        self.service.connections.stopping()
    }

    /// A token that is cancelled when the server begins to shut down.
    pub(crate) fn shutdown_token(&self) -> CancelToken {
        // A child, as every wait enters and leaves its token's list, and that of all connections would be in their way.
        self.service.connections.shutdown.child()
    }

    /// Makes reads return what the kernel has and then the end.
    ///
    /// So a request that was received in full is still seen and answered. (That is how Linux does
    /// it; the BSDs throw away what they have.)
    pub(super) fn end_input(&self) {
        self.input_ended.store(true, Ordering::SeqCst);
        // Fails when the peer has closed already, which is as good.
        let _ = self.stream.shutdown(Shutdown::Read);
    }

    /// Whether this side has ended the input, so that an end of it need not be the client's.
    pub(crate) fn input_was_ended(&self) -> bool {
        self.input_ended.load(Ordering::SeqCst)
    }

    /// Whether the client has ended its half, or the connection has ended otherwise. Does not suspend.
    pub(crate) fn client_is_gone(&self) -> bool {
        // In this order: the flag is set before what it is about.
        let gone = sys::has_ended(self.stream.as_fd(), true);
        gone && (!self.input_was_ended() || sys::has_ended(self.stream.as_fd(), false))
    }

    /// Ends the connection for those who hold it beyond its end.
    pub(super) fn end(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
        self.stream.source().close(self.stream.as_fd());
    }
}
