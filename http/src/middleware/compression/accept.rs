//! `Accept-Encoding`: which coding a client would like best.

use crate::request::list;

/// A coding that answers can be sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    /// The zlib format (RFC 9110 section 8.4.1.2), not bare deflate.
    Deflate,
}

/// What a client takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    /// The coding it likes best of those there are, if it likes it no less than none.
    pub(super) coding: Option<Coding>,
    /// Whether it takes answers without a coding.
    pub(super) identity: bool,
}

/// Reads all fields of a request (RFC 9110 section 12.5.3). Members that are no coding with a weight are ignored.
pub(super) fn accepted<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Accepted {
    let (mut gzip, mut deflate, mut identity, mut others) = (None, None, None, None);
    for member in fields.flat_map(list) {
        let mut parts = member.splitn(2, |&b| b == b';');
        let name = parts.next().unwrap_or_default().trim_ascii_end().to_ascii_lowercase();
        let Some(weight) = parts.next().map_or(Some(1000), weight) else { continue };
        let slot = match &*name {
            b"gzip" | b"x-gzip" => &mut gzip,
            b"deflate" => &mut deflate,
            b"identity" => &mut identity,
            b"*" => &mut others,
            _ => continue,
        };
        slot.get_or_insert(weight);
    }
    let (gzip, deflate) = (gzip.or(others).unwrap_or(0), deflate.or(others).unwrap_or(0));
    // Without a coding is fine unless it is refused, and what is named comes before what is not.
    let (identity, floor) = match identity.or(others) {
        Some(weight) => (weight > 0, weight),
        None => (true, 0),
    };
    let (coding, best) =
        if gzip >= deflate { (Coding::Gzip, gzip) } else { (Coding::Deflate, deflate) };
    Accepted { coding: (best > 0 && best >= floor).then_some(coding), identity }
}

/// `q=0.5` as 500 (RFC 9110 section 12.4.2).
fn weight(parameter: &[u8]) -> Option<u16> {
    let [b'q' | b'Q', b'=', value @ ..] = parameter.trim_ascii() else { return None };
    let (whole, digits) = match value {
        [whole @ (b'0' | b'1')] => (whole, &[][..]),
        [whole @ (b'0' | b'1'), b'.', digits @ ..] if digits.len() <= 3 => (whole, digits),
        _ => return None,
    };
    let mut weight = u16::from(whole - b'0');
    for i in 0..3 {
        let digit = digits.get(i).copied().unwrap_or(b'0');
        weight = weight * 10 + u16::from(digit.is_ascii_digit().then(|| digit - b'0')?);
    }
    (weight <= 1000).then_some(weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices() {
        let (gzip, deflate) = (Some(Coding::Gzip), Some(Coding::Deflate));
        for (fields, coding, identity) in [
            (&[][..], None, true),
            (&[""], None, true),
            (&["gzip"], gzip, true),
            (&["X-GZIP"], gzip, true),
            (&["deflate"], deflate, true),
            (&["deflate, gzip"], gzip, true),
            (&["deflate", "br, gzip ;q=0.5"], deflate, true),
            (&["gzip;q=0"], None, true),
            (&["gzip;q=0.001"], gzip, true),
            (&["gzip;q=0.5, identity"], None, true),
            (&["gzip;q=0.5, identity;q=0.5"], gzip, true),
            (&["identity"], None, true),
            (&["identity;q=0"], None, false),
            (&["identity;q=0, deflate"], deflate, false),
            (&["*"], gzip, true),
            (&["*;q=0"], None, false),
            (&["*;q=0, identity;q=0.1"], None, true),
            (&["gzip, *;q=0"], gzip, false),
            (&["gzip;q=0, *"], deflate, true),
            (&["gzip;q=0.2, deflate;q=0.3, *;q=0.1"], deflate, true),
            (&["br, zstd"], None, true),
            // No weights.
            (&["gzip;q=2"], None, true),
            (&["gzip;q=1.001"], None, true),
            (&["gzip;q=0.0001"], None, true),
            (&["gzip;q="], None, true),
            (&["gzip;q=+1"], None, true),
            (&["gzip;level=1"], None, true),
            (&["gzip;q=1.000; q=0"], None, true),
            (&["gzip\t; Q=1.000"], gzip, true),
        ] {
            let accepted = accepted(fields.iter().map(|field| field.as_bytes()));
            assert_eq!(accepted, Accepted { coding, identity }, "{fields:?}");
        }
    }
}
