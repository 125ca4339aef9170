//! The header fields of a request, as a view of the received bytes.

/// A part of a head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

/// Where a field is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldSpan {
    pub(super) name: Span,
    pub(super) value: Span,
}

impl Span {
    /// Where the last one ends at the latest. A head of four gigabytes is beyond any limit that anybody could mean.
    pub(super) const MAX: usize = u32::MAX as usize;

    #[inline]
    pub(super) fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end as u32 }
    }

    fn of(self, head: &[u8]) -> &[u8] {
        &head[self.start as usize..self.end as usize]
    }
}

/// The header fields of a request, in the order they came in.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    head: &'a [u8],
    spans: &'a [FieldSpan],
}

impl<'a> Fields<'a> {
    pub(super) fn new(head: &'a [u8], spans: &'a [FieldSpan]) -> Fields<'a> {
        Fields { head, spans }
    }

    /// The value of the first field of this name (in any case), as bytes: a value may hold any byte
    /// but the control characters, and need not be UTF-8.
    pub fn get(&self, name: impl AsRef<str>) -> Option<&'a [u8]> {
        self.get_all(name.as_ref()).next()
    }

    /// The values of all fields of this name (in any case).
    pub fn get_all<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let fields = self.bytes();
        let named = fields.filter(move |(n, _)| n.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, value)| value)
    }

    /// Names, as the client spelt them, and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        self.bytes().map(|(name, value)| (text(name), value))
    }

    fn bytes(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let head = self.head;
        self.spans.iter().map(move |field| (field.name.of(head), field.value.of(head)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
}

impl std::fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = self.iter().map(|(name, value)| (name, String::from_utf8_lossy(value)));
        f.debug_map().entries(shown).finish()
    }
}

/// What was found to be ASCII, as a string. Only when it is asked for, as looking again is all that it costs.
#[inline]
pub(super) fn text(ascii: &[u8]) -> &str {
    std::str::from_utf8(ascii).unwrap_or_default()
}

/// The elements of a comma-separated value (RFC 9110 section 5.6.1), without the empty ones.
pub(crate) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A head that is nothing but fields.
    pub(crate) struct Raw(Vec<u8>, Vec<FieldSpan>);

    impl Raw {
        pub(crate) fn new(fields: &[(&str, &[u8])]) -> Raw {
            let mut raw = Raw(Vec::new(), Vec::new());
            for (name, value) in fields {
                let start = raw.0.len();
                raw.0.extend_from_slice(name.as_bytes());
                let middle = raw.0.len();
                raw.0.extend_from_slice(value);
                let value = Span::new(middle, raw.0.len());
                raw.1.push(FieldSpan { name: Span::new(start, middle), value });
            }
            raw
        }

        pub(crate) fn fields(&self) -> Fields<'_> {
            Fields::new(&self.0, &self.1)
        }
    }

    #[test]
    fn lookup() {
        let raw = Raw::new(&[("Accept", b"a"), ("x", b"\xff"), ("ACCEPT", b"b")]);
        let fields = raw.fields();
        assert_eq!(fields.get("accept"), Some(&b"a"[..]));
        assert_eq!(fields.get(http::header::ACCEPT), Some(&b"a"[..]));
        assert_eq!(fields.get_all("accept").collect::<Vec<_>>(), [b"a", b"b"]);
        assert_eq!(fields.get("y"), None);
        assert_eq!((fields.len(), fields.is_empty()), (3, false));
    }

    #[test]
    fn lists() {
        let elements: Vec<_> = list(b" a ,, b,\tc d,").collect();
        assert_eq!(elements, [&b"a"[..], b"b", b"c d"]);
        assert_eq!(list(b" , ").count(), 0);
    }
}
