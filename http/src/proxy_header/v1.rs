//! Version 1: a line of text.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use super::Origin;

pub(super) const START: &[u8] = b"PROXY ";

/// The longest line, its end included, with two IPv6 addresses or after `UNKNOWN`.
const MAX: usize = 107;

/// As [`parse`](super::parse::parse), of bytes that begin as they must.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Origin, usize)>, &'static str> {
    let window = &bytes[..bytes.len().min(MAX)];
    let Some(end) = window.iter().position(|&b| b == b'\n') else {
        return if window.len() == MAX { Err("PROXY header too long") } else { Ok(None) };
    };
    let line = window[..end].strip_suffix(b"\r").ok_or("bare line feed in a PROXY header")?;
    if line.contains(&b'\r') {
        return Err("bare carriage return in a PROXY header");
    }
    let rest = line.get(START.len()..).ok_or("malformed PROXY header")?;
    let origin = match rest {
        b"UNKNOWN" => Some(Origin::Connection),
        // Whatever follows is to be ignored.
        _ if rest.starts_with(b"UNKNOWN ") => Some(Origin::Connection),
        _ => std::str::from_utf8(rest).ok().and_then(addresses).map(Origin::Address),
    };
    Ok(Some((origin.ok_or("malformed PROXY header")?, end + 1)))
}

/// The first of two addresses of one family, with their ports.
fn addresses(rest: &str) -> Option<SocketAddr> {
    let fields: Vec<&str> = rest.split(' ').collect();
    let [family, source, destination, source_port, destination_port] = fields[..] else {
        return None;
    };
    let ip = match family {
        "TCP4" => both::<Ipv4Addr>(source, destination)?.into(),
        "TCP6" => both::<Ipv6Addr>(source, destination)?.into(),
        _ => return None,
    };
    port(destination_port)?;
    Some(SocketAddr::new(ip, port(source_port)?))
}

/// The first, if both are addresses. Those of std take no leading zeros, which some read as octal.
fn both<A: FromStr>(source: &str, destination: &str) -> Option<A> {
    destination.parse::<A>().ok()?;
    source.parse().ok()
}

/// Digits only, as one writes a number: `parse` alone would take a sign.
fn port(text: &str) -> Option<u16> {
    let number =
        text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    number.then(|| text.parse().ok()).flatten()
}
