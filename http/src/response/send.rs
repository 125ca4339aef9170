//! An answer's body, on its way to the socket.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use greenwood_runtime::is_interruption;

use super::body::Content;
use super::encode::Framing;
use super::writer::BodyWriter;
use crate::log;
use crate::transport::Transport;

/// How much is asked of a reader at a time.
const PIECE: usize = 16 * 1024;

/// Sends what `framing` promised. Suspends. What keeps a body from being whole, but for a peer that is gone, is logged.
///
/// # Errors
///
/// Those of whatever makes the body, [`Panicked`] included, and of the socket. The answer is then incomplete and the connection must be
/// closed without another byte of it.
pub(crate) fn body(
    transport: &mut Transport,
    content: Content,
    framing: Framing,
) -> io::Result<()> {
    let result = send(transport, content, framing);
    if let Err(error) = &result
        && !transport.is_broken()
    {
        log::error("the body of an answer has failed", error);
    }
    result
}

fn send(transport: &mut Transport, content: Content, framing: Framing) -> io::Result<()> {
    match content {
        Content::Static(bytes) => transport.send(bytes),
        Content::Owned(bytes) => transport.send(&bytes),
        Content::Reader { mut reader, .. } => {
            // A reader may take hours for its first byte; what came before is due now.
            transport.flush()?;
            let result = guarded(|| read(BodyWriter::new(transport, framing), &mut *reader));
            // By now it may be whole.
            dispose(reader);
            result
        }
        Content::Writer { produce, .. } => guarded(|| {
            let mut writer = BodyWriter::new(transport, framing);
            produce(&mut writer)?;
            writer.finish()
        }),
        Content::File(body) => body.send(transport),
        // After the head, by the connection.
        Content::Upgrade(_) => Ok(()),
    }
}

/// Drops a body that is not to be sent.
#[inline]
pub(crate) fn discard(content: Content) {
    if !matches!(content, Content::Static(_) | Content::Owned(_)) {
        dispose(content);
    }
}

/// Each piece is written as soon as it is there.
fn read(mut writer: BodyWriter<'_>, reader: &mut dyn Read) -> io::Result<()> {
    while writer.left() > 0 {
        match writer.fill(PIECE, |room| reader.read(room)) {
            Ok(0) => break,
            Ok(_) => writer.flush()?,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    writer.finish()
}

/// Drops what may panic in that, which spoils nothing any more.
fn dispose<T>(value: T) {
    let _ = guarded(|| {
        drop(value);
        Ok(())
    });
}

/// Has code of the handler's author fail rather than panic. A cancellation comes through.
fn guarded(f: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(result) => result,
        Err(payload) if is_interruption(&*payload) => resume_unwind(payload),
        Err(_) => Err(io::Error::other(Panicked)),
    }
}

/// What makes a body has panicked.
#[derive(Debug)]
pub(crate) struct Panicked;

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what makes its body has panicked")
    }
}

impl std::error::Error for Panicked {}
