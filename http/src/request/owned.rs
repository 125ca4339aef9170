//! Requests that outlive their connection's buffer.

use std::io::{self, ErrorKind, Read};

use http::uri::Uri;
use http::{HeaderName, HeaderValue};

use super::Request;

impl Request<'_> {
    /// A copy of the request with everything that is left of its body, as the `http` crate has it, for code that takes
    /// those or for another thread. Suspends until the body is here.
    ///
    /// The target keeps its form (`*` or with an authority, if it was sent so); fields keep their order and any bytes
    /// beyond ASCII. `Transfer-Encoding`, if there was one, is still among them, though the body is decoded. The extensions are
    /// copied too.
    ///
    /// # Errors
    ///
    /// As for reading the [body](Request::body), whose limit holds; and `InvalidInput` for a target that the `http` crate cannot hold.
    ///
    /// ```
    /// use greenwood_http::Request;
    /// use std::io;
    ///
    /// fn handler(request: &mut Request<'_>) -> io::Result<String> {
    ///     let request: greenwood_http::http::Request<Vec<u8>> = request.to_http()?;
    ///     Ok(format!("{} with {} bytes", request.uri(), request.body().len()))
    /// }
    /// ```
    pub fn to_http(&mut self) -> io::Result<http::Request<Vec<u8>>> {
        let invalid = |e: http::Error| io::Error::new(ErrorKind::InvalidInput, e);
        let mut body = Vec::new();
        self.body().read_to_end(&mut body)?;
        let mut owned = http::Request::new(body);
        *owned.method_mut() = self.method().clone();
        *owned.uri_mut() = uri(self.target()).map_err(|e| invalid(e.into()))?;
        *owned.version_mut() = self.version();
        *owned.extensions_mut() = self.extensions().clone();
        for (name, value) in self.headers().iter() {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|e| invalid(e.into()))?;
            let value = HeaderValue::from_bytes(value).map_err(|e| invalid(e.into()))?;
            owned.headers_mut().append(name, value);
        }
        Ok(owned)
    }
}

/// Bytes that are in no URI (RFC 3986 section 2), but that some clients send as they are, are encoded if
/// the `http` crate refuses them.
fn uri(target: &str) -> Result<Uri, http::uri::InvalidUri> {
    target.parse().or_else(|_| {
        let encode = |c: char| match c {
            '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}' => format!("%{:02X}", c as u32),
            c => c.to_string(),
        };
        target.chars().map(encode).collect::<String>().parse()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::target::Target;
    use crate::syntax::{PATH, TARGET, span};
    use http::Method;

    #[test]
    fn whatever_is_taken_can_be_held() {
        for byte in 0..=127u8 {
            let raw = format!("/a{}b?c", byte as char);
            let taken = span(raw.as_bytes(), TARGET) == raw.len();
            if taken
                && Target::parse(raw.as_bytes(), span(raw.as_bytes(), PATH), &Method::GET).is_ok()
            {
                assert!(uri(&raw).is_ok(), "{raw}");
            }
        }
        assert_eq!(uri("/<a>|").unwrap().path(), "/%3Ca%3E%7C");
        assert_eq!(uri("*").unwrap().to_string(), "*");
        assert_eq!(uri("http://h:1/p?q").unwrap().to_string(), "http://h:1/p?q");
    }
}
