//! What a file holds, by the extension of its name.

use http::HeaderValue;
use mime_guess::{MimeGuess, mime};
use std::path::Path;

/// The media type for `Content-Type`: `application/octet-stream` if the extension says nothing.
///
/// Text is UTF-8 nearly everywhere, and browsers would take it for something else if nobody said so. XML says so itself (RFC 7303).
pub(super) fn of(path: &Path) -> HeaderValue {
    let media_type = MimeGuess::from_path(path).first_or_octet_stream();
    let is_text = media_type.type_() == mime::TEXT && media_type.subtype() != mime::XML;
    let is_script = media_type.subtype() == mime::JAVASCRIPT;
    let mut text = media_type.to_string();
    if (is_text || is_script) && media_type.get_param(mime::CHARSET).is_none() {
        text += "; charset=utf-8";
    }
    HeaderValue::try_from(text).expect("media types are ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_extension() {
        for (name, expected) in [
            ("a.html", "text/html; charset=utf-8"),
            ("b/c.TXT", "text/plain; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.json", "application/json"),
            ("a.xml", "text/xml"),
            ("a.svg", "image/svg+xml"),
            ("a.png", "image/png"),
            ("a.wasm", "application/wasm"),
            ("a.tar.gz", "application/gzip"),
            ("a", "application/octet-stream"),
            (".html", "application/octet-stream"),
            ("a.no-such-extension", "application/octet-stream"),
        ] {
            assert_eq!(of(Path::new(name)), expected, "{name}");
        }
    }
}
