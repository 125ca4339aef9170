//! JSON as an answer.

use http::StatusCode;
use serde::Serialize;

use super::fields::Media;
use super::into::typed;
use super::{IntoResponse, Response};
use crate::extract::Json;
use crate::log;

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(text) => typed(text, Media::Json),
            Err(error) => {
                log::error("cannot serialise an answer", error);
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}
