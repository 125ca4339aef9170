//! Answers that send the client elsewhere.

use http::{HeaderValue, StatusCode, header};

use super::{IntoResponse, Response};

/// An answer that sends the client elsewhere (RFC 9110 section 15.4).
///
/// The target is an absolute URL or a path. Bytes that are in no URL, line breaks among them, are percent-encoded, so
/// that a target made of user input cannot add a header field. Whether it may lead to another site is for
/// the handler to check.
///
/// ```
/// use greenwood_http::{IntoResponse, Redirect};
/// use greenwood_http::http::header;
///
/// let response = Redirect::see_other("/notes/é").into_response();
/// assert_eq!(response.header(&header::LOCATION).unwrap(), "/notes/%C3%A9");
/// ```
#[derive(Clone, Debug)]
pub struct Redirect {
    status: StatusCode,
    target: String,
}

impl Redirect {
    /// 303: the client goes on with GET, as after a form was sent.
    pub fn see_other(target: impl Into<String>) -> Redirect {
        Redirect { status: StatusCode::SEE_OTHER, target: target.into() }
    }

    /// 307: the client repeats the request there, this time.
    pub fn temporary(target: impl Into<String>) -> Redirect {
        Redirect { status: StatusCode::TEMPORARY_REDIRECT, target: target.into() }
    }

    /// 308: the client repeats the request there, and remembers.
    pub fn permanent(target: impl Into<String>) -> Redirect {
        Redirect { status: StatusCode::PERMANENT_REDIRECT, target: target.into() }
    }
}

impl IntoResponse for Redirect {
    fn into_response(self) -> Response {
        let location = HeaderValue::try_from(encoded(self.target)).expect("it is visible ASCII");
        Response::new(self.status).with_header(header::LOCATION, location)
    }
}

fn encoded(target: String) -> String {
    let fits = |b: u8| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b);
    if target.bytes().all(fits) {
        return target;
    }
    let encode = |b: u8| if fits(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    target.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_can_be_added() {
        let response = Redirect::temporary("/a\r\nSet-Cookie: b\0%20?c=<d>").into_response();
        assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
        let location = response.header(&header::LOCATION).unwrap();
        assert_eq!(location, "/a%0D%0ASet-Cookie:%20b%00%20?c=%3Cd%3E");
    }
}
