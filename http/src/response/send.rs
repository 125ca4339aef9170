//! An answer's body, on its way to the socket.

use std::io::{self, ErrorKind, Read, Write};

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
/// Those of whatever makes the body, and of the socket. The answer is then incomplete and the connection must be
/// closed without another byte.
#[inline]
pub(crate) fn body(
    transport: &mut Transport,
    content: Content,
    framing: Framing,
) -> io::Result<()> {
    match content {
        Content::Static(bytes) => transport.send(bytes),
        Content::Owned(bytes) => transport.send(&bytes),
        content => produced(transport, content, framing),
    }
}

fn produced(transport: &mut Transport, content: Content, framing: Framing) -> io::Result<()> {
    let result = produce(transport, content, framing);
    if let Err(error) = &result
        && !transport.is_broken()
    {
        log::error("an answer breaks off", error);
    }
    result
}

fn produce(transport: &mut Transport, content: Content, framing: Framing) -> io::Result<()> {
    match content {
        Content::Reader { mut reader, .. } => {
            // A reader may take hours for its first byte; what came before is due now.
            transport.flush()?;
            read(BodyWriter::new(transport, framing), &mut *reader)
        }
        Content::Writer { produce, .. } => {
            let mut writer = BodyWriter::new(transport, framing);
            produce(&mut writer)?;
            writer.finish()
        }
        Content::File(body) => body.send(transport),
        // After the head, by the connection; the others, by `body`.
        Content::Upgrade(_) | Content::Static(_) | Content::Owned(_) => Ok(()),
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
