//! The chunked transfer coding (RFC 9112 section 7.1), decoded byte by byte as it arrives.

use crate::error::RequestError;
use crate::syntax::{is_text, is_token};

/// Hexadecimal digits of a chunk size: as many as fit the number, leading zeros included.
const SIZE_DIGITS: u8 = 16;

/// Bytes of chunk extensions and trailers a body may carry. They are read and thrown away, so
/// without a bound they would be work for nothing at no cost to the sender.
const OVERHEAD: u32 = 16 * 1024;

const MALFORMED: RequestError = RequestError::Malformed("malformed chunked body");

/// What the decoder found at the start of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// So many bytes of data come next, here or still to come. Report with
    /// [`Decoder::consume_data`] how many were taken.
    Data(u64),
    /// The input is used up.
    More,
    /// The body has ended.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size { digits: u8 },
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    FieldStart,
    FieldName,
    FieldValue,
    FieldLf,
    EndLf,
    End,
}

/// A pure state machine: the same bytes give the same data however they are cut.
///
/// Stricter than the grammar, which lets white space through before the `;` of an extension: recipients differ in whether they
/// strip it from the size. Laxer within an extension and a trailer's value, of which nothing is used: any text, since all agree on
/// where its line ends. Trailers are never made part of the head's fields, where they could change what was decided already
/// (RFC 9110 section 6.5.1).
#[derive(Debug)]
pub(crate) struct Decoder {
    state: State,
    /// Of the current chunk, still to come.
    remaining: u64,
    overhead: u32,
}

impl Decoder {
    pub(crate) fn new() -> Decoder {
        Decoder { state: State::Size { digits: 0 }, remaining: 0, overhead: 0 }
    }

    /// Takes framing from `input` up to data, the end, or the end of the input; how many bytes that
    /// were, and what comes next.
    pub(crate) fn advance(&mut self, input: &[u8]) -> Result<(usize, Step), RequestError> {
        for (i, &byte) in input.iter().enumerate() {
            match self.state {
                State::Data => return Ok((i, Step::Data(self.remaining))),
                State::End => return Ok((i, Step::End)),
                _ => self.state = self.next(byte)?,
            }
        }
        // Data that is announced but not here yet is told too: it may be more than is allowed.
        let step = match self.state {
            State::Data => Step::Data(self.remaining),
            State::End => Step::End,
            _ => Step::More,
        };
        Ok((input.len(), step))
    }

    pub(crate) fn consume_data(&mut self, n: u64) {
        self.remaining -= n;
        if self.remaining == 0 {
            self.state = State::DataCr;
        }
    }

    /// How much data is to come before the next framing.
    pub(crate) fn data(&self) -> u64 {
        if self.state == State::Data { self.remaining } else { 0 }
    }

    pub(crate) fn ended(&self) -> bool {
        self.state == State::End
    }

    fn next(&mut self, byte: u8) -> Result<State, RequestError> {
        Ok(match (self.state, byte) {
            (State::Size { digits }, _) if byte.is_ascii_hexdigit() => {
                if digits == SIZE_DIGITS {
                    return Err(MALFORMED);
                }
                let digit = (byte as char).to_digit(16).unwrap_or_default();
                self.remaining = self.remaining << 4 | u64::from(digit);
                State::Size { digits: digits + 1 }
            }
            (State::Size { digits: 1.. }, b'\r') | (State::Extension, b'\r') => State::SizeLf,
            (State::Size { digits: 1.. }, b';') => State::Extension,
            (State::Extension, _) if is_text(byte) => self.count(State::Extension)?,
            (State::SizeLf, b'\n') if self.remaining == 0 => State::FieldStart,
            (State::SizeLf, b'\n') => State::Data,
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size { digits: 0 },
            (State::FieldStart, b'\r') => State::EndLf,
            (State::FieldStart | State::FieldName, _) if is_token(byte) => {
                self.count(State::FieldName)?
            }
            (State::FieldName, b':') => State::FieldValue,
            (State::FieldValue, b'\r') => State::FieldLf,
            (State::FieldValue, _) if is_text(byte) => self.count(State::FieldValue)?,
            (State::FieldLf, b'\n') => State::FieldStart,
            (State::EndLf, b'\n') => State::End,
            _ => return Err(MALFORMED),
        })
    }

    fn count(&mut self, next: State) -> Result<State, RequestError> {
        self.overhead += 1;
        if self.overhead > OVERHEAD { Err(RequestError::HeadTooLarge) } else { Ok(next) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes pieces of the given length; the data, and how many bytes the body took if it ended.
    fn decode(input: &[u8], piece: usize) -> Result<(Vec<u8>, Option<usize>), u16> {
        let mut decoder = Decoder::new();
        let (mut data, mut at) = (Vec::new(), 0);
        while at < input.len() {
            let part = &input[at..input.len().min(at + piece)];
            let (used, step) = decoder.advance(part).map_err(|e| e.status().as_u16())?;
            at += used;
            match step {
                Step::Data(n) => {
                    let take = (part.len() - used).min(n.try_into().unwrap_or(usize::MAX));
                    data.extend_from_slice(&part[used..used + take]);
                    decoder.consume_data(take as u64);
                    at += take;
                }
                Step::More => assert_eq!(used, part.len()),
                Step::End => return Ok((data, Some(at))),
            }
        }
        Ok((data, decoder.ended().then_some(at)))
    }

    fn settled(input: &[u8]) -> Result<(Vec<u8>, Option<usize>), u16> {
        let whole = decode(input, input.len());
        for piece in 1..input.len() {
            assert_eq!(
                decode(input, piece),
                whole,
                "{piece} of {:?}",
                String::from_utf8_lossy(input)
            );
        }
        whole
    }

    #[test]
    fn well_formed() {
        assert_eq!(settled(b"0\r\n\r\n"), Ok((vec![], Some(5))));
        assert_eq!(settled(b"3\r\nabc\r\n00A\r\n0123456789\r\n0\r\n\r\nGET"), {
            Ok((b"abc0123456789".to_vec(), Some(30)))
        });
        let ornate = b"3;a=b;c=\"d\" ;\te\r\nabc\r\n0;x\r\nA: b\r\nC:\r\n\r\n";
        assert_eq!(settled(ornate), Ok((b"abc".to_vec(), Some(ornate.len()))));
    }

    #[test]
    fn incomplete_is_never_an_end() {
        let body = b"3\r\nabc\r\n0\r\nA: b\r\n\r\n";
        for end in 1..body.len() {
            assert_eq!(decode(&body[..end], 4).unwrap().1, None, "{end}");
        }
    }

    #[test]
    fn malformed() {
        for bad in [
            &b"+3\r\nabc\r\n0\r\n\r\n"[..],
            b"-1\r\n",
            b"0x3\r\nabc\r\n0\r\n\r\n",
            b" 3\r\nabc\r\n",
            b"3 \r\nabc\r\n",
            b"3 ;a\r\nabc\r\n",
            b"\r\n",
            b";a\r\n",
            b"3\nabc\r\n",
            b"3\rabc\r\n",
            b"3;a\nabc\r\n",
            b"3;a\rb\r\nabc\r\n",
            b"3\r\nabcd\r\n",
            b"3\r\nabc\n",
            b"3\r\nabc\r\r",
            b"3\r\nabc0\r\n",
            b"0\r\n\n",
            b"0\r\n A: b\r\n\r\n",
            b"0\r\nA : b\r\n\r\n",
            b"0\r\nA\r\n\r\n",
            b"0\r\n: b\r\n\r\n",
            b"0\r\nA: b\n\r\n",
            b"0\r\nA: b\r\n c\r\n\r\n",
            b"0\r\nA: \0\r\n\r\n",
            b"00000000000000003\r\nabc\r\n",
            b"11111111111111111\r\n",
        ] {
            assert_eq!(settled(bad), Err(400), "{:?}", String::from_utf8_lossy(bad));
        }
        assert!(decode(b"ffffffffffffffff\r\nabc", 5).is_ok());
    }

    #[test]
    fn overhead_is_bounded() {
        let extension = [&b"1;"[..], &vec![b'a'; 20_000], b"\r\n"].concat();
        assert_eq!(decode(&extension, 1000), Err(431));
        let chunks = [&b"1;aaaaaaaaaaaaaaaaaaaa\r\nx\r\n".repeat(1000)[..]].concat();
        assert_eq!(decode(&chunks, 1000), Err(431));
        let trailers = [&b"0\r\n"[..], &b"A: bbbbbbbbbb\r\n".repeat(2000)].concat();
        assert_eq!(decode(&trailers, 1000), Err(431));
    }
}
