//! Waiting for the peer.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use greenwood_runtime::{checkpoint, shield, worker_index};
use rustix::io::Errno;
use tungstenite::protocol::frame::coding::CloseCode;

use super::session::Step;
use super::{Message, WebSocket};

/// Replies that may wait for a writer, before reading waits too.
const REPLIES: usize = 4 * 1024;

/// How often an OS thread looks for a shutdown: a call that waits in the kernel is not woken for one.
const LOOK: Duration = Duration::from_millis(250);

impl WebSocket {
    pub(super) fn recv_until(&self, deadline: Option<Instant>) -> io::Result<Option<Message>> {
        loop {
            // Before it has a message: from then on nothing may interrupt it.
            checkpoint();
            let stopping = self.heed_shutdown();
            if self.session.lock().outgoing() > REPLIES {
                // The peer asks and does not read.
                let turn = self.turn.lock();
                shield(|| self.write_outgoing(&turn))?;
            }
            let (step, outgoing) = {
                let mut session = self.session.lock();
                (session.step(&self.connection), session.has_outgoing())
            };
            if outgoing {
                self.write_replies();
            }
            match step {
                Ok(Step::Message(message)) => return Ok(Some(message)),
                Ok(Step::More) => {}
                Ok(Step::Nothing(due)) => {
                    let now = greenwood_runtime::now();
                    if deadline.is_some_and(|deadline| deadline <= now) {
                        return Err(ErrorKind::WouldBlock.into());
                    }
                    let first = [due, deadline].into_iter().flatten().min();
                    self.wait(first.map(|at| at.saturating_duration_since(now)), stopping)?;
                }
                Ok(Step::Closed) => return Ok(None),
                Err(e) => return Err(e),
            }
        }
    }

    /// Waits for the peer or, unless it is heeded already, a shutdown; perhaps for less.
    fn wait(&self, timeout: Option<Duration>, stopping: bool) -> io::Result<()> {
        let wait = |timeout| match self.connection.wait_readable(timeout) {
            Err(e) if e.kind() == ErrorKind::WouldBlock => Ok(()),
            result => result,
        };
        if stopping {
            return wait(timeout);
        }
        if worker_index().is_none() {
            return wait(Some(timeout.map_or(LOOK, |timeout| timeout.min(LOOK))));
        }
        match self.shutdown.run(|| wait(timeout)) {
            Ok(Err(e)) if Errno::from_io_error(&e) == Some(Errno::CANCELED) => {
                // If it was not for the shutdown, the next wait says so again.
                if self.shutdown.is_cancelled() { Ok(()) } else { Err(e) }
            }
            Ok(result) => result,
            Err(_) => Ok(()),
        }
    }

    /// Closes if the server shuts down; whether it does.
    pub(super) fn heed_shutdown(&self) -> bool {
        if !self.connection.is_shutting_down() {
            return false;
        }
        self.session.lock().queue_close(CloseCode::Away, "");
        self.write_replies();
        true
    }
}
