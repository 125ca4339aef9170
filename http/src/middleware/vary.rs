//! `Vary`: which fields of a request an answer depends on.

use http::{HeaderName, HeaderValue, header};

use crate::request::list;
use crate::response::Response;

/// Adds `name` to what the answer varies with, if it does not say so yet (RFC 9110 section 12.5.5).
pub(super) fn vary(response: Response, name: &HeaderName) -> Response {
    let said = response.headers().filter(|(field, _)| **field == header::VARY).any(|(_, value)| {
        list(value.as_bytes())
            .any(|member| member == b"*" || member.eq_ignore_ascii_case(name.as_str().as_bytes()))
    });
    if said {
        return response;
    }
    response.with_added_header(header::VARY, HeaderValue::from(name.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::IntoResponse;

    #[test]
    fn said_once() {
        let varies = |before: Option<&'static str>| -> Vec<HeaderValue> {
            let mut response = ().into_response();
            if let Some(before) = before {
                response = response.with_header(header::VARY, HeaderValue::from_static(before));
            }
            let response = vary(response, &header::ORIGIN);
            response.headers().map(|(_, value)| value.clone()).collect()
        };
        assert_eq!(varies(None), ["origin"]);
        assert_eq!(varies(Some("accept, Origin")), ["accept, Origin"]);
        assert_eq!(varies(Some("*")), ["*"]);
        assert_eq!(varies(Some("x-origin")), ["x-origin", "origin"]);
    }
}
