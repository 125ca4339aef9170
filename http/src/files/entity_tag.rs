//! Entity tags and lists of them (RFC 9110 section 8.8.3).

use std::fmt;

/// The bytes between the quotes, and whether the tag is weak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EntityTag<'a> {
    pub(super) opaque: &'a [u8],
    pub(super) weak: bool,
}

impl EntityTag<'_> {
    /// For answers in part: both tags are strong and equal.
    pub(super) fn matches_strongly(self, other: EntityTag<'_>) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// For cached copies: what differs is not worth sending again.
    pub(super) fn matches_weakly(self, other: EntityTag<'_>) -> bool {
        self.opaque == other.opaque
    }
}

impl fmt::Display for EntityTag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weak = if self.weak { "W/" } else { "" };
        write!(f, "{weak}\"{}\"", String::from_utf8_lossy(self.opaque))
    }
}

/// A tag and what stands behind it; `None` if there is none at the begin.
pub(super) fn parse(bytes: &[u8]) -> Option<(EntityTag<'_>, &[u8])> {
    let (weak, bytes) = match bytes {
        [b'W', b'/', rest @ ..] => (true, rest),
        _ => (false, bytes),
    };
    let bytes = bytes.strip_prefix(b"\"")?;
    let end = bytes.iter().position(|&b| !matches!(b, b'!' | b'#'..=b'~' | 0x80..))?;
    let rest = bytes[end..].strip_prefix(b"\"")?;
    Some((EntityTag { opaque: &bytes[..end], weak }, rest))
}

/// Whether some tag of the list satisfies `matches`; not if the list is invalid. Tags may hold commas, which ordinary splitting would
/// take for the end of one.
pub(super) fn any(list: &[u8], matches: impl Fn(EntityTag<'_>) -> bool) -> bool {
    let mut rest = list;
    let mut found = false;
    loop {
        while let [b' ' | b'\t' | b',', after @ ..] = rest {
            rest = after;
        }
        if rest.is_empty() {
            return found;
        }
        let Some((tag, after)) = parse(rest) else { return false };
        found |= matches(tag);
        rest = after.trim_ascii_start();
        if !matches!(rest, [] | [b',', ..]) {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strong(opaque: &[u8]) -> EntityTag<'_> {
        EntityTag { opaque, weak: false }
    }

    #[test]
    fn tags() {
        for (bytes, opaque, weak) in [
            (&b"\"\""[..], &b""[..], false),
            (b"\"a,b!#~\x80\xff\"", b"a,b!#~\x80\xff", false),
            (b"W/\"x\"", b"x", true),
        ] {
            assert_eq!(parse(bytes), Some((EntityTag { opaque, weak }, &b""[..])));
        }
        for bytes in [
            &b""[..],
            b"x",
            b"\"x",
            b"x\"",
            b"w/\"x\"",
            b"W\"x\"",
            b"\"a b\"",
            b"\"\x7f\"",
            b" \"x\"",
        ] {
            assert_eq!(parse(bytes), None, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn comparison() {
        let weak = EntityTag { opaque: b"1", weak: true };
        for (a, b, strongly, weakly) in [
            (weak, weak, false, true),
            (weak, EntityTag { opaque: b"2", weak: true }, false, false),
            (weak, strong(b"1"), false, true),
            (strong(b"1"), strong(b"1"), true, true),
        ] {
            assert_eq!((a.matches_strongly(b), a.matches_weakly(b)), (strongly, weakly));
        }
    }

    #[test]
    fn lists() {
        let has = |list: &[u8], opaque: &[u8]| any(list, |tag| tag.matches_weakly(strong(opaque)));
        assert!(has(b"\"a\"", b"a"));
        assert!(has(b" , \"b\" ,\tW/\"a\",,", b"a"));
        assert!(has(b"\"b,\",\"a\"", b"a"));
        assert!(has(b"\"a,b\"", b"a,b"));
        assert!(!has(b"\"a,b\"", b"a"));
        assert!(!has(b"", b""));
        for invalid in [&b"\"a\" x"[..], b"\"a\"\"b\"", b"\"a\", b", b"a", b"\"a\", *", b"\"a"] {
            assert!(!has(invalid, b"a"), "{}", invalid.escape_ascii());
        }
    }
}
