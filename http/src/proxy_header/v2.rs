//! Version 2: binary.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Origin;

/// Nothing that HTTP could begin with.
pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version with command, family, and the length of what follows.
const FIXED: usize = 16;

/// The most that may follow: addresses, and what proxies say beyond them, names of certificates for example.
const MAX: usize = 4096;

/// As [`parse`](super::parse::parse), of bytes that begin as they must.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Origin, usize)>, &'static str> {
    let after = bytes.get(SIGNATURE.len()..).unwrap_or_default();
    let local = match after.first() {
        None => return Ok(None),
        Some(0x20) => true,
        Some(0x21) => false,
        Some(_) => return Err("unknown version or command in a PROXY header"),
    };
    // How long the addresses are, each family's in its own way.
    let needed = match after.get(1) {
        None => return Ok(None),
        Some(_) if local => 0,
        Some(0x00) => 0,
        Some(0x11) => 12,
        Some(0x21) => 36,
        Some(0x31) => 216,
        Some(_) => return Err("unknown family in a PROXY header"),
    };
    let Some(&[high, low]) = after.get(2..4) else { return Ok(None) };
    let len = usize::from(u16::from_be_bytes([high, low]));
    if len < needed {
        return Err("addresses cut short in a PROXY header");
    }
    if len > MAX {
        return Err("PROXY header too long");
    }
    let Some(block) = bytes.get(FIXED..FIXED + len) else { return Ok(None) };
    let origin = match needed {
        12 => {
            let ip: [u8; 4] = array(block, 0);
            Origin::Address(SocketAddr::new(Ipv4Addr::from(ip).into(), port(block, 8)))
        }
        36 => {
            let ip: [u8; 16] = array(block, 0);
            Origin::Address(SocketAddr::new(Ipv6Addr::from(ip).into(), port(block, 32)))
        }
        216 => Origin::Unix,
        _ => Origin::Connection,
    };
    Ok(Some((origin, FIXED + len)))
}

/// `block` is long enough.
fn array<const N: usize>(block: &[u8], at: usize) -> [u8; N] {
    block[at..at + N].try_into().expect("so long")
}

fn port(block: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(array(block, at))
}
