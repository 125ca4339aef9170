//! Typed values out of requests: as arguments of handlers, or by [`Request::extract`].
//!
//! What does not fit is answered with a 4xx and one line of text that says what is wrong.
//!
#![cfg_attr(feature = "serde", doc = "```")]
#![cfg_attr(not(feature = "serde"), doc = "```text")]
//! use greenwood_http::Router;
//! use greenwood_http::extract::{Json, Path};
//!
//! #[derive(serde::Deserialize)]
//! struct NewUser {
//!     name: String,
//! }
//!
//! # fn main() -> Result<(), greenwood_http::router::RouteError> {
//! let routes = Router::new()
//!     .put("/users/{id}", |Path(id): Path<u64>, Json(user): Json<NewUser>| {
//!         format!("user {id} is now {}", user.name)
//!     })
//!     .build()?;
//! # Ok(())
//! # }
//! ```
//!
//! What handlers share (a pool, a configuration) is no part of a request: let them capture it, for example in an
//! [`Arc`](std::sync::Arc).

mod body;
mod extension;
mod rejection;

#[cfg(feature = "serde")]
mod field;
#[cfg(feature = "serde")]
mod form;
#[cfg(feature = "serde")]
mod json;
#[cfg(feature = "serde")]
mod path;
#[cfg(feature = "serde")]
mod query;

pub use extension::Extension;
#[cfg(feature = "serde")]
pub use form::Form;
#[cfg(feature = "serde")]
pub use json::Json;
#[cfg(feature = "serde")]
pub use path::Path;
#[cfg(feature = "serde")]
pub use query::Query;
pub use rejection::Rejection;

use crate::request::Request;

/// The type in `Content-Type`, without parameters; none when the field is repeated, as whoever reads another one
/// of them would take the body for something else.
#[cfg(feature = "serde")]
fn media_type<'c>(request: &Request<'c>) -> Option<&'c str> {
    let mut types = request.headers().get_all("content-type");
    let (first, None) = (types.next()?, types.next()) else { return None };
    let media_type = first.split(|&b| b == b';').next()?;
    std::str::from_utf8(media_type.trim_ascii()).ok()
}

/// A value that can be got out of a request.
///
/// ```
/// use greenwood_http::{Request, Router};
/// use greenwood_http::extract::{FromRequest, Rejection};
/// use greenwood_http::http::{HeaderValue, StatusCode, header};
///
/// /// Who the client says it is.
/// struct Key(Vec<u8>);
///
/// impl FromRequest for Key {
///     fn from_request(request: &mut Request<'_>) -> Result<Key, Rejection> {
///         match request.headers().get("x-key") {
///             Some(key) => Ok(Key(key.to_owned())),
///             None => Err(Rejection::new(StatusCode::UNAUTHORIZED, "X-Key is missing")
///                 .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Key"))),
///         }
///     }
/// }
///
/// let routes = Router::new().get("/", |Key(key): Key| key).build();
/// ```
#[diagnostic::on_unimplemented(message = "`{Self}` cannot be extracted from a request")]
pub trait FromRequest: Sized {
    /// Gets it. May read the body, and so suspend.
    ///
    /// # Errors
    ///
    /// What the client gets to hear instead of the handler's answer.
    fn from_request(request: &mut Request<'_>) -> Result<Self, Rejection>;
}

/// For a handler that answers by itself if something does not fit.
impl<T: FromRequest> FromRequest for Result<T, Rejection> {
    fn from_request(request: &mut Request<'_>) -> Result<Self, Rejection> {
        Ok(T::from_request(request))
    }
}
