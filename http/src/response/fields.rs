//! The header fields of an answer: few, so a list, and the first of them without allocation.

use http::{HeaderName, HeaderValue};

type Field = (HeaderName, HeaderValue);

/// How many fields fit without allocation.
const INLINE: usize = 2;

/// Fields in the order they were added.
#[derive(Debug, Default)]
pub(crate) struct FieldList {
    inline: [Option<Field>; INLINE],
    more: Vec<Field>,
}

impl FieldList {
    pub(crate) fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.remove(&name);
        self.add(name, value);
    }

    pub(crate) fn remove(&mut self, name: &HeaderName) {
        for slot in &mut self.inline {
            slot.take_if(|(n, _)| n == name);
        }
        self.more.retain(|(n, _)| n != name);
    }

    pub(crate) fn add(&mut self, name: HeaderName, value: HeaderValue) {
        match self.inline.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => *slot = Some((name, value)),
            None => self.more.push((name, value)),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.inline.iter().flatten().chain(&self.more).map(|(name, value)| (name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{ALLOW, ETAG, SERVER, SET_COOKIE};

    fn listed(fields: &FieldList) -> Vec<(&str, &[u8])> {
        fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
    }

    #[test]
    fn set_replaces_and_add_does_not() {
        let value = HeaderValue::from_static;
        let mut fields = FieldList::default();
        fields.set(ALLOW, value("a"));
        for cookie in ["1", "2", "3"] {
            fields.add(SET_COOKIE, value(cookie));
        }
        fields.set(ALLOW, value("b"));
        fields.add(ETAG, value("e"));
        let name = "set-cookie";
        let expected: [(&str, &[u8]); 5] =
            [("allow", b"b"), (name, b"1"), (name, b"2"), (name, b"3"), ("etag", b"e")];
        assert_eq!(listed(&fields), expected);
        fields.set(SET_COOKIE, value("4"));
        fields.set(SERVER, value("s"));
        let expected: [(&str, &[u8]); 4] =
            [("allow", b"b"), (name, b"4"), ("etag", b"e"), ("server", b"s")];
        assert_eq!(listed(&fields), expected);
    }
}
