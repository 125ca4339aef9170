//! Answers of the `http` crate.

use super::{IntoResponse, Response, ResponseBody};

/// Status, header fields and body. The version and the extensions mean nothing here.
impl<B: Into<ResponseBody>> From<http::Response<B>> for Response {
    fn from(other: http::Response<B>) -> Response {
        let (parts, body) = other.into_parts();
        let mut response = Response::new(parts.status).with_body(body);
        let mut last = None;
        for (name, value) in parts.headers {
            // Further values of a name come without it.
            if name.is_some() {
                last = name;
            }
            if let Some(name) = &last {
                response = response.with_added_header(name.clone(), value);
            }
        }
        response
    }
}

impl<B: Into<ResponseBody>> IntoResponse for http::Response<B> {
    fn into_response(self) -> Response {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_fields_stay() {
        let other = http::Response::builder()
            .status(201)
            .header("set-cookie", "a")
            .header("x", "y")
            .header("set-cookie", "b")
            .body("text")
            .unwrap();
        let response = other.into_response();
        assert_eq!((response.status().as_u16(), response.body.len()), (201, Some(4)));
        let fields: Vec<_> =
            response.headers().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let expected: [(&str, &[u8]); 3] =
            [("set-cookie", b"a"), ("set-cookie", b"b"), ("x", b"y")];
        assert_eq!(fields, expected);
    }
}
