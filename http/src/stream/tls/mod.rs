//! TLS over a socket.
//!
//! The session's state stands under a lock that is held while records are made or taken apart, and never over a wait: one
//! coroutine may wait for bytes while another sends. Each wait is the socket's own, for a step that could go no further.

mod handshake;
mod wire;

use std::cell::Cell;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use greenwood_runtime::readiness::{Interest, Mode};
use rustls::{ServerConfig, ServerConnection};

use super::Socket;
use wire::Wire;

/// The most plaintext that is turned into records at a time.
const BUFFER: usize = 64 * 1024;

pub(crate) struct TlsStream {
    socket: Socket,
    session: Mutex<ServerConnection>,
    /// Which name the client asked for, if it said so.
    server_name: OnceLock<Box<str>>,
    /// A write has failed: what the peer has is not all, and must not look as if it were.
    broken: AtomicBool,
}

/// How far a step of sending came.
enum Sent {
    All,
    /// There is more to do, and the kernel may take it.
    Some,
    /// There is more to do, and the kernel takes no more now.
    Full,
}

impl TlsStream {
    pub(crate) fn new(socket: Socket, config: Arc<ServerConfig>) -> io::Result<TlsStream> {
        let mut session = ServerConnection::new(config).map_err(invalid)?;
        session.set_buffer_limit(Some(BUFFER));
        Ok(TlsStream {
            socket,
            session: Mutex::new(session),
            server_name: OnceLock::new(),
            broken: AtomicBool::new(false),
        })
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    pub(crate) fn server_name(&self) -> Option<&str> {
        self.server_name.get().map(|name| &**name)
    }

    /// See [`Stream::read`](super::Stream::read), as for the next three.
    pub(crate) fn read(&self, into: &mut [u8], timeout: Option<Duration>) -> io::Result<usize> {
        if let Some(result) = self.take(into) {
            return result;
        }
        let drained = Cell::new(false);
        self.perform(Interest::Read, timeout, || self.receive(into, &drained), |_| drained.get())
    }

    pub(crate) fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        if let Some(result) = self.take(into) {
            return result;
        }
        let drained = Cell::new(false);
        self.socket.source().perform_as(
            self.socket.as_fd(),
            Interest::Read,
            || Ok(Mode::NonBlocking),
            || self.receive(into, &drained),
            |_| drained.get(),
        )
    }

    pub(crate) fn wait_readable(&self, timeout: Option<Duration>) -> io::Result<()> {
        if self.has_arrived() { Ok(()) } else { self.socket.wait_readable(timeout) }
    }

    /// Whether a read finds something without the socket, which does not tell of it.
    pub(crate) fn has_arrived(&self) -> bool {
        match self.lock().process_new_packets() {
            Ok(state) => state.plaintext_bytes_to_read() > 0 || state.peer_has_closed(),
            Err(_) => true,
        }
    }

    pub(crate) fn write_all(&self, bytes: &mut &[u8], timeout: Option<Duration>) -> io::Result<()> {
        loop {
            let step = || self.send(bytes);
            match self.perform(Interest::Write, timeout, step, |sent| matches!(sent, Sent::Full)) {
                Ok(Sent::All) => return Ok(()),
                Ok(Sent::Some | Sent::Full) => {}
                Err(error) => {
                    self.broken.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
    }

    /// Says that nothing more will be sent, and ends that direction. Suspends; `timeout` as for writing.
    pub(crate) fn finish(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.lock().send_close_notify();
        self.write_all(&mut &[][..], timeout)?;
        self.socket.shutdown(Shutdown::Write)
    }

    /// Says that nothing more will be sent, if the kernel takes that at once. Does not suspend.
    pub(crate) fn say_end(&self) {
        let mut session = self.lock();
        if !session.is_handshaking() && !self.broken.load(Ordering::Relaxed) {
            session.send_close_notify();
            // The peer may be gone, or not reading: then nobody is told.
            let _ = flush(&mut session, &self.socket);
        }
    }

    /// What has come and been decrypted; `None` if that is nothing, and the end has not come either.
    ///
    /// Asked before every wait, as by `has_arrived`.
    fn take(&self, into: &mut [u8]) -> Option<io::Result<usize>> {
        if into.is_empty() {
            return Some(Ok(0));
        }
        match self.lock().reader().read(into) {
            Err(e) if e.kind() == ErrorKind::WouldBlock => None,
            result => Some(result),
        }
    }

    /// A step of reading: whatever the kernel has, until there is plaintext. `drained` tells whether the kernel has no more.
    fn receive(&self, into: &mut [u8], drained: &Cell<bool>) -> io::Result<usize> {
        let mut session = self.lock();
        let mut wire = Wire::new(&self.socket);
        loop {
            match session.reader().read(into) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                result => {
                    drained.set(wire.is_short());
                    return result;
                }
            }
            session.read_tls(&mut wire)?;
            let result = session.process_new_packets();
            // An alert, or new keys. What the kernel does not take now goes ahead of the next write.
            let _ = flush(&mut session, &self.socket);
            result.map_err(invalid)?;
        }
    }

    /// A step of writing: what is under way, and then more of `bytes`.
    fn send(&self, bytes: &mut &[u8]) -> io::Result<Sent> {
        let mut session = self.lock();
        let mut wire = Wire::new(&self.socket);
        let mut progress = false;
        loop {
            if session.wants_write() {
                match session.write_tls(&mut wire) {
                    Ok(0) => return Err(ErrorKind::WriteZero.into()),
                    Ok(_) => progress = true,
                    Err(e) if e.kind() == ErrorKind::WouldBlock && progress => {
                        return Ok(Sent::Full);
                    }
                    Err(e) => return Err(e),
                }
            } else if bytes.is_empty() {
                return Ok(Sent::All);
            } else if progress {
                return Ok(Sent::Some);
            } else {
                match session.writer().write(bytes)? {
                    0 => return Err(ErrorKind::WriteZero.into()),
                    taken => *bytes = &bytes[taken..],
                }
            }
        }
    }

    /// Repeats `step` until it can do something, waiting in between, with the session free for others.
    fn perform<T>(
        &self,
        interest: Interest,
        timeout: Option<Duration>,
        mut step: impl FnMut() -> io::Result<T>,
        drained: impl Fn(&T) -> bool,
    ) -> io::Result<T> {
        let (source, fd) = (self.socket.source(), self.socket.as_fd());
        loop {
            match source.perform(fd, interest, timeout, &mut step, &drained) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, ServerConnection> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends what the session has to say, as far as the kernel takes it.
fn flush(session: &mut ServerConnection, socket: &Socket) -> io::Result<()> {
    while session.wants_write() {
        session.write_tls(&mut Wire::new(socket))?;
    }
    Ok(())
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream")
            .field("socket", &self.socket)
            .field("server_name", &self.server_name())
            .finish_non_exhaustive()
    }
}
