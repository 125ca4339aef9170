//! The header fields of an answer: few, so a list; most answers have no more than a content type of the usual ones.

use http::{HeaderName, HeaderValue, header};

/// A content type that answers get without being asked, as a byte instead of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Text,
    Html,
    #[cfg_attr(not(feature = "serde"), allow(dead_code, reason = "serde makes it"))]
    Json,
    Bytes,
}

impl Media {
    fn value(self) -> &'static HeaderValue {
        static TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
        static HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
        static JSON: HeaderValue = HeaderValue::from_static("application/json");
        static BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
        match self {
            Media::Text => &TEXT,
            Media::Html => &HTML,
            Media::Json => &JSON,
            Media::Bytes => &BYTES,
        }
    }

    /// The whole field, as it is sent.
    #[inline(always)]
    pub(super) const fn line(self) -> &'static [u8] {
        match self {
            Media::Text => b"content-type: text/plain; charset=utf-8\r\n",
            Media::Html => b"content-type: text/html; charset=utf-8\r\n",
            Media::Json => b"content-type: application/json\r\n",
            Media::Bytes => b"content-type: application/octet-stream\r\n",
        }
    }
}

/// Fields in the order they were added, after a usual content type.
#[derive(Debug, Default)]
pub(crate) struct FieldList {
    media: Option<Media>,
    others: Vec<(HeaderName, HeaderValue)>,
}

impl FieldList {
    /// Nothing but a content type.
    pub(super) const fn typed(media: Media) -> FieldList {
        FieldList { media: Some(media), others: Vec::new() }
    }

    pub(crate) fn set(&mut self, name: HeaderName, value: HeaderValue) {
        self.remove(&name);
        self.add(name, value);
    }

    pub(crate) fn remove(&mut self, name: &HeaderName) {
        if *name == header::CONTENT_TYPE {
            self.media = None;
        }
        self.others.retain(|(n, _)| n != name);
    }

    pub(crate) fn add(&mut self, name: HeaderName, value: HeaderValue) {
        self.others.push((name, value));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        let media = self.media.map(|media| (&header::CONTENT_TYPE, media.value()));
        media.into_iter().chain(self.others())
    }

    pub(super) fn media(&self) -> Option<Media> {
        self.media
    }

    /// All but a usual content type.
    pub(super) fn others(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.others.iter().map(|(name, value)| (name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{ALLOW, CONTENT_TYPE, ETAG, SERVER, SET_COOKIE};

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
            [(name, b"1"), (name, b"2"), (name, b"3"), ("allow", b"b"), ("etag", b"e")];
        assert_eq!(listed(&fields), expected);
        fields.set(SET_COOKIE, value("4"));
        fields.set(SERVER, value("s"));
        let expected: [(&str, &[u8]); 4] =
            [("allow", b"b"), ("etag", b"e"), (name, b"4"), ("server", b"s")];
        assert_eq!(listed(&fields), expected);
    }

    #[test]
    fn a_usual_content_type_is_a_field_like_others() {
        for media in [Media::Text, Media::Html, Media::Json, Media::Bytes] {
            let mut fields = FieldList::typed(media);
            let value = media.value().as_bytes();
            assert_eq!(listed(&fields), [("content-type", value)]);
            assert_eq!(media.line(), [b"content-type: ", value, b"\r\n"].concat());
            fields.set(CONTENT_TYPE, HeaderValue::from_static("a/b"));
            assert_eq!(listed(&fields), [("content-type", &b"a/b"[..])]);
            fields.remove(&CONTENT_TYPE);
            assert_eq!(listed(&fields), []);
        }
    }
}
