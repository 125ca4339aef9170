//! Bodies as a whole.

use std::io::Read;

use http::StatusCode;

use super::{FromRequest, Rejection};
use crate::request::Request;

/// How much memory an announced length gets before anything of it has come.
const BEFOREHAND: u64 = 64 * 1024;

/// The whole body; a longer one than is allowed is answered 413.
impl FromRequest for Vec<u8> {
    fn from_request(request: &mut Request<'_>) -> Result<Vec<u8>, Rejection> {
        let length = request.body.state.announced().unwrap_or(0).min(BEFOREHAND);
        let mut bytes = Vec::with_capacity(length as usize);
        match request.body().read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(Rejection::unread(&error)),
        }
    }
}

/// The whole body, of any content type, if it is UTF-8; otherwise the answer is 400.
impl FromRequest for String {
    fn from_request(request: &mut Request<'_>) -> Result<String, Rejection> {
        String::from_utf8(Vec::from_request(request)?)
            .map_err(|_| Rejection::new(StatusCode::BAD_REQUEST, "the body is not UTF-8"))
    }
}
