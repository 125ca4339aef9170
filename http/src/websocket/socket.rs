//! A WebSocket, and the calls on it that wait.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use greenwood_runtime::sync::{Mutex, MutexGuard};
use greenwood_runtime::{CancelToken, checkpoint, may_switch, shield, worker_index};
use rustix::io::Errno;
use tungstenite::protocol::frame::coding::CloseCode;

use super::session::{Kind, Session, Settings, Step};
use super::{Close, Message, close_code};
use crate::upgrade::Upgraded;

/// Replies that may wait for a writer, before reading waits too.
const REPLIES: usize = 4 * 1024;

/// A reason that fits a control frame, beside the code (RFC 6455 section 5.5).
const REASON: usize = 123;

/// How long, and how much, a peer that was told off may still send. Closing with bytes unread would make the kernel send a reset, which can
/// overtake and destroy the close code.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 64 * 1024;

/// How often an OS thread looks for a shutdown: a call that waits in the kernel is not woken for one.
const LOOK: Duration = Duration::from_millis(250);

/// A connection for messages, given to the closure of [`upgrade`](super::upgrade).
///
/// All calls take `&self`: any number of coroutines and OS threads may receive and send at a time, those of a
/// [`scope`](greenwood_runtime::scope) for example, or with an `Arc` around it. Each message goes to one of the receivers.
///
/// Dropping it closes, as [`close`](WebSocket::close) does, with [`close_code::NORMAL`]; while a panic unwinds, with
/// [`close_code::INTERNAL_ERROR`]. That waits for the peer's answer, for at most [`Config::close_within`](super::Config::close_within). (On a
/// coroutine in Shared mode, a panic ends the connection without a word: nothing may wait there.)
///
/// ```
/// use greenwood_http::websocket::{self, Config, Message};
/// use greenwood_http::{Request, Response};
/// use std::time::Duration;
///
/// /// Tells the time, until the client says something.
/// fn clock(request: &mut Request<'_>) -> Response {
///     websocket::upgrade(request, &Config::default(), |socket| {
///         greenwood_runtime::scope(|scope| {
///             scope.spawn(|| {
///                 let _ = socket.recv();
///                 scope.cancel();
///             });
///             scope.spawn(|| {
///                 for second in 0.. {
///                     if socket.send(format!("{second} s")).is_err() {
///                         break;
///                     }
///                     greenwood_runtime::sleep(Duration::from_secs(1));
///                 }
///             });
///         });
///     })
/// }
/// ```
pub struct WebSocket {
    connection: Upgraded,
    session: Mutex<Session>,
    /// Held by whoever writes, so that frames do not mix, and readers need not wait for it.
    turn: Mutex<()>,
    /// A frame was left half written: nothing may follow it.
    broken: AtomicBool,
    shutdown: CancelToken,
    protocol: Option<String>,
}

impl WebSocket {
    pub(super) fn new(
        connection: Upgraded,
        settings: Settings,
        protocol: Option<String>,
    ) -> WebSocket {
        let shutdown = connection.shutdown_token();
        WebSocket {
            connection,
            session: Mutex::new(Session::new(settings)),
            turn: Mutex::new(()),
            broken: AtomicBool::new(false),
            shutdown,
            protocol,
        }
    }

    /// The next message; `None` when the WebSocket is closed in order, by either side. Suspends (blocks the OS thread).
    ///
    /// If it is interrupted, by a cancellation or a [`timeout`](greenwood_runtime::timeout) around it, no message is lost.
    ///
    /// # Errors
    ///
    /// `InvalidData` if the peer has broken the rules or a limit: it was told so, and the connection is closed. `UnexpectedEof` if the peer has gone
    /// without closing, `TimedOut` if it has not answered a ping or a close in time; those of the socket. When interrupted, `ECANCELED` or
    /// `ETIMEDOUT`.
    pub fn recv(&self) -> io::Result<Option<Message>> {
        self.recv_until(None)
    }

    /// [`WebSocket::recv`] for at most `timeout`.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when the time is over; nothing is lost then. Otherwise as for [`WebSocket::recv`].
    pub fn recv_timeout(&self, timeout: Duration) -> io::Result<Option<Message>> {
        // A time that the clock cannot tell does not come.
        self.recv_until(greenwood_runtime::now().checked_add(timeout))
    }

    /// The messages until the WebSocket is closed, each waited for as by [`WebSocket::recv`]; after an error there are none.
    pub fn messages(&self) -> Messages<'_> {
        Messages { socket: Some(self) }
    }

    /// Sends a message. Suspends (blocks the OS thread) until its bytes are on their way, which says nothing about their arrival.
    ///
    /// If it is interrupted while the peer takes nothing, the connection breaks: half a message can be neither left nor followed by another.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` if either side has closed. Those of the socket, after which the connection is broken; among them `WouldBlock`, if the peer
    /// takes nothing for [`Limits::write_progress`](crate::Limits::write_progress).
    pub fn send(&self, message: impl Into<Message>) -> io::Result<()> {
        match message.into() {
            Message::Text(text) => self.send_text(&text),
            Message::Binary(bytes) => self.send_binary(&bytes),
        }
    }

    /// [`WebSocket::send`] for text of which the caller keeps the only copy, as when many are sent the same.
    ///
    /// # Errors
    ///
    /// As for [`WebSocket::send`].
    pub fn send_text(&self, text: &str) -> io::Result<()> {
        self.send_frame(Kind::Text, text.as_bytes())
    }

    /// [`WebSocket::send_text`] for bytes.
    ///
    /// # Errors
    ///
    /// As for [`WebSocket::send`].
    pub fn send_binary(&self, bytes: &[u8]) -> io::Result<()> {
        self.send_frame(Kind::Binary, bytes)
    }

    /// Closes, and waits for the peer to do so too (RFC 6455 section 7.1.2). Suspends (blocks the OS thread). Messages that still
    /// arrive are dropped. Without effect on a WebSocket that is closed.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a code that must not be sent, as [`close_code::NONE`], or a reason of more than 123 bytes. Otherwise as for
    /// [`WebSocket::recv`].
    pub fn close(&self, code: u16, reason: &str) -> io::Result<()> {
        let code = CloseCode::from(code);
        if !code.is_allowed() || reason.len() > REASON {
            let message = "a close code or reason that must not be sent";
            return Err(io::Error::new(ErrorKind::InvalidInput, message));
        }
        self.session.lock().queue_close(code, reason);
        self.write_replies();
        while self.recv()?.is_some() {}
        Ok(())
    }

    /// What the peer said when it closed. `None` if it has not.
    pub fn close_reason(&self) -> Option<Close> {
        self.session.lock().close().cloned()
    }

    /// The sub-protocol that was chosen, if any.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    fn recv_until(&self, deadline: Option<Instant>) -> io::Result<Option<Message>> {
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
    fn heed_shutdown(&self) -> bool {
        if !self.connection.is_shutting_down() {
            return false;
        }
        self.session.lock().queue_close(CloseCode::Away, "");
        self.write_replies();
        true
    }

    fn send_frame(&self, kind: Kind, payload: &[u8]) -> io::Result<()> {
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
    fn write_replies(&self) {
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

    fn write_outgoing(&self, turn: &MutexGuard<'_, ()>) -> io::Result<()> {
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

    /// Takes what the peer still sends, for a while.
    fn linger(&self) {
        let deadline = greenwood_runtime::now() + LINGER;
        let mut left = LINGER_BYTES;
        let mut sink = [0; 1024];
        while let Some(time) = deadline.checked_duration_since(greenwood_runtime::now()) {
            match self.connection.try_read(&mut sink) {
                Ok(n) if 0 < n && n <= left => left -= n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    if self.connection.wait_readable(Some(time)).is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    }
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        // If not, a panic unwinds where other coroutines share the panic count: waiting would stop them all.
        let may_wait = may_switch() || worker_index().is_none();
        if self.broken.load(Ordering::Relaxed) || !may_wait {
            return;
        }
        let code = if self.connection.is_shutting_down() {
            close_code::GOING_AWAY
        } else if std::thread::panicking() {
            close_code::INTERNAL_ERROR
        } else {
            close_code::NORMAL
        };
        shield(|| {
            let ended = self.session.lock().has_ended();
            if !ended {
                // Whoever would want to know of a failure is gone.
                let _ = self.close(code, "");
            }
            if self.session.lock().has_failed() {
                self.linger();
            }
        });
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

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("connection", &self.connection)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

/// Received messages; made by [`WebSocket::messages`].
#[derive(Debug)]
pub struct Messages<'a> {
    /// None after an error.
    socket: Option<&'a WebSocket>,
}

impl Iterator for Messages<'_> {
    type Item = io::Result<Message>;

    fn next(&mut self) -> Option<io::Result<Message>> {
        let result = self.socket?.recv();
        if !matches!(result, Ok(Some(_))) {
            self.socket = None;
        }
        result.transpose()
    }
}
