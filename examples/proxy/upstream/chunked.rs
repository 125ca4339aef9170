//! The chunked coding, taken off (RFC 9112 section 7.1).

/// The longest line with a chunk's size.
const MAX_LINE: usize = 1024;

/// The most bytes of trailers. They are read and thrown away.
const MAX_TRAILERS: usize = 16 * 1024;

#[derive(Debug)]
pub struct Decoder {
    state: State,
    trailers: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Size,
    /// So many bytes of data are to come.
    Data(u64),
    /// The line end behind the data.
    DataEnd,
    Trailers,
    End,
}

/// What to do with the bytes that are there.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// The first so many are no data.
    Skip(usize),
    /// The first so many are data, at most: say how many were taken by `taken`.
    Data(u64),
    /// Nothing before there are more.
    More,
    /// The body is over.
    End,
}

impl Decoder {
    pub fn new() -> Decoder {
        Decoder { state: State::Size, trailers: 0 }
    }

    /// What is next, given what has come and was not used yet.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Step, &'static str> {
        match self.state {
            State::Data(_) if bytes.is_empty() => Ok(Step::More),
            State::Data(n) => Ok(Step::Data(n)),
            State::End => Ok(Step::End),
            State::DataEnd => match bytes {
                [b'\r', b'\n', ..] => Ok(self.skip(2, State::Size)),
                [] | [b'\r'] => Ok(Step::More),
                _ => Err("chunk longer than its size"),
            },
            State::Size => {
                let Some(line) = line(bytes, MAX_LINE)? else { return Ok(Step::More) };
                let next = match size(line)? {
                    0 => State::Trailers,
                    n => State::Data(n),
                };
                Ok(self.skip(line.len() + 2, next))
            }
            State::Trailers => {
                let Some(line) = line(bytes, MAX_TRAILERS)? else { return Ok(Step::More) };
                self.trailers += line.len() + 2;
                if self.trailers > MAX_TRAILERS {
                    return Err("trailers too long");
                }
                let next = if line.is_empty() { State::End } else { State::Trailers };
                Ok(self.skip(line.len() + 2, next))
            }
        }
    }

    /// So many bytes of data were taken.
    pub fn taken(&mut self, n: u64) {
        let State::Data(left) = self.state else { unreachable!("no data was announced") };
        self.state = if n == left { State::DataEnd } else { State::Data(left - n) };
    }

    fn skip(&mut self, n: usize, next: State) -> Step {
        self.state = next;
        Step::Skip(n)
    }
}

/// The first line, without its end; `None` when that has not come.
fn line(bytes: &[u8], max: usize) -> Result<Option<&[u8]>, &'static str> {
    match bytes.iter().take(max + 1).position(|&b| b == b'\n') {
        Some(end) => {
            let line = bytes[..end].strip_suffix(b"\r").ok_or("bare line feed in the body")?;
            if line.contains(&b'\r') {
                Err("bare carriage return in the body")
            } else {
                Ok(Some(line))
            }
        }
        None if bytes.len() > max => Err("line too long in the body"),
        None => Ok(None),
    }
}

/// Hexadecimal digits, and perhaps extensions.
fn size(line: &[u8]) -> Result<u64, &'static str> {
    let end = line.iter().position(|b| !b.is_ascii_hexdigit()).unwrap_or(line.len());
    let (digits, rest) = line.split_at(end);
    if !(1..=16).contains(&digits.len()) || !(rest.is_empty() || rest[0] == b';') {
        return Err("invalid chunk size");
    }
    let text = std::str::from_utf8(digits).map_err(|_| "invalid chunk size")?;
    u64::from_str_radix(text, 16).map_err(|_| "invalid chunk size")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Data and what follows the body, for bytes that arrive in pieces of `piece`.
    fn decode(bytes: &[u8], piece: usize) -> Result<(Vec<u8>, usize), &'static str> {
        let (mut decoder, mut data, mut at, mut come) = (Decoder::new(), Vec::new(), 0, 0);
        loop {
            match decoder.step(&bytes[at..come])? {
                Step::Skip(n) => at += n,
                Step::Data(n) => {
                    let n = (come - at).min(n as usize);
                    data.extend_from_slice(&bytes[at..at + n]);
                    decoder.taken(n as u64);
                    at += n;
                }
                Step::More if come == bytes.len() => return Err("incomplete"),
                Step::More => come = (come + piece).min(bytes.len()),
                Step::End => return Ok((data, bytes.len() - at)),
            }
        }
    }

    fn all(bytes: &[u8]) -> Result<(Vec<u8>, usize), &'static str> {
        let whole = decode(bytes, bytes.len().max(1));
        for piece in 1..bytes.len() {
            assert_eq!(
                decode(bytes, piece).map(|d| d.0),
                whole.clone().map(|d| d.0),
                "in pieces of {piece}"
            );
        }
        whole
    }

    #[test]
    fn good() {
        assert_eq!(all(b"0\r\n\r\n"), Ok((vec![], 0)));
        assert_eq!(
            all(b"3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0\r\n\r\n"),
            Ok((b"abc0123456789".to_vec(), 0))
        );
        assert_eq!(
            all(b"1\r\na\r\n000\r\nTrailer: x\r\nb: c\r\n\r\nHTTP/1.1"),
            Ok((b"a".to_vec(), 8))
        );
    }

    #[test]
    fn bad() {
        for bad in [
            &b"\r\n\r\n"[..],
            b"g\r\n",
            b"+1\r\na\r\n0\r\n\r\n",
            b"0x1\r\na\r\n0\r\n\r\n",
            b" 1\r\na\r\n0\r\n\r\n",
            b"1 \r\na\r\n0\r\n\r\n",
            b"1\na\r\n0\r\n\r\n",
            b"1\r\nab\r\n0\r\n\r\n",
            b"1\r\na\n0\r\n\r\n",
            b"00000000000000001\r\na\r\n0\r\n\r\n",
            b"0\r\n\n",
            b"0\r\na\rb\r\n\r\n",
            b"1\r\na\r\n0\r\n",
        ] {
            assert!(all(bad).is_err(), "{}", bad.escape_ascii());
        }
        let long = [&b"1;"[..], &[b'x'; MAX_LINE], b"\r\na\r\n0\r\n\r\n"].concat();
        assert_eq!(decode(&long, 100), Err("line too long in the body"));
        let trailers = [&b"0\r\n"[..], &b"a: b\r\n".repeat(MAX_TRAILERS / 6 + 1), b"\r\n"].concat();
        assert_eq!(decode(&trailers, 100), Err("trailers too long"));
    }
}
