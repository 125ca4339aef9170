//! The header fields of a request, as a view of the received bytes.

use httparse::Header;

/// The header fields of a request, in the order they came in.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    fields: &'a [Header<'a>],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(fields: &'a [Header<'a>]) -> Fields<'a> {
        Fields { fields }
    }

    /// The value of the first field of this name (in any case), as bytes: a value may hold any byte
    /// but the control characters, and need not be UTF-8.
    pub fn get(&self, name: impl AsRef<str>) -> Option<&'a [u8]> {
        self.get_all(name.as_ref()).next()
    }

    /// The values of all fields of this name (in any case).
    pub fn get_all<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Names, as the client spelt them, and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        self.fields.iter().map(|field| (field.name, field.value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

/// The elements of a comma-separated value (RFC 9110 section 5.6.1), without the empty ones.
pub(crate) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookup() {
        let raw = [
            Header { name: "Accept", value: b"a" },
            Header { name: "x", value: b"\xff" },
            Header { name: "ACCEPT", value: b"b" },
        ];
        let fields = Fields::new(&raw);
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
