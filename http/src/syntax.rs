//! Classes of bytes in the grammars of RFC 9110 and RFC 3986, one table look-up each.

const TOKEN: u8 = 1;
const TEXT: u8 = 2;
const HOST: u8 = 4;
const TARGET: u8 = 8;
const PATH: u8 = 16;

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

fn is(byte: u8, class: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

/// `tchar`: names of fields, methods, codings.
pub(crate) fn is_token(byte: u8) -> bool {
    is(byte, TOKEN)
}

/// What a field value or chunk extension may hold: no control character but the tab.
pub(crate) fn is_text(byte: u8) -> bool {
    is(byte, TEXT)
}

/// `unreserved` and `sub-delims`: what a `reg-name` is made of, beside percent-encoded bytes.
pub(crate) fn is_host(byte: u8) -> bool {
    is(byte, HOST)
}

/// What is taken in a request target. More than a URI may hold, since browsers send `|` and the
/// like unescaped; but no fragment, which is never sent, and nothing beyond ASCII, about whose
/// meaning servers and proxies disagree.
pub(crate) fn is_target(byte: u8) -> bool {
    is(byte, TARGET)
}

/// What is taken in a request target before the query.
pub(crate) fn is_path(byte: u8) -> bool {
    is(byte, PATH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(class: fn(u8) -> bool) -> Vec<u8> {
        (0..=255).filter(|&byte| class(byte)).collect()
    }

    #[test]
    fn sizes_and_edges() {
        assert_eq!(members(is_token).len(), 26 + 26 + 10 + 15);
        assert_eq!(members(is_text).len(), 256 - 32 - 1 + 1);
        assert_eq!(members(is_host).len(), 26 + 26 + 10 + 15);
        assert_eq!(members(is_target).len(), 94 - 1);
        assert_eq!(members(is_path).len(), 94 - 2);
        assert!(!is_token(b':') && !is_token(b' ') && !is_text(b'\r') && !is_text(b'\n'));
        assert!(!is_host(b'@') && !is_host(b'/') && !is_host(b':') && !is_target(b' '));
    }
}
