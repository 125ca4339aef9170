//! The state of a WebSocket, between its socket and the calls on it: what has come in part, what is to be sent, what is awaited until when.
//!
//! Nothing here waits: it is used under a lock that readers and writers share.

use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use tungstenite::Error;
use tungstenite::error::ProtocolError;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, FrameHeader};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};

use super::{Close, Config, Message, close_code};
use crate::upgrade::Upgraded;

/// Allocated with the WebSocket, and the most that one read takes.
const READ: usize = 4 * 1024;

/// The part of a [`Config`] that is of use after the handshake.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    message: usize,
    frame: usize,
    ping_after: Duration,
    pong_within: Duration,
    close_within: Duration,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Settings {
        let Config { message, frame, ping_after, pong_within, close_within, .. } = *config;
        Settings { message, frame, ping_after, pong_within, close_within }
    }
}

pub(super) struct Session {
    context: WebSocketContext,
    /// Whole frames, to be written in this order.
    outgoing: Vec<u8>,
    settings: Settings,
    /// When something came from the peer last.
    heard: Instant,
    /// When it was sent a ping that nothing has come after.
    pinged: Option<Instant>,
    /// When this side has closed.
    closing: Option<Instant>,
    end: Option<End>,
    /// Whether somebody sees to it that the peer learns of the end.
    end_taken: bool,
    close: Option<Close>,
}

/// Why nothing more will come.
#[derive(Clone, Copy)]
enum End {
    /// Both sides have closed.
    Closed,
    Failed(ErrorKind, &'static str),
}

/// What came.
pub(super) enum Step {
    Message(Message),
    /// Nothing for the caller, but there may be more.
    More,
    /// Nothing, and there is nothing to do until then.
    Nothing(Option<Instant>),
    /// The end, in order.
    Closed,
}

pub(super) enum Kind {
    Text,
    Binary,
}

impl Session {
    pub(super) fn new(settings: Settings) -> Session {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ)
            // Goes on to `outgoing` at once.
            .write_buffer_size(0)
            .max_message_size(Some(settings.message))
            .max_frame_size(Some(settings.frame));
        Session {
            context: WebSocketContext::new(Role::Server, Some(config)),
            outgoing: Vec::new(),
            settings,
            heard: greenwood_runtime::now(),
            pinged: None,
            closing: None,
            end: None,
            end_taken: false,
            close: None,
        }
    }

    /// Looks for what has come, with one read of the socket at most.
    ///
    /// # Errors
    ///
    /// `InvalidData` if it is against the rules, `UnexpectedEof` if the peer has gone without closing, `TimedOut` if it does not answer; after
    /// those the same again. Those of the socket.
    pub(super) fn step(&mut self, connection: &Upgraded) -> io::Result<Step> {
        match self.end {
            None => {}
            Some(End::Closed) => return Ok(Step::Closed),
            Some(End::Failed(kind, what)) => return Err(io::Error::new(kind, what)),
        }
        if self.closing.is_some() {
            // Not only when nothing comes: what does come could go on for ever.
            self.due(greenwood_runtime::now())?;
        }
        let mut wire =
            Wire { connection, outgoing: &mut self.outgoing, has_read: false, heard: false };
        let result = self.context.read(&mut wire);
        let Wire { has_read, heard, .. } = wire;
        if heard {
            self.heard = greenwood_runtime::now();
            self.pinged = None;
        }
        use tungstenite::Message as Received;
        match result {
            Ok(Received::Text(text)) => Ok(Step::Message(Message::Text(text.as_str().to_owned()))),
            Ok(Received::Binary(bytes)) => Ok(Step::Message(Message::Binary(bytes.into()))),
            Ok(Received::Close(close)) => {
                self.close = Some(match close {
                    Some(close) => {
                        Close { code: close.code.into(), reason: close.reason.to_string() }
                    }
                    None => Close { code: close_code::NONE, reason: String::new() },
                });
                Ok(Step::More)
            }
            Ok(_) => {
                self.queue_replies();
                Ok(Step::More)
            }
            Err(Error::Io(e)) if e.kind() == ErrorKind::WouldBlock && has_read && heard => {
                Ok(Step::More)
            }
            Err(Error::Io(e)) if e.kind() == ErrorKind::WouldBlock => {
                self.due(greenwood_runtime::now()).map(Step::Nothing)
            }
            Err(Error::Io(e)) => Err(e),
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => {
                self.end = Some(End::Closed);
                Ok(Step::Closed)
            }
            Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
                Err(self.fail(ErrorKind::UnexpectedEof, "the peer has gone without closing"))
            }
            Err(error) => {
                let (code, what) = match error {
                    Error::Utf8(_) => (CloseCode::Invalid, "text that is no UTF-8"),
                    Error::Capacity(_) => (CloseCode::Size, "the message is too long"),
                    _ => (CloseCode::Protocol, "against the rules of the protocol"),
                };
                self.queue_close(code, what);
                Err(self.fail(ErrorKind::InvalidData, what))
            }
        }
    }

    fn fail(&mut self, kind: ErrorKind, what: &'static str) -> io::Error {
        self.end = Some(End::Failed(kind, what));
        io::Error::new(kind, what)
    }

    /// Does what is due by now, and says when there will be something again.
    fn due(&mut self, now: Instant) -> io::Result<Option<Instant>> {
        let Settings { ping_after, pong_within, close_within, .. } = self.settings;
        let (since, patience) = match (self.closing, self.pinged) {
            (Some(closing), _) => (closing, close_within),
            (None, Some(pinged)) => (pinged, pong_within),
            (None, None) => (self.heard, ping_after),
        };
        match since.checked_add(patience) {
            Some(due) if due <= now => {}
            // Or never, as the clock cannot tell.
            later => return Ok(later),
        }
        if self.closing.is_some() || self.pinged.is_some() {
            return Err(self.fail(ErrorKind::TimedOut, "the peer does not answer"));
        }
        self.queue(OpCode::Control(Control::Ping), b"");
        self.pinged = Some(now);
        Ok(now.checked_add(pong_within))
    }

    /// Queues a message.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` if either side has closed.
    pub(super) fn queue_message(&mut self, kind: Kind, payload: &[u8]) -> io::Result<()> {
        if self.end.is_some() || !self.context.can_write() {
            return Err(io::Error::new(ErrorKind::BrokenPipe, "the WebSocket is closed"));
        }
        let data = match kind {
            Kind::Text => Data::Text,
            Kind::Binary => Data::Binary,
        };
        self.queue(OpCode::Data(data), payload);
        Ok(())
    }

    /// Not through the context: that would keep a buffer as large as the largest message.
    fn queue(&mut self, opcode: OpCode, payload: &[u8]) {
        let header = FrameHeader { opcode, ..FrameHeader::default() };
        let length = payload.len() as u64;
        self.outgoing.reserve(header.len(length) + payload.len());
        // Into memory: nothing to fail.
        let _ = header.format(length, &mut self.outgoing);
        self.outgoing.extend_from_slice(payload);
    }

    /// Closes, unless either side has.
    pub(super) fn queue_close(&mut self, code: CloseCode, reason: &str) {
        if self.end.is_some() || !self.context.can_write() {
            return;
        }
        // A pong after the close would be against the rules.
        self.queue_replies();
        let frame = CloseFrame { code, reason: reason.into() };
        let _ = self.context.close(&mut Queue(&mut self.outgoing), Some(frame));
        self.closing = Some(greenwood_runtime::now());
    }

    /// Queues what the context has to say by itself.
    fn queue_replies(&mut self) {
        let _ = self.context.flush(&mut Queue(&mut self.outgoing));
    }

    pub(super) fn outgoing(&self) -> usize {
        self.outgoing.len()
    }

    /// Whether there is something to write, or the end to be told.
    pub(super) fn has_outgoing(&self) -> bool {
        !self.outgoing.is_empty() || (self.end.is_some() && !self.end_taken)
    }

    /// What is to be written, and whether it is the last.
    pub(super) fn take_outgoing(&mut self) -> (Vec<u8>, bool) {
        self.end_taken = self.end.is_some();
        (std::mem::take(&mut self.outgoing), self.end_taken)
    }

    /// Whether there will be nothing more.
    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Whether the peer may still be sending, not knowing that this side has given up.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.end, Some(End::Failed(ErrorKind::InvalidData, _)))
    }

    pub(super) fn close(&self) -> Option<&Close> {
        self.close.as_ref()
    }
}

/// The socket, as the context sees it: read once without waiting, and written to in memory.
struct Wire<'a> {
    connection: &'a Upgraded,
    outgoing: &'a mut Vec<u8>,
    has_read: bool,
    /// Whether that gave something.
    heard: bool,
}

impl Read for Wire<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // Once: a peer that sends without a pause must not keep the lock from others.
        if std::mem::replace(&mut self.has_read, true) {
            return Err(ErrorKind::WouldBlock.into());
        }
        let n = self.connection.try_read(into)?;
        self.heard = n > 0;
        Ok(n)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where nothing is read.
struct Queue<'a>(&'a mut Vec<u8>);

impl Read for Queue<'_> {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }
}

impl Write for Queue<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
