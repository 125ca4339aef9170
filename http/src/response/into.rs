//! What may be returned from a handler in place of a [`Response`].

use std::io;

use http::{HeaderValue, StatusCode, header};

use super::{Response, ResponseBody};
use crate::error::RequestError;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// A value that can be sent as an answer.
///
/// Text is sent as `text/plain; charset=utf-8`, bytes as `application/octet-stream`, `()` as an empty
/// 200.
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

/// The status alone, with its reason phrase as text.
impl IntoResponse for StatusCode {
    fn into_response(self) -> Response {
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

fn typed(body: impl Into<ResponseBody>, media_type: HeaderValue) -> Response {
    Response::new(StatusCode::OK).with_header(header::CONTENT_TYPE, media_type).with_body(body)
}

impl IntoResponse for &'static str {
    fn into_response(self) -> Response {
        typed(self, TEXT)
    }
}

impl IntoResponse for String {
    fn into_response(self) -> Response {
        typed(self, TEXT)
    }
}

impl IntoResponse for &'static [u8] {
    fn into_response(self) -> Response {
        typed(self, BYTES)
    }
}

impl IntoResponse for Vec<u8> {
    fn into_response(self) -> Response {
        typed(self, BYTES)
    }
}

impl<R: IntoResponse> IntoResponse for (StatusCode, R) {
    fn into_response(self) -> Response {
        self.1.into_response().with_status(self.0)
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

    #[test]
    fn errors_keep_their_status() {
        let status = |error: io::Error| Err::<(), _>(error).into_response().status().as_u16();
        assert_eq!(status(RequestError::BodyTooLarge.into()), 413);
        assert_eq!(status(io::ErrorKind::NotFound.into()), 500);
    }

    #[test]
    fn status_overrides() {
        let response = (StatusCode::CREATED, "x").into_response();
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.header(&header::CONTENT_TYPE), Some(&TEXT));
    }
}
