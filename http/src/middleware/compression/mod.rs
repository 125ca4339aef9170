//! Answers made smaller.

mod accept;
mod compressor;
mod source;

use flate2::Compression as Level;
use http::{HeaderName, HeaderValue, StatusCode, header};

use self::accept::{Accepted, Coding, accepted};
use self::compressor::Compressor;
use super::vary::vary;
use super::{Middleware, Next};
use crate::request::{Request, list};
use crate::response::{Content, Response, ResponseBody};

/// Up to this size, bytes in memory are compressed before the head is sent, so that their length is known.
const AT_ONCE: usize = 64 * 1024;

/// A digest of the content as it is (RFC 9530), which would no longer be right.
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// Middleware that compresses answers with gzip or deflate, as the client's `Accept-Encoding` asks for.
///
/// Compressed are bodies of types that gain from it (text, JSON, XML, JavaScript, SVG, WebAssembly and the like, but not
/// `text/event-stream`) and of at least [`min_size`](Compression::min_size) bytes, or of unknown length. What is made while it is sent is compressed piece by
/// piece, and goes out when its writer flushes or its reader pauses. Nothing is done to partial answers (206), to those without a
/// body, to those that have a `Content-Encoding`, and to those with `Cache-Control: no-transform`. `identity;q=0` overrules type and size.
///
/// A compressed answer gets `Content-Encoding`, and `Vary`, which also goes to those that another client would get compressed. Its
/// `ETag` becomes a weak one and `Accept-Ranges` goes, since the bytes are not those of the resource any more; a 304 gets the `ETag` that the 200 would
/// have.
///
/// Compressing takes CPU time on the worker, some 10 to 100 ms a megabyte, and 350 KB of memory for each answer
/// that is being sent. Where an answer holds both a secret and what an attacker chose, its compressed size tells of the secret
/// (BREACH): leave such routes out.
///
/// ```
/// use greenwood_http::Router;
/// use greenwood_http::middleware::Compression;
///
/// let routes = Router::new().get("/", || "tree ".repeat(1000)).with(Compression::new()).build();
/// ```
#[derive(Clone, Debug)]
#[must_use = "does nothing before it is given to a router"]
pub struct Compression {
    level: Level,
    min_size: u64,
}

impl Default for Compression {
    fn default() -> Compression {
        Compression::new()
    }
}

impl Compression {
    /// Level 6, bodies of 1 KiB or more.
    pub fn new() -> Compression {
        Compression { level: Level::default(), min_size: 1024 }
    }

    /// Sets how hard to try: from 1, fast, to 9, small. Others are taken as the nearest of these.
    pub fn level(mut self, level: u32) -> Compression {
        self.level = Level::new(level.clamp(1, 9));
        self
    }

    /// Sets from which length on bodies are compressed, in bytes. Smaller ones fit a packet as they are.
    pub fn min_size(mut self, bytes: u64) -> Compression {
        self.min_size = bytes;
        self
    }

    fn worthwhile(&self, response: &Response) -> bool {
        let large = response.body.len().is_none_or(|length| length >= self.min_size);
        large && response.header(&header::CONTENT_TYPE).is_some_and(is_compressible)
    }

    /// The body in another form, or as it was if that is no smaller and `identity` is taken too.
    fn encoded(
        &self,
        body: ResponseBody,
        coding: Coding,
        identity: bool,
    ) -> Result<ResponseBody, ResponseBody> {
        let compressor = Compressor::new(coding, self.level);
        let bytes = match &body.0 {
            Content::Static(bytes) if bytes.len() <= AT_ONCE => *bytes,
            Content::Owned(bytes) if bytes.len() <= AT_ONCE => &**bytes,
            _ => return Ok(source::compressed(body, compressor)),
        };
        match compressor.all(bytes) {
            Ok(out) if out.len() < bytes.len() || !identity => Ok(out.into()),
            _ => Err(body),
        }
    }
}

impl Middleware for Compression {
    fn handle(&self, request: &mut Request<'_>, next: Next<'_>) -> Response {
        let response = next.run(request);
        let Accepted { coding, identity } =
            accepted(request.headers().get_all(header::ACCEPT_ENCODING.as_str()));
        if response.status == StatusCode::NOT_MODIFIED {
            let response = vary(response, &header::ACCEPT_ENCODING);
            return if coding.is_some() { with_weak_tag(response) } else { response };
        }
        let wanted = self.worthwhile(&response) || !identity && coding.is_some();
        if !wanted || !is_transformable(&response) {
            return response;
        }
        let mut response = vary(response, &header::ACCEPT_ENCODING);
        let Some(coding) = coding else { return response };
        let body = std::mem::replace(&mut response.body, ResponseBody::empty());
        match self.encoded(body, coding, identity) {
            Ok(body) => {
                let name = match coding {
                    Coding::Gzip => HeaderValue::from_static("gzip"),
                    Coding::Deflate => HeaderValue::from_static("deflate"),
                };
                let response = response
                    .with_header(header::CONTENT_ENCODING, name)
                    .without_header(&header::CONTENT_LENGTH)
                    .without_header(&header::ACCEPT_RANGES);
                with_weak_tag(response).with_body(body)
            }
            Err(body) => response.with_body(body),
        }
    }
}

/// Whether a coding may be added at all.
fn is_transformable(response: &Response) -> bool {
    let whole = ![StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::PARTIAL_CONTENT]
        .contains(&response.status)
        && !response.status.is_informational()
        && response.body.len() != Some(0);
    let plain = [header::CONTENT_ENCODING, header::CONTENT_RANGE, CONTENT_DIGEST]
        .iter()
        .all(|name| response.header(name).is_none());
    let fixed = response
        .headers()
        .filter(|(name, _)| **name == header::CACHE_CONTROL)
        .flat_map(|(_, value)| list(value.as_bytes()))
        .any(|directive| directive.eq_ignore_ascii_case(b"no-transform"));
    whole && plain && !fixed
}

fn is_compressible(content_type: &HeaderValue) -> bool {
    let bytes = content_type.as_bytes();
    let media_type = bytes.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
    let media_type = media_type.to_ascii_lowercase();
    match &*media_type {
        // Its events should go out one by one, and its readers wait for each.
        b"text/event-stream" => false,
        b"application/json"
        | b"application/javascript"
        | b"application/xml"
        | b"application/x-ndjson"
        | b"application/wasm"
        | b"font/ttf"
        | b"font/otf"
        | b"image/bmp"
        | b"image/x-icon"
        | b"image/vnd.microsoft.icon" => true,
        other => {
            other.starts_with(b"text/") || other.ends_with(b"+json") || other.ends_with(b"+xml")
        }
    }
}

/// A strong tag promises equal bytes (RFC 9110 section 8.8.1).
fn with_weak_tag(response: Response) -> Response {
    let weak = match response.header(&header::ETAG).map(HeaderValue::as_bytes) {
        Some(tag @ [b'"', ..]) => HeaderValue::from_bytes(&[b"W/", tag].concat()),
        _ => return response,
    };
    match weak {
        Ok(weak) => response.with_header(header::ETAG, weak),
        Err(_) => response.without_header(&header::ETAG),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::IntoResponse;

    #[test]
    fn types() {
        let is = |text| is_compressible(&HeaderValue::from_static(text));
        for good in [
            "text/plain; charset=utf-8",
            "TEXT/HTML",
            "application/problem+json",
            "image/svg+xml",
            "application/json ;x",
        ] {
            assert!(is(good), "{good}");
        }
        for bad in ["text/event-stream; charset=utf-8", "image/png", "application/octet-stream", ""]
        {
            assert!(!is(bad), "{bad}");
        }
    }

    #[test]
    fn tags() {
        let tagged = |tag| {
            let response =
                ().into_response().with_header(header::ETAG, HeaderValue::from_static(tag));
            with_weak_tag(response).header(&header::ETAG).unwrap().clone()
        };
        assert_eq!(tagged("\"a\""), "W/\"a\"");
        assert_eq!(tagged("W/\"a\""), "W/\"a\"");
        assert!(with_weak_tag(().into_response()).header(&header::ETAG).is_none());
    }
}
