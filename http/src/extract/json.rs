//! JSON in bodies.

use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::{FromRequest, Rejection, media_type};
use crate::request::Request;

/// A value as JSON (RFC 8259): as an argument it is read from the request's body, as an answer written.
///
/// A body of another content type than `application/json` or `application/…+json` is answered 415, one that is no JSON 400,
/// and one that does not fit the type 422; the message names the place. An answer is serialised as a whole before
/// anything is sent. If that fails, the client gets a 500, and the reason is written to standard error.
///
/// ```
/// use greenwood_http::Router;
/// use greenwood_http::extract::Json;
///
/// #[derive(serde::Deserialize, serde::Serialize)]
/// struct Note {
///     text: String,
/// }
///
/// let routes = Router::new().post("/notes", |Json(note): Json<Note>| Json(note)).build();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Json<T> {
    fn from_request(request: &mut Request<'_>) -> Result<Json<T>, Rejection> {
        if !media_type(request).is_some_and(is_json) {
            let message = "expected the content type application/json";
            return Err(Rejection::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
        }
        let body = Vec::from_request(request)?;
        let mut json = serde_json::Deserializer::from_slice(&body);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let place = error.path().to_string();
            let error = error.into_inner();
            let message = match place.as_str() {
                place if error.is_data() && place != "." => format!("`{place}`: {error}"),
                _ => error.to_string(),
            };
            Rejection::new(status(&error), message)
        })?;
        // After the value there must be nothing.
        json.end().map_err(|error| Rejection::new(status(&error), error.to_string()))?;
        Ok(Json(value))
    }
}

fn status(error: &serde_json::Error) -> StatusCode {
    match error.classify() {
        Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
        Category::Syntax | Category::Eof | Category::Io => StatusCode::BAD_REQUEST,
    }
}

/// `application/json`, or any type with the suffix of RFC 6839.
fn is_json(media_type: &str) -> bool {
    let Some((kind, subtype)) = media_type.split_once('/') else { return false };
    let suffix = subtype.rsplit_once('+').map_or(subtype, |(_, suffix)| suffix);
    kind.eq_ignore_ascii_case("application") && suffix.eq_ignore_ascii_case("json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types() {
        for good in ["application/json", "APPLICATION/JSON", "application/problem+json"] {
            assert!(is_json(good), "{good}");
        }
        for bad in [
            "",
            "json",
            "text/json",
            "application/jsonx",
            "application/xjson",
            "application/json+xml",
        ] {
            assert!(!is_json(bad), "{bad}");
        }
    }
}
