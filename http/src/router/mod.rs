//! Handlers by path and method.

mod error;
mod matched;
mod methods;
mod pattern;
mod routes;
#[cfg(test)]
mod routes_tests;

use std::fmt;
use std::sync::Arc;

pub use error::RouteError;
pub(crate) use matched::Matched;
pub use methods::{MethodRouter, any, delete, get, head, on, options, patch, post, put};
pub use routes::Routes;

use crate::handler::{Handler, IntoHandler};
use crate::middleware::{Chain, Middleware};
use pattern::Pattern;
use routes::Endpoint;

/// A table of routes in the making; [`build`](Router::build) checks it and makes [`Routes`] of it, which a server
/// serves.
///
/// # Patterns
///
/// A pattern is a path with parameters: `{name}` takes one segment, or the part of it that is left beside
/// fixed text (`/{name}.png`), and never nothing; `{*name}` at the end takes all the rest, slashes included. `{{` and `}}` stand for
/// braces. Among routes that match, the one with the fixed segment where others have a parameter is
/// taken, and a `{*name}` last ([how `matchit` does it](https://docs.rs/matchit/0.9/matchit/#conflict-rules)). With text behind a
/// parameter, the longest that fits decides: below `/{name}.git/`, no route that begins with `/{name}/` is found.
///
/// Paths are compared as they were sent, byte for byte. Nothing is normalised: `/a/`, `//a`, `/./a` and `/%61` are no
/// other ways to `/a`, and an encoded slash (`%2F`) stays inside its segment. Only parameters are decoded. One that is not
/// valid (percent-encoded UTF-8) is answered 400.
///
/// # Parts of a site
///
/// [`nest`](Router::nest) puts a router under a prefix, [`merge`](Router::merge) beside the routes of another, each with
/// the middleware that it was given by [`with`](Router::with).
///
/// ```
/// use greenwood_http::{Request, Router, Server};
/// use greenwood_http::router::get;
///
/// # fn main() -> std::io::Result<()> {
/// fn api() -> Router {
///     Router::new()
///         .get("/users/{id}", |request: &mut Request<'_>| {
///             format!("user {}", request.param("id").unwrap_or_default())
///         })
///         .route("/users", get(|| "all of them").post(|| "one more"))
/// }
///
/// let routes = Router::new().get("/", || "welcome").nest("/api", api()).build()?;
/// let server = Server::bind("127.0.0.1:0")?;
/// # let shutdown = server.shutdown_handle();
/// # shutdown.shutdown();
/// server.serve(routes)
/// # }
/// ```
///
/// # Mistakes
///
/// Adding routes never fails, so that calls chain; `build` tells the first mistake. Patterns may come from a
/// configuration, and a program can then say what is wrong with it instead of panicking.
#[derive(Default)]
#[must_use = "serves nothing before it is built"]
pub struct Router {
    routes: Vec<Draft>,
    /// The prefixes with middleware or a fall-back of their own.
    nested: Vec<Nested>,
    fallback: Option<Arc<dyn Handler>>,
    middleware: Vec<Arc<dyn Middleware>>,
    error: Option<RouteError>,
}

struct Draft {
    pattern: String,
    methods: MethodRouter,
    /// That of the routers it came from, the outermost first; not that of this one.
    middleware: Vec<Arc<dyn Middleware>>,
}

struct Nested {
    prefix: String,
    fallback: Option<Arc<dyn Handler>>,
    middleware: Vec<Arc<dyn Middleware>>,
}

macro_rules! short_forms {
    ($($name:ident $method:literal),*) => {$(
        #[doc = concat!("Adds a handler for ", $method, " of the paths that `pattern` matches.")]
        pub fn $name<A>(self, pattern: &str, handler: impl IntoHandler<A>) -> Router {
            self.route(pattern, methods::$name(handler))
        }
    )*};
}

impl Router {
    /// No routes: everything is answered 404.
    pub fn new() -> Router {
        Router::default()
    }

    /// Adds handlers for the paths that `pattern` matches. More methods for the same pattern may be added later.
    pub fn route(mut self, pattern: &str, methods: MethodRouter) -> Router {
        if let Err(problem) = Pattern::new(pattern.to_owned()) {
            self.fail(RouteError::new(pattern, problem));
        }
        self.routes.push(Draft { pattern: pattern.to_owned(), methods, middleware: Vec::new() });
        self
    }

    short_forms!(
        get "GET (and HEAD)", post "POST", put "PUT", delete "DELETE", patch "PATCH", head "HEAD",
        options "OPTIONS", any "every method"
    );

    /// Sets what answers paths without a route. Default: an empty 404 with its name as text.
    ///
    /// Nested routers without a fall-back of their own use this one too.
    pub fn fallback<A>(mut self, handler: impl IntoHandler<A>) -> Router {
        self.fallback = Some(Arc::new(handler.into_handler()));
        self
    }

    /// Adds middleware around everything that this router answers: its routes, wherever in the chain of calls they were added, those
    /// of the routers nested and merged into it, and its own answers: 404, 405 and those to OPTIONS.
    ///
    /// The first that is added is the outermost: it sees the request first and the answer last. The
    /// middleware of a nested router runs inside of that of the router around it, and covers all paths under its prefix, also
    /// those without a route. To cover only some routes, and no 404, put them into a router of their own and
    /// [`merge`](Router::merge) it.
    ///
    /// The route is chosen before: middleware sees [`Request::param`](crate::Request::param) and
    /// [`Request::route`](crate::Request::route), and cannot change them.
    pub fn with(mut self, middleware: impl Middleware) -> Router {
        self.middleware.push(Arc::new(middleware));
        self
    }

    /// Adds the routes of `other` under `prefix`, which may have parameters: `/api/{version}`.
    ///
    /// The route `/` of `other` becomes that of `prefix` itself. Handlers see the whole path.
    pub fn nest(mut self, prefix: &str, other: Router) -> Router {
        let Router { routes, nested, fallback, middleware, error } = other;
        if prefix.is_empty() || prefix.ends_with('/') {
            let problem = "is a prefix and must not end in `/` (for none at all, there is `merge`)";
            self.fail(RouteError::new(prefix, problem));
        } else if let Err(problem) = Pattern::new(prefix.to_owned()) {
            self.fail(RouteError::new(prefix, problem));
        }
        if let Some(error) = error {
            self.fail(error.behind(prefix));
        }
        self.routes.extend(routes.into_iter().map(|route| Draft {
            pattern: match &*route.pattern {
                "/" => prefix.to_owned(),
                pattern => format!("{prefix}{pattern}"),
            },
            methods: route.methods,
            middleware: joined(&middleware, route.middleware),
        }));
        self.nested.extend(nested.into_iter().map(|inner| Nested {
            prefix: format!("{prefix}{}", inner.prefix),
            fallback: inner.fallback.or_else(|| fallback.clone()),
            middleware: joined(&middleware, inner.middleware),
        }));
        if fallback.is_some() || !middleware.is_empty() {
            self.nested.push(Nested { prefix: prefix.to_owned(), fallback, middleware });
        }
        self
    }

    /// Adds the routes of `other` as they are, with the middleware that they have there.
    ///
    /// Both may have routes for one pattern, for different methods. Only one of the two may have a
    /// fall-back, which is then that of the whole.
    pub fn merge(mut self, other: Router) -> Router {
        let Router { routes, nested, fallback, middleware, error } = other;
        if let Some(error) = error {
            self.fail(error);
        }
        if let Some(handler) = fallback {
            if self.fallback.is_some() {
                self.fail(RouteError::new(
                    "/",
                    "has two fall-backs, of two routers that were merged",
                ));
            }
            let chain = Chain::from(&*middleware);
            self.fallback = Some(Arc::new(Endpoint { handler, chain }));
        }
        self.routes.extend(
            routes
                .into_iter()
                .map(|route| Draft { middleware: joined(&middleware, route.middleware), ..route }),
        );
        self.nested.extend(
            nested
                .into_iter()
                .map(|inner| Nested { middleware: joined(&middleware, inner.middleware), ..inner }),
        );
        self
    }

    /// Checks the routes and makes them ready to serve.
    ///
    /// # Errors
    ///
    /// The first route that is invalid or conflicts with another.
    pub fn build(self) -> Result<Routes, RouteError> {
        Routes::new(self)
    }

    fn fail(&mut self, error: RouteError) {
        self.error.get_or_insert(error);
    }
}

fn joined(
    outer: &[Arc<dyn Middleware>],
    inner: Vec<Arc<dyn Middleware>>,
) -> Vec<Arc<dyn Middleware>> {
    outer.iter().cloned().chain(inner).collect()
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes = self.routes.iter().map(|route| (&route.pattern, &route.methods));
        f.debug_map().entries(routes).finish()
    }
}
