//! Writing an answer's body piece by piece.

use std::fmt;
use std::io::{self, ErrorKind, Write};

use super::coded::Coded;
use super::encode::Framing;
use crate::client::ClientHandle;
use crate::connections::Link;
use crate::transport::{FLUSH_AT, Transport};

/// The most data in a chunk. Its size fits four hexadecimal digits, so that room for them can be left before the data is there.
const PIECE: usize = 32 * 1024;

/// Room for the size of a chunk.
const SIZE: &[u8] = b"0000\r\n";

/// Where the producer of a [`ResponseBody`](super::ResponseBody) writes.
///
/// Writes gather in a buffer of the connection's and go out when it is full, at the end, or by
/// [`flush`](Write::flush): call that after what the client should see at once. Both suspend the coroutine
/// (block the OS thread) while the client does not read.
///
/// # Errors
///
/// Those of the socket: the client is gone, or took nothing for [`Limits::write_progress`](crate::Limits).
/// `InvalidInput` for bytes beyond the announced length; none of those are sent.
pub struct BodyWriter<'c> {
    transport: &'c mut Transport,
    framing: Framing,
    /// How much the announced length still allows.
    left: u64,
    /// More was to be written than was announced. Remembered, as who writes may have thrown the error away.
    pub(super) exceeded: bool,
    /// Where in the output the size of the open chunk goes.
    chunk: Option<usize>,
    /// What is written goes through here first.
    pub(super) coded: Option<Box<Coded>>,
}

impl<'c> BodyWriter<'c> {
    pub(crate) fn new(transport: &'c mut Transport, framing: Framing) -> BodyWriter<'c> {
        let left = match framing {
            Framing::Length(n) => n,
            Framing::None => 0,
            Framing::Chunked | Framing::Close => u64::MAX,
        };
        BodyWriter { transport, framing, left, exceeded: false, chunk: None, coded: None }
    }

    /// Whether the server is shutting down: a body without an end should find one, as the connection is cut when the grace period
    /// has ended.
    pub fn is_shutting_down(&self) -> bool {
        self.transport.link.stopping()
    }

    /// What tells whether the client is still there, for a body that is silent for long: writing finds it out only after a while.
    pub fn client_handle(&self) -> ClientHandle {
        ClientHandle::new(&self.transport.link)
    }

    pub(crate) fn link(&self) -> &Link {
        &self.transport.link
    }

    /// Ends the body.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if less was written than announced, `InvalidInput` if more was tried.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if self.exceeded {
            return Err(too_long());
        }
        if matches!(self.framing, Framing::Length(_)) && self.left > 0 {
            return Err(too_short(self.left));
        }
        self.end_chunk();
        if self.framing == Framing::Chunked {
            self.transport.out.extend_from_slice(b"0\r\n\r\n");
        }
        Ok(())
    }

    /// How much more an announced length allows.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Adds what one call of `read` puts into the room that it is given, at most `max` bytes of what the length allows; how much that was.
    pub(super) fn fill(
        &mut self,
        max: usize,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let max = usize::try_from(self.left).map_or(max, |left| left.min(max));
        let max = self.begin_chunk()?.min(max);
        let out = &mut self.transport.out;
        let len = out.len();
        out.resize(len + max, 0);
        let result = read(&mut out[len..]);
        // A reader that claims more than it was given room for must not panic the connection's loop.
        let n = result.as_ref().map_or(0, |&n| n.min(max));
        out.truncate(len + n);
        self.left -= n as u64;
        result.map(|_| n)
    }

    /// Sees to it that there is an open chunk, if the body is chunked, and room before a flush is due; how much.
    fn begin_chunk(&mut self) -> io::Result<usize> {
        if self.transport.out.len() >= FLUSH_AT {
            self.flush()?;
        }
        if self.framing != Framing::Chunked {
            return Ok(PIECE);
        }
        let out = &mut self.transport.out;
        let data = *self.chunk.get_or_insert_with(|| {
            out.extend_from_slice(SIZE);
            out.len() - SIZE.len()
        }) + SIZE.len();
        match PIECE - (out.len() - data) {
            0 => {
                self.end_chunk();
                self.begin_chunk()
            }
            room => Ok(room),
        }
    }

    fn end_chunk(&mut self) {
        let Some(at) = self.chunk.take() else { return };
        let out = &mut self.transport.out;
        let n = out.len() - at - SIZE.len();
        if n == 0 {
            // An empty chunk would end the body.
            out.truncate(at);
            return;
        }
        for (i, digit) in out[at..at + 4].iter_mut().enumerate() {
            *digit = b"0123456789abcdef"[n >> (12 - 4 * i) & 15];
        }
        out.extend_from_slice(b"\r\n");
    }
}

pub(super) fn too_short(left: u64) -> io::Error {
    let message = format!("the body is {left} bytes shorter than announced");
    io::Error::new(ErrorKind::UnexpectedEof, message)
}

pub(super) fn too_long() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "the body is longer than announced")
}

impl Write for BodyWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(coded) = self.coded.take() {
            return self.write_coded(coded, bytes);
        }
        if bytes.len() as u64 > self.left {
            self.exceeded = true;
            return Err(too_long());
        }
        if self.framing != Framing::Chunked && bytes.len() >= PIECE {
            self.transport.send(bytes)?;
            self.left -= bytes.len() as u64;
            return Ok(bytes.len());
        }
        let n = self.begin_chunk()?.min(bytes.len());
        self.transport.out.extend_from_slice(&bytes[..n]);
        self.left -= n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(coded) = self.coded.take() {
            return self.flush_coded(coded);
        }
        self.end_chunk();
        self.transport.flush()
    }
}

impl fmt::Debug for BodyWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyWriter").field("framing", &self.framing).finish_non_exhaustive()
    }
}
