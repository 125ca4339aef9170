//! What may be returned from a handler in place of a [`Response`].

use std::borrow::Cow;
use std::io;

use http::{HeaderName, HeaderValue, StatusCode};

use super::fields::{FieldList, Media};
use super::{Response, ResponseBody};
use crate::error::RequestError;

/// A value that can be sent as an answer.
///
/// Text is sent as `text/plain; charset=utf-8`, bytes as `application/octet-stream`, `()` as an empty
/// 200. Tuples add a status and header fields to another answer. `None` is a 404.
///
/// ```
/// use greenwood_http::{IntoResponse, Request};
/// use greenwood_http::http::StatusCode;
///
/// fn teapot(_: &mut Request<'_>) -> impl IntoResponse + use<> {
///     (StatusCode::IM_A_TEAPOT, "short and stout")
/// }
/// ```
pub trait IntoResponse {
    /// Turns the value into an answer.
    fn into_response(self) -> Response;
}

impl IntoResponse for Response {
    fn into_response(self) -> Response {
        self
    }
}

impl IntoResponse for () {
    fn into_response(self) -> Response {
        Response::new(StatusCode::OK)
    }
}

/// The status alone, with its reason phrase as text if it may have a body.
impl IntoResponse for StatusCode {
    fn into_response(self) -> Response {
        if [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::NOT_MODIFIED]
            .contains(&self)
        {
            return Response::new(self);
        }
        let text = self.canonical_reason().unwrap_or("Unknown Status");
        text.into_response().with_status(self)
    }
}

/// A 200 without `Content-Type`.
impl IntoResponse for ResponseBody {
    fn into_response(self) -> Response {
        Response::new(StatusCode::OK).with_body(self)
    }
}

#[inline]
pub(super) fn typed(body: impl Into<ResponseBody>, media: Media) -> Response {
    Response { status: StatusCode::OK, fields: FieldList::typed(media), body: body.into() }
}

impl IntoResponse for &'static str {
    fn into_response(self) -> Response {
        typed(self, Media::Text)
    }
}

impl IntoResponse for String {
    fn into_response(self) -> Response {
        typed(self, Media::Text)
    }
}

impl IntoResponse for Cow<'static, str> {
    fn into_response(self) -> Response {
        match self {
            Cow::Borrowed(text) => text.into_response(),
            Cow::Owned(text) => text.into_response(),
        }
    }
}

impl IntoResponse for Box<str> {
    fn into_response(self) -> Response {
        String::from(self).into_response()
    }
}

/// Text that is sent as `text/html; charset=utf-8`.
///
/// What it is made of is not escaped.
#[derive(Clone, Copy, Debug)]
pub struct Html<T>(pub T);

impl<T: Into<ResponseBody>> IntoResponse for Html<T> {
    fn into_response(self) -> Response {
        typed(self.0, Media::Html)
    }
}

impl IntoResponse for &'static [u8] {
    fn into_response(self) -> Response {
        typed(self, Media::Bytes)
    }
}

impl IntoResponse for Vec<u8> {
    fn into_response(self) -> Response {
        typed(self, Media::Bytes)
    }
}

impl<R: IntoResponse> IntoResponse for (StatusCode, R) {
    fn into_response(self) -> Response {
        self.1.into_response().with_status(self.0)
    }
}

/// The fields are set: those of the same name that `R` has are replaced, and a name that is given twice
/// is sent twice.
impl<R: IntoResponse, const N: usize> IntoResponse for ([(HeaderName, HeaderValue); N], R) {
    fn into_response(self) -> Response {
        let (fields, inner) = self;
        let mut response = inner.into_response();
        for (name, _) in &fields {
            response.fields.remove(name);
        }
        for (name, value) in fields {
            response.fields.add(name, value);
        }
        response
    }
}

impl<R: IntoResponse, const N: usize> IntoResponse
    for (StatusCode, [(HeaderName, HeaderValue); N], R)
{
    fn into_response(self) -> Response {
        let (status, fields, inner) = self;
        (status, (fields, inner)).into_response()
    }
}

/// A 404 for `None`.
impl<R: IntoResponse> IntoResponse for Option<R> {
    fn into_response(self) -> Response {
        self.map_or_else(|| StatusCode::NOT_FOUND.into_response(), R::into_response)
    }
}

impl<T: IntoResponse, E: IntoResponse> IntoResponse for Result<T, E> {
    fn into_response(self) -> Response {
        match self {
            Ok(value) => value.into_response(),
            Err(error) => error.into_response(),
        }
    }
}

/// The status of the [`RequestError`] inside, or 500. The message is not sent: it may tell more
/// about the server than a client should know.
impl IntoResponse for io::Error {
    fn into_response(self) -> Response {
        let inner = self.get_ref().and_then(|e| e.downcast_ref::<RequestError>());
        inner.map_or(StatusCode::INTERNAL_SERVER_ERROR, |e| e.status()).into_response()
    }
}

impl IntoResponse for RequestError {
    fn into_response(self) -> Response {
        self.status().into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header;

    #[test]
    fn errors_keep_their_status() {
        let status = |error: io::Error| Err::<(), _>(error).into_response().status().as_u16();
        assert_eq!(status(RequestError::BodyTooLarge.into()), 413);
        assert_eq!(status(io::ErrorKind::NotFound.into()), 500);
    }

    #[test]
    fn statuses_without_a_body_have_none() {
        for status in [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::NOT_MODIFIED]
        {
            let response = status.into_response();
            assert_eq!((response.body.len(), response.headers().count()), (Some(0), 0));
        }
        assert_eq!(StatusCode::CREATED.into_response().body.len(), Some(7));
    }

    #[test]
    fn tuples_add_to_what_they_hold() {
        let value = HeaderValue::from_static;
        let fields = [
            (header::CONTENT_TYPE, value("text/css")),
            (header::SET_COOKIE, value("a")),
            (header::SET_COOKIE, value("b")),
        ];
        let response = (StatusCode::CREATED, fields, "x").into_response();
        assert_eq!(response.status(), StatusCode::CREATED);
        let sent: Vec<_> = response.headers().map(|(_, value)| value.as_bytes()).collect();
        assert_eq!(sent, [&b"text/css"[..], b"a", b"b"]);
        assert_eq!(None::<()>.into_response().status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn status_overrides() {
        let response = (StatusCode::CREATED, "x").into_response();
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(
            response.header(&header::CONTENT_TYPE),
            Some(&HeaderValue::from_static("text/plain; charset=utf-8"))
        );
    }
}
