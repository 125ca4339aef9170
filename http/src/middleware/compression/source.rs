//! Bodies of all kinds, compressed while they are sent.

use std::io::{self, ErrorKind, Read, Write};

use super::compressor::Compressor;
use crate::response::{BodyWriter, Content, ResponseBody};

/// How much is asked of a reader at a time.
const PIECE: usize = 16 * 1024;

pub(super) fn compressed(body: ResponseBody, compressor: Compressor) -> ResponseBody {
    let length = body.len();
    ResponseBody::from_writer(move |out| {
        out.coded(Box::new(compressor), length, |out| match body.0 {
            Content::Static(bytes) => out.write_all(bytes),
            Content::Owned(bytes) => out.write_all(&bytes),
            Content::Reader { mut reader, .. } => copy(&mut *reader, length, out),
            Content::Writer { produce, .. } => produce(out),
            Content::File(body) => body.write_to(out),
            // It has no bytes, and is not compressed.
            Content::Upgrade(_) => Ok(()),
        })
    })
}

/// Less than `length`, if that is known, is noticed at the end.
fn copy(reader: &mut dyn Read, length: Option<u64>, out: &mut BodyWriter<'_>) -> io::Result<()> {
    // What came before is due now: the first byte may take hours.
    out.flush()?;
    let mut left = length.unwrap_or(u64::MAX);
    let mut piece = vec![0; PIECE];
    while left > 0 {
        let max = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        match reader.read(&mut piece[..max]) {
            Ok(0) => break,
            Ok(n) => {
                let n = n.min(max);
                left -= n as u64;
                out.write_all(&piece[..n])?;
                // After less than there was room for, the next read may take long.
                if n < max {
                    out.flush()?;
                }
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
