//! The body of a request, read through [`std::io::Read`].

mod arrived;
pub(crate) mod chunked;

use std::fmt;
use std::io::{self, Read};
use std::time::Duration;

use arrived::Arrived;
use chunked::{Decoder, Step};

use crate::error::RequestError;
use crate::limits::Limits;
use crate::request::Framing;
use crate::transport::Transport;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// From this size on, the caller's buffer is read into without a copy in between.
const DIRECT: usize = 4 * 1024;

/// The body of a request.
///
/// Reading suspends the coroutine (blocks the OS thread) until bytes come. The end of the body reads
/// as the end of a file, whether its length was announced or it came chunked; trailers are
/// discarded. What a handler leaves unread is skipped, or the connection closed.
///
/// A client that sent `Expect: 100-continue` gets the interim answer at the first read that has to
/// wait (RFC 9110 section 10.1.1); a handler that answers without reading spares it the upload.
///
/// # Errors
///
/// Those of the socket, and a [`RequestError`] inside an [`io::Error`] when the body is malformed, cut
/// off, late or longer than [`Limits::body`]. Every later read fails too, and the server answers with
/// that error's status whatever the handler returns.
pub struct RequestBody<'c> {
    pub(crate) state: &'c mut BodyState,
    /// What came with the head and behind it: body first, then perhaps further requests.
    received: &'c [u8],
    transport: &'c mut Transport,
}

/// How far a body has come; outlives the borrow of the connection.
#[derive(Debug)]
pub(crate) struct BodyState {
    coding: Coding,
    arrived: Arrived,
    /// Bytes of data that the limit still allows.
    allowance: u64,
    /// The longest wait for more.
    progress: Duration,
    /// Whether the client waits for the interim answer, as far as is known.
    expects_continue: bool,
    failure: Option<Failure>,
}

#[derive(Debug)]
enum Coding {
    /// So many bytes to come.
    Length(u64),
    Chunked(Decoder),
}

/// Why nothing more can be read.
#[derive(Clone, Copy, Debug)]
enum Failure {
    Request(RequestError),
    Socket(io::ErrorKind),
}

impl BodyState {
    #[inline]
    pub(crate) fn new(framing: Framing, expects_continue: bool, limits: &Limits) -> BodyState {
        BodyState {
            coding: match framing {
                Framing::Length(n) => Coding::Length(n),
                Framing::Chunked => Coding::Chunked(Decoder::new()),
            },
            arrived: Arrived::default(),
            allowance: limits.body,
            progress: limits.body_progress,
            expects_continue,
            failure: None,
        }
    }

    pub(crate) fn set_limit(&mut self, bytes: u64) {
        self.allowance = bytes;
    }

    pub(crate) fn set_progress(&mut self, pause: Duration) {
        self.progress = pause;
    }

    /// Fails for good if what is announced is longer than what is allowed.
    pub(crate) fn check_length(&mut self) -> Result<(), RequestError> {
        match self.coding {
            Coding::Length(n) if n > self.allowance && self.failure.is_none() => {
                self.failure = Some(Failure::Request(RequestError::BodyTooLarge));
                Err(RequestError::BodyTooLarge)
            }
            _ => Ok(()),
        }
    }

    /// How many bytes are still to come, if that was announced.
    pub(crate) fn announced(&self) -> Option<u64> {
        match self.coding {
            Coding::Length(n) => Some(n),
            Coding::Chunked(_) => None,
        }
    }

    pub(crate) fn ended(&self) -> bool {
        match &self.coding {
            Coding::Length(n) => *n == 0,
            Coding::Chunked(decoder) => decoder.ended(),
        }
    }

    /// What the client got wrong, if that is why reading has failed.
    pub(crate) fn refusal(&self) -> Option<RequestError> {
        match self.failure {
            Some(Failure::Request(error)) => Some(error),
            _ => None,
        }
    }

    /// Whether the rest, if any, is worth skipping: it is or may be short, and will come unasked.
    pub(crate) fn skippable(&self, limit: u64) -> bool {
        let short = match self.coding {
            Coding::Length(n) => n <= limit,
            Coding::Chunked(_) => true,
        };
        self.failure.is_none() && (self.ended() || short && !self.expects_continue)
    }

    /// Whether bytes have come that are not used, of those received with the head or since.
    #[inline]
    pub(crate) fn has_more(&self, received: &[u8]) -> bool {
        let (used, later) = self.rest();
        used < received.len() || !later.is_empty()
    }

    /// How much of the bytes received with the head is used, and what was read since and is not.
    #[inline]
    pub(crate) fn rest(&self) -> (usize, &[u8]) {
        self.arrived.rest()
    }

    fn fail(&mut self, error: RequestError) -> io::Error {
        self.failure = Some(Failure::Request(error));
        error.into()
    }

    /// Hands out data that is here, or 0 at the end; `None` when more must be received first.
    fn take(&mut self, received: &[u8], into: &mut [u8]) -> io::Result<Option<usize>> {
        let announced = match &mut self.coding {
            Coding::Length(n) => *n,
            Coding::Chunked(decoder) => match decoder.advance(self.arrived.bytes(received)) {
                Err(error) => return Err(self.fail(error)),
                Ok((used, step)) => {
                    self.arrived.consume(received, used);
                    match step {
                        Step::Data(n) => n,
                        Step::More => return Ok(None),
                        Step::End => 0,
                    }
                }
            },
        };
        if announced == 0 {
            return Ok(Some(0));
        }
        if announced > self.allowance {
            return Err(self.fail(RequestError::BodyTooLarge));
        }
        let bytes = self.arrived.bytes(received);
        if bytes.is_empty() {
            return Ok(None);
        }
        let n = clamp(announced, bytes.len().min(into.len()));
        into[..n].copy_from_slice(&bytes[..n]);
        self.arrived.consume(received, n);
        self.account(n as u64);
        Ok(Some(n))
    }

    fn account(&mut self, n: u64) {
        self.allowance -= n;
        match &mut self.coding {
            Coding::Length(remaining) => *remaining -= n,
            Coding::Chunked(decoder) => decoder.consume_data(n),
        }
    }

    /// What a read of the socket came to.
    fn settle(&mut self, result: io::Result<usize>) -> io::Result<usize> {
        match result {
            Ok(0) => Err(self.fail(RequestError::Truncated)),
            Ok(n) => Ok(n),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                Err(self.fail(RequestError::TimedOut))
            }
            // A time-out of the handler's own, which is its affair. What there is to read can still be read.
            Err(e) if e.kind() == io::ErrorKind::TimedOut => Err(e),
            Err(e) => {
                self.failure = Some(Failure::Socket(e.kind()));
                Err(e)
            }
        }
    }
}

impl<'c> RequestBody<'c> {
    pub(crate) fn new(
        state: &'c mut BodyState,
        received: &'c [u8],
        transport: &'c mut Transport,
    ) -> Self {
        RequestBody { state, received, transport }
    }

    /// Skips what is left, as far as it is already here. What the client got wrong before, if that is why reading has failed.
    pub(crate) fn skip_arrived(&mut self) -> Option<RequestError> {
        let refusal = self.state.refusal();
        let mut sink = [0; 1024];
        while self.state.failure.is_none() && !self.state.ended() {
            match self.state.take(self.received, &mut sink) {
                Ok(Some(1..)) => {}
                _ => break,
            }
        }
        refusal
    }

    /// Skips what is left, but not much more than `limit` bytes; whether the end was reached.
    pub(crate) fn skip(&mut self, mut limit: u64) -> bool {
        let mut sink = [0; 1024];
        loop {
            match self.read(&mut sink) {
                Ok(0) => return true,
                Ok(n) if n as u64 <= limit => limit -= n as u64,
                _ => return false,
            }
        }
    }
}

impl Read for RequestBody<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.state.failure {
            _ if into.is_empty() => return Ok(0),
            None => {}
            Some(Failure::Request(error)) => return Err(error.into()),
            Some(Failure::Socket(kind)) => return Err(kind.into()),
        }
        let RequestBody { state, received, transport } = self;
        loop {
            if let Some(n) = state.take(received, into)? {
                return Ok(n);
            }
            if std::mem::take(&mut state.expects_continue) {
                transport.out.extend_from_slice(CONTINUE);
            }
            // Never beyond the body: what follows belongs to the connection.
            let data = match &state.coding {
                Coding::Length(remaining) => *remaining,
                // The rest of a chunk is worth a read of its own if it is long.
                Coding::Chunked(decoder) if decoder.data() >= DIRECT as u64 => decoder.data(),
                Coding::Chunked(_) => 0,
            };
            if data > 0 && into.len() >= DIRECT {
                let n = clamp(data, into.len());
                let result = transport.read(&mut into[..n], state.progress);
                let n = state.settle(result)?;
                state.account(n as u64);
                return Ok(n);
            }
            let result = transport.read(state.arrived.spare(), state.progress);
            let n = state.settle(result)?;
            state.arrived.commit(n);
        }
    }
}

impl fmt::Debug for RequestBody<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").field("coding", &self.state.coding).finish_non_exhaustive()
    }
}

fn clamp(announced: u64, len: usize) -> usize {
    usize::try_from(announced).map_or(len, |n| n.min(len))
}
