//! Writing frames whole, one after the other.

use std::io::{self, ErrorKind, Write};
use std::net::Shutdown;
use std::sync::atomic::Ordering;

use greenwood_runtime::shield;
use greenwood_runtime::sync::MutexGuard;

use super::WebSocket;
use super::session::Kind;

impl WebSocket {
    pub(super) fn send_frame(&self, kind: Kind, payload: &[u8]) -> io::Result<()> {
        self.heed_shutdown();
        let result = {
            let turn = self.turn.lock();
            // Nothing to interrupt: whoever has something to write now leaves it to this.
            let queued = shield(|| {
                let mut session = self.session.lock();
                session.queue_message(kind, payload).map(|()| session.take_outgoing())
            });
            queued.and_then(|outgoing| self.write(&turn, outgoing))
        };
        self.write_replies();
        result
    }

    /// Writes replies, and the end after the last, unless somebody is writing, who then sees to it.
    pub(super) fn write_replies(&self) {
        // Not to be interrupted: replies are short, and the caller may have a message that must not get lost.
        shield(|| {
            while self.session.lock().has_outgoing() {
                let Ok(turn) = self.turn.try_lock() else { return };
                if self.write_outgoing(&turn).is_err() {
                    return;
                }
            }
        });
    }

    pub(super) fn write_outgoing(&self, turn: &MutexGuard<'_, ()>) -> io::Result<()> {
        let outgoing = self.session.lock().take_outgoing();
        self.write(turn, outgoing)
    }

    /// Writes whole frames.
    fn write(&self, _turn: &MutexGuard<'_, ()>, (frames, last): (Vec<u8>, bool)) -> io::Result<()> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let unfinished = BreakOnDrop(self);
        (&self.connection).write_all(&frames)?;
        std::mem::forget(unfinished);
        if last {
            // It is the server that ends the connection first (RFC 6455 section 7.1.1).
            let _ = self.connection.shutdown(Shutdown::Write);
        }
        Ok(())
    }
}

/// Dropped with a frame half written.
struct BreakOnDrop<'a>(&'a WebSocket);

impl Drop for BreakOnDrop<'_> {
    fn drop(&mut self) {
        self.0.broken.store(true, Ordering::Relaxed);
        let _ = self.0.connection.shutdown(Shutdown::Both);
    }
}
