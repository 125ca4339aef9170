//! gzip and deflate, piece by piece.

use std::io::{self, Write};

use flate2::Compression as Level;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::accept::Coding;
use crate::response::Coder;

/// How much is compressed at a time. The rest of the connections of the worker wait for that long.
const PIECE: usize = 16 * 1024;

/// Compresses into a vector. (flate2's encoders end the data when they are dropped; here that goes nowhere.)
pub(super) enum Compressor {
    Gzip(GzEncoder<Vec<u8>>),
    Deflate(ZlibEncoder<Vec<u8>>),
}

impl Compressor {
    pub(super) fn new(coding: Coding, level: Level) -> Compressor {
        match coding {
            Coding::Gzip => Compressor::Gzip(GzEncoder::new(Vec::new(), level)),
            Coding::Deflate => Compressor::Deflate(ZlibEncoder::new(Vec::new(), level)),
        }
    }

    /// `bytes` as a whole.
    pub(super) fn all(mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        for piece in bytes.chunks(PIECE) {
            self.code(piece)?;
        }
        self.finish()?;
        Ok(std::mem::take(self.output()))
    }
}

impl Coder for Compressor {
    fn code(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(PIECE)];
        match self {
            Compressor::Gzip(encoder) => encoder.write_all(bytes)?,
            Compressor::Deflate(encoder) => encoder.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Compressor::Gzip(encoder) => encoder.flush(),
            Compressor::Deflate(encoder) => encoder.flush(),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Compressor::Gzip(encoder) => encoder.try_finish(),
            Compressor::Deflate(encoder) => encoder.try_finish(),
        }
    }

    fn output(&mut self) -> &mut Vec<u8> {
        match self {
            Compressor::Gzip(encoder) => encoder.get_mut(),
            Compressor::Deflate(encoder) => encoder.get_mut(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::{GzDecoder, ZlibDecoder};
    use std::io::{ErrorKind, Read};

    fn decoded(coding: Coding, bytes: &[u8]) -> (Vec<u8>, io::Result<usize>) {
        let mut whole = Vec::new();
        let result = match coding {
            Coding::Gzip => GzDecoder::new(bytes).read_to_end(&mut whole),
            Coding::Deflate => ZlibDecoder::new(bytes).read_to_end(&mut whole),
        };
        (whole, result)
    }

    #[test]
    fn a_flush_lets_everything_through_but_only_finish_ends_it() {
        for coding in [Coding::Gzip, Coding::Deflate] {
            let mut compressor = Compressor::new(coding, Level::default());
            assert_eq!(compressor.code(b"first").unwrap(), 5);
            compressor.flush().unwrap();
            let (whole, result) = decoded(coding, compressor.output());
            assert_eq!(whole, b"first");
            assert_eq!(result.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn all_at_once() {
        let data: Vec<u8> = (0..100_000u64).map(|i| (i * i % 251) as u8).collect();
        for coding in [Coding::Gzip, Coding::Deflate] {
            for data in [&data[..], b""] {
                let compressed = Compressor::new(coding, Level::default()).all(data).unwrap();
                let (whole, result) = decoded(coding, &compressed);
                assert!(whole == data && result.is_ok());
            }
        }
    }
}
