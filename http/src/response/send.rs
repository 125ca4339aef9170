//! An answer's body, on its way to the socket.

use std::io::{self, ErrorKind, Read};

use super::body::Content;
use super::encode::Framing;
use crate::transport::Transport;

/// How much is asked of a reader at a time. Its size fits four hexadecimal digits.
const PIECE: usize = 16 * 1024;

/// Sends what `framing` promised. Suspends.
///
/// # Errors
///
/// Those of the reader and of the socket. The answer is then incomplete and the connection must be
/// closed without another byte.
pub(crate) fn body(
    transport: &mut Transport,
    content: Content,
    framing: Framing,
) -> io::Result<()> {
    match content {
        Content::Static(bytes) => transport.send(bytes),
        Content::Owned(bytes) => transport.send(&bytes),
        Content::Reader { mut reader, .. } => {
            // A reader may take hours for its first byte; what came before is due now.
            transport.flush()?;
            match framing {
                Framing::Length(length) => sized(transport, &mut *reader, length),
                Framing::Chunked => chunked(transport, &mut *reader),
                Framing::Close => unframed(transport, &mut *reader),
                Framing::None => Ok(()),
            }
        }
    }
}

fn sized(transport: &mut Transport, reader: &mut dyn Read, mut length: u64) -> io::Result<()> {
    while length > 0 {
        let max = usize::try_from(length).map_or(PIECE, |n| n.min(PIECE));
        match append(&mut transport.out, reader, max)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            n => length -= n as u64,
        }
        transport.flush()?;
    }
    Ok(())
}

fn unframed(transport: &mut Transport, reader: &mut dyn Read) -> io::Result<()> {
    while append(&mut transport.out, reader, PIECE)? > 0 {
        transport.flush()?;
    }
    Ok(())
}

/// Each piece is written as soon as it is there. The size has a fixed width, so that the data can be
/// read to where it is sent from.
fn chunked(transport: &mut Transport, reader: &mut dyn Read) -> io::Result<()> {
    const SIZE: &[u8] = b"0000\r\n";
    loop {
        debug_assert!(transport.out.is_empty());
        transport.out.extend_from_slice(SIZE);
        let n = append(&mut transport.out, reader, PIECE)?;
        if n == 0 {
            transport.out.clear();
            transport.out.extend_from_slice(b"0\r\n\r\n");
            return Ok(());
        }
        for (i, digit) in transport.out[..4].iter_mut().enumerate() {
            *digit = b"0123456789abcdef"[n >> (12 - 4 * i) & 15];
        }
        transport.out.extend_from_slice(b"\r\n");
        transport.flush()?;
    }
}

/// One read's worth of bytes, at most `max`.
fn append(out: &mut Vec<u8>, reader: &mut dyn Read, max: usize) -> io::Result<usize> {
    let len = out.len();
    out.resize(len + max, 0);
    let result = loop {
        match reader.read(&mut out[len..]) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            result => break result,
        }
    };
    // A reader that claims more than it was given room for must not panic the connection's loop.
    let n = result.as_ref().map_or(0, |&n| n.min(max));
    out.truncate(len + n);
    result.map(|_| n)
}
