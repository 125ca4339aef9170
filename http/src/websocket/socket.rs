//! A WebSocket, and the calls on it that wait.

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use greenwood_runtime::sync::Mutex;
use greenwood_runtime::{CancelToken, may_switch, shield, worker_index};
use tungstenite::protocol::frame::coding::CloseCode;

use super::session::{Kind, Session, Settings};
use super::{Close, Message, close_code};
use crate::upgrade::Upgraded;

/// A reason that fits a control frame, beside the code (RFC 6455 section 5.5).
const REASON: usize = 123;

/// How long, and how much, a peer that was told off may still send. Closing with bytes unread would make the kernel send a reset, which can
/// overtake and destroy the close code.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 64 * 1024;

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
    pub(super) connection: Upgraded,
    pub(super) session: Mutex<Session>,
    /// Held by whoever writes, so that frames do not mix, and readers need not wait for it.
    pub(super) turn: Mutex<()>,
    /// A frame was left half written: nothing may follow it.
    pub(super) broken: AtomicBool,
    pub(super) shutdown: CancelToken,
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
