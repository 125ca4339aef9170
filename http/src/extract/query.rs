//! The query of a request's target.

use http::StatusCode;
use serde::de::DeserializeOwned;

use super::form::Pairs;
use super::{FromRequest, Rejection};
use crate::request::Request;

/// What follows the `?`, as a form: `?page=2&tag=a&tag=b`. A value that does not fit is answered 400.
///
/// The rules are those of [`Form`](super::Form); without a `?` it is an empty one.
///
/// ```
/// use greenwood_http::Router;
/// use greenwood_http::extract::Query;
///
/// #[derive(serde::Deserialize)]
/// struct Page {
///     page: Option<u32>,
///     #[serde(default)]
///     tag: Vec<String>,
/// }
///
/// let routes = Router::new()
///     .get("/", |Query(q): Query<Page>| format!("page {} of {:?}", q.page.unwrap_or(1), q.tag))
///     .build();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    fn from_request(request: &mut Request<'_>) -> Result<Query<T>, Rejection> {
        T::deserialize(Pairs::parse(request.query().unwrap_or_default())?)
            .map(Query)
            .map_err(|error| Rejection::new(StatusCode::BAD_REQUEST, error.to_string()))
    }
}
