//! What a handler returns.

mod body;
#[cfg_attr(not(feature = "compression"), expect(dead_code, reason = "only compression codes"))]
mod coded;
mod convert;
pub(crate) mod encode;
mod fields;
mod file;
mod into;
#[cfg(feature = "serde")]
mod json;
mod redirect;
pub(crate) mod send;
mod writer;

use http::{HeaderName, HeaderValue, StatusCode};

pub(crate) use body::Content;
pub use body::ResponseBody;
#[cfg(feature = "compression")]
pub(crate) use coded::Coder;
pub(crate) use fields::FieldList;
pub(crate) use file::{FileBody, Part};
pub use into::{Html, IntoResponse};
pub use redirect::Redirect;
pub use writer::BodyWriter;

/// An answer: status, header fields, body.
///
/// The server adds `Date`, and alone decides what frames the message: `Content-Length`,
/// `Transfer-Encoding` and `Connection` set here are not sent, except that `Connection: close` closes.
/// Names and values are those of the `http` crate, which cannot hold a line break, so no header can
/// be smuggled into an answer.
///
/// ```
/// use greenwood_http::Response;
/// use greenwood_http::http::{HeaderValue, StatusCode, header};
///
/// let moved = Response::new(StatusCode::FOUND)
///     .with_header(header::LOCATION, HeaderValue::from_static("/new"))
///     .with_body("moved");
/// assert_eq!(moved.status(), StatusCode::FOUND);
/// ```
#[derive(Debug)]
pub struct Response {
    pub(crate) status: StatusCode,
    pub(crate) fields: FieldList,
    pub(crate) body: ResponseBody,
}

impl Response {
    /// An answer without fields or body.
    pub fn new(status: StatusCode) -> Response {
        Response { status, fields: FieldList::default(), body: ResponseBody::empty() }
    }

    /// Sets the status. One below 200 cannot be a final answer and becomes a 500.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Response {
        self.status = status;
        self
    }

    /// Sets a header field; an earlier one of the same name is replaced.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Response {
        self.fields.set(name, value);
        self
    }

    /// Adds a header field beside those of the same name, as for several `Set-Cookie`.
    #[must_use]
    pub fn with_added_header(mut self, name: HeaderName, value: HeaderValue) -> Response {
        self.fields.add(name, value);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<ResponseBody>) -> Response {
        self.body = body.into();
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The value of the first field of this name.
    pub fn header(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// Names and values of all fields, in the order they were added.
    pub fn headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.fields.iter()
    }

    /// Removes all fields of this name.
    #[must_use]
    pub fn without_header(mut self, name: &HeaderName) -> Response {
        self.fields.remove(name);
        self
    }
}
