//! Classes of bytes in the grammars of RFC 9110 and RFC 3986, one table look-up each.

/// `tchar`: names of fields, methods, codings.
pub(crate) const TOKEN: u8 = 1;
/// What a field value or chunk extension may hold: no control character but the tab.
const TEXT: u8 = 2;
/// `unreserved` and `sub-delims`: what a `reg-name` is made of, beside percent-encoded bytes.
pub(crate) const HOST: u8 = 4;
/// What is taken in a request target. More than a URI may hold, since browsers send `|` and the
/// like unescaped; but no fragment, which is never sent, and nothing beyond ASCII, about whose
/// meaning servers and proxies disagree.
pub(crate) const TARGET: u8 = 8;
/// What is taken in a request target before the query.
pub(crate) const PATH: u8 = 16;
pub(crate) const DIGIT: u8 = 32;

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        if byte.is_ascii_alphanumeric() || among(byte, b"!#$%&'*+-.^_`|~") {
            classes[i] |= TOKEN;
        }
        if byte == b'\t' || (byte >= b' ' && byte != 0x7f) {
            classes[i] |= TEXT;
        }
        if byte.is_ascii_alphanumeric() || among(byte, b"-._~!$&'()*+,;=") {
            classes[i] |= HOST;
        }
        if byte.is_ascii_digit() {
            classes[i] |= DIGIT;
        }
        if byte.is_ascii_graphic() && byte != b'#' {
            classes[i] |= TARGET;
            if byte != b'?' {
                classes[i] |= PATH;
            }
        }
        i += 1;
    }
    classes
};

const fn among(byte: u8, set: &[u8]) -> bool {
    let mut i = 0;
    while i < set.len() {
        if set[i] == byte {
            return true;
        }
        i += 1;
    }
    false
}

#[inline(always)]
fn classes(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

#[inline(always)]
fn is(byte: u8, class: u8) -> bool {
    classes(byte) & class != 0
}

/// How many bytes at the start are of `class`.
#[inline(always)]
pub(crate) fn span(bytes: &[u8], class: u8) -> usize {
    let mut len = 0;
    for &byte in bytes {
        if !is(byte, class) {
            break;
        }
        len += 1;
    }
    len
}

/// How many bytes at the start may be in a field value: no control character but the tab. Field values are long, so eight at a time.
#[inline]
pub(crate) fn text_span(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    let mut len = 0;
    while let Some(word) = bytes.get(len..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*word);
        // The lowest high bit set is that of the first byte below 0x20, or equal to 0x7f: a borrow comes from lower ones only.
        let low = word.wrapping_sub(ONES * 0x20) & !word;
        let delete = (word ^ (ONES * 0x7f)).wrapping_sub(ONES) & !(word ^ (ONES * 0x7f));
        match (low | delete) & (ONES * 0x80) {
            0 => len += 8,
            found => {
                len += found.trailing_zeros() as usize / 8;
                if bytes[len] != b'\t' {
                    return len;
                }
                len += 1;
            }
        }
    }
    len + span(&bytes[len..], TEXT)
}

pub(crate) fn is_token(byte: u8) -> bool {
    is(byte, TOKEN)
}

pub(crate) fn is_text(byte: u8) -> bool {
    is(byte, TEXT)
}

pub(crate) fn is_target(byte: u8) -> bool {
    is(byte, TARGET)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(class: u8) -> Vec<u8> {
        (0..=255).filter(|&byte| is(byte, class)).collect()
    }

    #[test]
    fn sizes_and_edges() {
        assert_eq!(members(TOKEN).len(), 26 + 26 + 10 + 15);
        assert_eq!(members(TEXT).len(), 256 - 32 - 1 + 1);
        assert_eq!(members(HOST).len(), 26 + 26 + 10 + 15);
        assert_eq!(members(TARGET).len(), 94 - 1);
        assert_eq!(members(PATH).len(), 94 - 2);
        assert!(!is_token(b':') && !is_token(b' ') && !is_text(b'\r') && !is_text(b'\n'));
        assert!(!is(b'@', HOST) && !is(b'/', HOST) && !is(b':', HOST) && !is_target(b' '));
    }

    #[test]
    fn text_is_found_byte_by_byte_or_in_words() {
        for byte in 0..=255u8 {
            for at in 0..20 {
                for background in [b'a', b'\t', 0x80, 0xff, b' ', b'~'] {
                    let mut bytes = [background; 20];
                    bytes[at] = byte;
                    assert_eq!(text_span(&bytes), span(&bytes, TEXT), "{byte} at {at}");
                    bytes[19 - at] = byte;
                    assert_eq!(text_span(&bytes), span(&bytes, TEXT), "{byte} at {at}");
                }
            }
        }
    }
}
