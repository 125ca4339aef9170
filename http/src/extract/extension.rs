//! What middleware has left for handlers.

use http::StatusCode;

use super::{FromRequest, Rejection};
use crate::log;
use crate::request::Request;

/// A value that middleware has put into [`Request::extensions_mut`]. If there is none the answer is 500: the
/// middleware is missing.
///
/// ```
/// use greenwood_http::{Request, Response, Router};
/// use greenwood_http::extract::Extension;
/// use greenwood_http::middleware::Next;
///
/// #[derive(Clone)]
/// struct User(&'static str);
///
/// fn identified(request: &mut Request<'_>, next: Next<'_>) -> Response {
///     request.extensions_mut().insert(User("alice"));
///     next.run(request)
/// }
///
/// let routes = Router::new()
///     .get("/me", |Extension(User(name)): Extension<User>| name)
///     .with(identified)
///     .build();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Extension<T>(pub T);

impl<T: Clone + Send + Sync + 'static> FromRequest for Extension<T> {
    fn from_request(request: &mut Request<'_>) -> Result<Extension<T>, Rejection> {
        match request.extensions().get::<T>() {
            Some(value) => Ok(Extension(value.clone())),
            None => {
                let type_name = std::any::type_name::<T>();
                log::error("no middleware has left what its handler wants", type_name);
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                Err(Rejection::new(status, "Internal Server Error"))
            }
        }
    }
}
