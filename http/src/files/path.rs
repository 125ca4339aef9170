//! Paths of files, as they come out of request targets.

use std::fmt;
use std::path::Path;

use http::StatusCode;

use crate::request::percent_decode;
use crate::response::{IntoResponse, Response};

/// A decoded path below a directory, which cannot lead out of it.
///
/// It has one spelling only, so that a check of it holds for the file that it names: each segment is an ordinary
/// name, decoded once, and neither empty, `.` nor `..`.
///
/// ```
/// use greenwood_http::files::FilePath;
///
/// let path = FilePath::decode("/%70rivate/caf%C3%A9.txt").unwrap();
/// assert_eq!(path.as_str(), "private/café.txt");
/// assert!(path.starts_with("private") && !path.starts_with("priv"));
/// for outside in ["/../etc/passwd", "/a/%2e%2e/%2e%2e/b", "/..%2fb", "/..%5Cb", "//etc/passwd"] {
///     assert!(FilePath::decode(outside).is_err());
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FilePath {
    decoded: String,
    ends_with_slash: bool,
}

impl FilePath {
    /// Decodes a path, or the last part of one, as it stands in a request target: see
    /// [`Request::path`](crate::Request::path). One slash at its begin may be missing; one at its end asks for a directory.
    ///
    /// # Errors
    ///
    /// [`InvalidPath`] for empty segments in between, segments that are `.` or `..`, or hold a slash, a backslash or a NUL, each of them encoded or
    /// not, and for what is not UTF-8 with valid percent-encoding.
    pub fn decode(raw: &str) -> Result<FilePath, InvalidPath> {
        let raw = raw.strip_prefix('/').unwrap_or(raw);
        if raw.is_empty() {
            return Ok(FilePath { decoded: String::new(), ends_with_slash: true });
        }
        let (raw, ends_with_slash) = match raw.strip_suffix('/') {
            Some(raw) => (raw, true),
            None => (raw, false),
        };
        let mut decoded = String::with_capacity(raw.len());
        // Before decoding, so that an encoded slash does not make segments.
        for segment in raw.split('/') {
            let segment = percent_decode(segment).map_err(|_| InvalidPath(()))?;
            if matches!(&*segment, "" | "." | "..") || segment.contains(['/', '\\', '\0']) {
                return Err(InvalidPath(()));
            }
            if !decoded.is_empty() {
                decoded.push('/');
            }
            decoded.push_str(&segment);
        }
        Ok(FilePath { decoded, ends_with_slash })
    }

    /// The decoded path, without a slash at either end. Empty for the directory itself.
    pub fn as_str(&self) -> &str {
        &self.decoded
    }

    /// Whether `prefix`, of one or several whole segments, is where the path begins.
    pub fn starts_with(&self, prefix: impl AsRef<Path>) -> bool {
        Path::new(&self.decoded).starts_with(prefix)
    }

    /// Whether a segment begins with a dot, by which files are hidden.
    pub fn is_hidden(&self) -> bool {
        self.decoded.split('/').any(|segment| segment.starts_with('.'))
    }

    /// Whether only a directory is asked for.
    pub(super) fn ends_with_slash(&self) -> bool {
        self.ends_with_slash
    }
}

/// A path that names no file, or may lead out of a directory. As an answer, a 404.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPath(());

impl fmt::Display for InvalidPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid path of a file")
    }
}

impl std::error::Error for InvalidPath {}

impl IntoResponse for InvalidPath {
    fn into_response(self) -> Response {
        StatusCode::NOT_FOUND.into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid() {
        for (raw, decoded, slash) in [
            ("", "", true),
            ("/", "", true),
            ("a", "a", false),
            ("/a", "a", false),
            ("/a/", "a", true),
            ("a/b%20c/d", "a/b c/d", false),
            ("/...", "...", false),
            ("/..a/a..", "..a/a..", false),
            ("/.well-known/x", ".well-known/x", false),
            ("/%252e%252e/x", "%2e%2e/x", false),
            ("/a:b%3Fc+d;e", "a:b?c+d;e", false),
            ("/~/%7e", "~/~", false),
        ] {
            let path = FilePath::decode(raw).unwrap();
            assert_eq!((path.as_str(), path.ends_with_slash()), (decoded, slash), "{raw}");
        }
    }

    #[test]
    fn invalid() {
        for raw in [
            "..",
            "/..",
            "/../",
            "/.",
            "/./a",
            "/a/./b",
            "/a/../b",
            "/a/..",
            "/%2e",
            "/%2e%2e",
            "/%2E./a",
            "/.%2e/a",
            "/a%2fb",
            "/a%2F..%2Fb",
            "/..%2f..%2fetc",
            "/%2fetc/passwd",
            "//etc/passwd",
            "//",
            "/a//b",
            "/a//",
            "/a%5cb",
            "/..\\a",
            "/a%00",
            "/a%00.png",
            "/%",
            "/%4",
            "/%zz",
            "/%ff",
            "/%c0%ae%c0%ae/",
            "/%u002e",
        ] {
            assert_eq!(FilePath::decode(raw), Err(InvalidPath(())), "{raw}");
        }
    }

    #[test]
    fn prefixes_are_whole_segments() {
        let path = FilePath::decode("/a/b").unwrap();
        assert!(path.starts_with("a") && path.starts_with("a/b") && path.starts_with(""));
        assert!(!path.starts_with("a/bc") && !path.starts_with("b") && !path.starts_with("/a"));
    }

    #[test]
    fn hidden() {
        let is_hidden = |raw| FilePath::decode(raw).unwrap().is_hidden();
        assert!(is_hidden("/.git/config") && is_hidden("/a/.b") && is_hidden("/a/%2eb"));
        assert!(!is_hidden("/") && !is_hidden("/a.b/c."));
    }
}
