//! Why a router cannot be built.

use std::borrow::Cow;
use std::fmt;
use std::io;

/// A route that cannot be: its pattern is invalid, or it conflicts with another. The first of them, if there
/// are several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteError {
    route: String,
    problem: Cow<'static, str>,
}

impl RouteError {
    pub(super) fn new(
        route: impl Into<String>,
        problem: impl Into<Cow<'static, str>>,
    ) -> RouteError {
        RouteError { route: route.into(), problem: problem.into() }
    }

    pub(super) fn behind(self, prefix: &str) -> RouteError {
        RouteError { route: format!("{prefix}{}", self.route), ..self }
    }

    /// The pattern as it was given, behind the prefixes it is nested under.
    pub fn route(&self) -> &str {
        &self.route
    }
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "route `{}` {}", self.route, self.problem)
    }
}

impl std::error::Error for RouteError {}

/// [`InvalidInput`](io::ErrorKind::InvalidInput), for a `main` that returns [`io::Result`].
impl From<RouteError> for io::Error {
    fn from(error: RouteError) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}
