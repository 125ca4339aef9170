//! From bytes to a header of either version.

use super::{Origin, v1, v2};

/// The header at the start of `bytes`, with its length; `None` when more bytes are needed to tell.
///
/// What cannot become a header is refused at its first wrong byte, and what is too long at the latest when it is: the result does not
/// depend on how the bytes were cut.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Origin, usize)>, &'static str> {
    if begins(bytes, v2::SIGNATURE) {
        v2::parse(bytes)
    } else if begins(bytes, v1::START) {
        v1::parse(bytes)
    } else {
        Err("no PROXY header")
    }
}

/// Whether `bytes` begin with `start`, or may once there are more.
fn begins(bytes: &[u8], start: &[u8]) -> bool {
    let n = bytes.len().min(start.len());
    bytes[..n] == start[..n]
}

#[cfg(test)]
mod tests {
    use super::*;
    use Origin::{Address, Connection, Unix};

    /// What comes of `bytes`, followed by something else, and whole or cut anywhere.
    fn whole(bytes: &[u8]) -> Result<Origin, &'static str> {
        let followed = [bytes, b"GET / HTTP/1.1\r\n"].concat();
        let outcome = parse(&followed);
        let complete = outcome.is_ok();
        for n in 0..bytes.len() {
            match parse(&bytes[..n]) {
                Ok(None) => {}
                // Refused early, and with the same words.
                Err(what) if !complete => assert_eq!(Err(what), outcome.map(drop), "{n}"),
                other => panic!("{other:?} of {:?}", bytes[..n].escape_ascii().to_string()),
            }
        }
        outcome.map(|found| {
            let (origin, len) = found.expect("complete");
            assert_eq!(len, bytes.len());
            origin
        })
    }

    fn address(address: &str) -> Result<Origin, &'static str> {
        Ok(Address(address.parse().unwrap()))
    }

    #[test]
    fn version_1() {
        assert_eq!(whole(b"PROXY TCP4 1.2.3.4 5.6.7.8 56324 443\r\n"), address("1.2.3.4:56324"));
        assert_eq!(
            whole(b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
            address("255.255.255.255:65535")
        );
        assert_eq!(whole(b"PROXY TCP6 ::1 2001:db8::2 0 1\r\n"), address("[::1]:0"));
        assert_eq!(
            whole(b"PROXY TCP6 ffff:f:f:f:f:f:f:ffff ffff:f:f:f:f:f:f:ffff 65535 65535\r\n"),
            address("[ffff:f:f:f:f:f:f:ffff]:65535")
        );
        assert_eq!(whole(b"PROXY UNKNOWN\r\n"), Ok(Connection));
        assert_eq!(whole(b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n"), Ok(Connection));
        assert_eq!(whole(b"PROXY UNKNOWN any \xff thing\r\n"), Ok(Connection));
        let longest = [b"PROXY UNKNOWN ", &[b'x'; 107 - 16][..], b"\r\n"].concat();
        assert_eq!(whole(&longest), Ok(Connection));
        let longer = [b"PROXY UNKNOWN ", &[b'x'; 107 - 15][..], b"\r\n"].concat();
        assert_eq!(whole(&longer), Err("PROXY header too long"));
    }

    #[test]
    fn not_version_1() {
        for bad in [
            "GET / HTTP/1.1\r\n",
            "proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
            "PROXY\r\n",
            "PROXY \r\n",
            "PROXY TCP 1.2.3.4 5.6.7.8 1 2\r\n",
            "PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n",
            "PROXY UNKNOWNS\r\n",
            "PROXY TCP4\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n",
            "PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
            "PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n",
            "PROXY TCP4 1.2.3.4\t5.6.7.8 1 2\r\n",
            "PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n",
            "PROXY TCP4 1.2.3.04 5.6.7.8 1 2\r\n",
            "PROXY TCP4 1.2.3.256 5.6.7.8 1 2\r\n",
            "PROXY TCP4 ::1 ::2 1 2\r\n",
            "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
            "PROXY TCP6 [::1] ::2 1 2\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1 \r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\r\n",
            "PROXY UNKNOWN\r \n",
            "PROXY UNKNOWN\n",
        ] {
            assert!(whole(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    /// A header of version 2.
    fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let len = u16::try_from(block.len()).unwrap().to_be_bytes();
        [v2::SIGNATURE, &[command, family], &len, block].concat()
    }

    const V4: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 0xdc, 0x04, 1, 0xbb];

    fn block_v6() -> [u8; 36] {
        let mut block = [0; 36];
        block[15] = 1;
        block[32] = 1;
        block
    }

    #[test]
    fn version_2() {
        assert_eq!(whole(&v2(0x21, 0x11, &V4)), address("1.2.3.4:56324"));
        assert_eq!(whole(&v2(0x21, 0x21, &block_v6())), address("[::1]:256"));
        assert_eq!(whole(&v2(0x21, 0x31, &[0; 216])), Ok(Unix));
        assert_eq!(whole(&v2(0x21, 0x00, &[])), Ok(Connection));
        assert_eq!(whole(&v2(0x21, 0x00, b"whatever")), Ok(Connection));
        // Whatever its block says.
        assert_eq!(whole(&v2(0x20, 0x00, &[])), Ok(Connection));
        assert_eq!(whole(&v2(0x20, 0x11, &V4)), Ok(Connection));
        // What follows the addresses is for others.
        let extended = [&V4[..], &[4, 0, 3, 1, 2, 3]].concat();
        assert_eq!(whole(&v2(0x21, 0x11, &extended)), address("1.2.3.4:56324"));
        let most = [&V4[..], &[0; 4096 - 12]].concat();
        assert_eq!(whole(&v2(0x21, 0x11, &most)), address("1.2.3.4:56324"));
    }

    #[test]
    fn not_version_2() {
        let more = [&V4[..], &[0; 4096 - 11]].concat();
        for bad in [
            v2(0x11, 0x11, &V4),
            v2(0x31, 0x11, &V4),
            v2(0x22, 0x11, &V4),
            v2(0x21, 0x12, &V4),
            v2(0x21, 0x22, &block_v6()),
            v2(0x21, 0x32, &[0; 216]),
            v2(0x21, 0x13, &V4),
            v2(0x21, 0x41, &V4),
            v2(0x21, 0x01, &V4),
            v2(0x21, 0x11, &V4[..11]),
            v2(0x21, 0x21, &block_v6()[..35]),
            v2(0x21, 0x31, &[0; 215]),
            v2(0x21, 0x11, &more),
            b"\r\n\r\n\0\r\nQUIT\r!\x11\0\x0c123456789012".to_vec(),
        ] {
            assert!(whole(&bad).is_err(), "{}", bad.escape_ascii());
        }
    }
}
