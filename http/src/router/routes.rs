//! A router that is built: finds the handler of a request.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};
use matchit::InsertError;

use super::matched::{Matched, Spans};
use super::methods::MethodRouter;
use super::pattern::Pattern;
use super::{Nested, RouteError, Router};
use crate::handler::Handler;
use crate::middleware::{Chain, Next};
use crate::request::{Request, percent_decode};
use crate::response::{IntoResponse, Response};

/// What a [`Router`] is built into: a [`Handler`] that finds the one for each request.
///
/// For a route without parameters this allocates nothing.
pub struct Routes {
    /// Routes without parameters, by their path. They come before all others.
    fixed: HashMap<String, Route>,
    patterns: matchit::Router<Route>,
    /// What answers paths without a route, under the prefixes that have an answer of their own.
    nested: matchit::Router<Endpoint>,
    fallback: Endpoint,
    /// The answer to `OPTIONS *`.
    server_wide: Endpoint,
}

/// A handler with the middleware around it.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(super) handler: Arc<dyn Handler>,
    pub(super) chain: Chain,
}

struct Route {
    pattern: Arc<Pattern>,
    methods: Vec<(Method, Endpoint)>,
    any: Option<Endpoint>,
    options: Endpoint,
    not_allowed: Endpoint,
    invalid: Endpoint,
}

impl Routes {
    pub(super) fn new(router: Router) -> Result<Routes, RouteError> {
        let Router { routes, nested, fallback, middleware, error } = router;
        if let Some(error) = error {
            return Err(error);
        }
        let chain = |inner: &[_]| middleware.iter().chain(inner).cloned().collect::<Chain>();
        let mut table: Vec<Route> = Vec::new();
        let mut index = HashMap::new();
        for draft in routes {
            let chain = chain(&draft.middleware);
            let at = *index.entry(draft.pattern.clone()).or_insert(table.len());
            if at == table.len() {
                table.push(Route::new(draft.pattern, &chain)?);
            }
            table[at].add(draft.methods, &chain)?;
        }

        let server_wide = Allowed::new(
            StatusCode::NO_CONTENT,
            table.iter().flat_map(|route| route.methods.iter().map(|(method, _)| method)),
        );
        let mut fixed = HashMap::new();
        let mut patterns = matchit::Router::new();
        for mut route in table {
            route.set_allowed();
            let pattern = route.pattern.clone();
            match pattern.fixed() {
                Some(path) => {
                    fixed.insert(path, route);
                }
                None => patterns
                    .insert(pattern.as_str(), route)
                    .map_err(|error| RouteError::new(pattern.as_str(), problem(error)))?,
            }
        }

        let fallback = fallback.unwrap_or_else(|| Arc::new(NotFound));
        let mut prefixes = matchit::Router::new();
        for Nested { prefix, fallback: own, middleware } in nested {
            let handler = own.unwrap_or_else(|| fallback.clone());
            let endpoint = Endpoint { handler, chain: chain(&middleware) };
            for below in ["", "/", "/{*below}"] {
                let inserted = prefixes.insert(format!("{prefix}{below}"), endpoint.clone());
                inserted
                    .map_err(|error| RouteError::new(&prefix, prefix_problem(&prefix, error)))?;
            }
        }
        let chain = chain(&[]);
        Ok(Routes {
            fixed,
            patterns,
            nested: prefixes,
            fallback: Endpoint { handler: fallback, chain: chain.clone() },
            server_wide: Endpoint { handler: Arc::new(server_wide), chain },
        })
    }
}

fn prefix_problem(prefix: &str, error: InsertError) -> Cow<'static, str> {
    match error {
        InsertError::Conflict { with } if with == prefix => {
            "is the prefix of two routers with middleware or fall-backs: merge them, and nest the result".into()
        }
        error => problem(error),
    }
}

fn problem(error: InsertError) -> Cow<'static, str> {
    match error {
        InsertError::Conflict { with } => format!("conflicts with `{with}`").into(),
        InsertError::InvalidParamSegment => "has two parameters in one segment".into(),
        other => format!("is invalid: {other}").into(),
    }
}

impl Routes {
    /// What answers a request, and what is known of its path by that.
    pub(crate) fn find(&self, method: &Method, path: &str) -> (&Endpoint, Matched) {
        if let Some(route) = self.fixed.get(path) {
            return (route.endpoint(method), Matched::Fixed);
        }
        if let Ok(found) = self.patterns.at(path) {
            let route = found.value;
            let valid = found.params.iter().all(|(_, value)| percent_decode(value).is_ok());
            let endpoint = if valid { route.endpoint(method) } else { &route.invalid };
            let spans = Spans::of(path, found.params.iter().map(|(_, value)| value));
            return (endpoint, Matched::Pattern { pattern: route.pattern.clone(), spans });
        }
        let endpoint = match path {
            "*" => &self.server_wide,
            _ => self.nested.at(path).map_or(&self.fallback, |found| found.value),
        };
        (endpoint, Matched::Nothing)
    }
}

impl Handler for Routes {
    fn handle(&self, request: &mut Request<'_>) -> Response {
        let (endpoint, matched) = self.find(request.method(), request.path());
        request.matched = matched;
        endpoint.run(request)
    }
}

impl Endpoint {
    fn run(&self, request: &mut Request<'_>) -> Response {
        Next::new(&self.chain, &*self.handler).run(request)
    }
}

impl Handler for Endpoint {
    fn handle(&self, request: &mut Request<'_>) -> Response {
        self.run(request)
    }
}

impl Route {
    /// `chain` is what goes around the answers that no handler gives.
    fn new(pattern: String, chain: &Chain) -> Result<Route, RouteError> {
        let pattern =
            Pattern::new(pattern.clone()).map_err(|problem| RouteError::new(pattern, problem))?;
        let invalid = Endpoint { handler: Arc::new(InvalidPath), chain: chain.clone() };
        Ok(Route {
            pattern: Arc::new(pattern),
            methods: Vec::new(),
            any: None,
            options: invalid.clone(),
            not_allowed: invalid.clone(),
            invalid,
        })
    }

    fn add(&mut self, methods: MethodRouter, chain: &Chain) -> Result<(), RouteError> {
        let MethodRouter { handlers, any, mut twice } = methods;
        let endpoint = |handler| Endpoint { handler, chain: chain.clone() };
        for (method, handler) in handlers {
            if self.methods.iter().any(|(m, _)| *m == method) {
                twice.get_or_insert(method.to_string());
            }
            self.methods.push((method, endpoint(handler)));
        }
        if let Some(handler) = any
            && self.any.replace(endpoint(handler)).is_some()
        {
            twice.get_or_insert("any method".to_owned());
        }
        match twice {
            None => Ok(()),
            Some(method) => Err(RouteError::new(
                self.pattern.as_str(),
                format!("has two handlers for {method}"),
            )),
        }
    }

    /// Once all methods are known.
    fn set_allowed(&mut self) {
        let allowed = |status| {
            let allowed = Allowed::new(status, self.methods.iter().map(|(method, _)| method));
            Arc::new(allowed)
        };
        self.options.handler = allowed(StatusCode::NO_CONTENT);
        self.not_allowed.handler = allowed(StatusCode::METHOD_NOT_ALLOWED);
    }

    fn endpoint(&self, method: &Method) -> &Endpoint {
        let of = |method: &Method| {
            self.methods.iter().find(|(m, _)| m == method).map(|(_, endpoint)| endpoint)
        };
        let get = || if *method == Method::HEAD { of(&Method::GET) } else { None };
        of(method).or_else(get).or(self.any.as_ref()).unwrap_or(match *method {
            Method::OPTIONS => &self.options,
            _ => &self.not_allowed,
        })
    }
}

/// An answer that says which methods there are (RFC 9110 section 10.2.1).
struct Allowed {
    status: StatusCode,
    allow: HeaderValue,
}

impl Allowed {
    fn new<'a>(status: StatusCode, methods: impl Iterator<Item = &'a Method>) -> Allowed {
        let mut names: Vec<&str> = Vec::new();
        let mut add = |name| {
            if !names.contains(&name) {
                names.push(name);
            }
        };
        for method in methods {
            add(method.as_str());
            if *method == Method::GET {
                add("HEAD");
            }
        }
        add("OPTIONS");
        let allow = HeaderValue::try_from(names.join(", ")).expect("methods are tokens");
        Allowed { status, allow }
    }
}

impl Handler for Allowed {
    fn handle(&self, _: &mut Request<'_>) -> Response {
        self.status.into_response().with_header(header::ALLOW, self.allow.clone())
    }
}

struct NotFound;

impl Handler for NotFound {
    fn handle(&self, _: &mut Request<'_>) -> Response {
        StatusCode::NOT_FOUND.into_response()
    }
}

/// A parameter that is no percent-encoded UTF-8.
struct InvalidPath;

impl Handler for InvalidPath {
    fn handle(&self, _: &mut Request<'_>) -> Response {
        (StatusCode::BAD_REQUEST, "invalid percent-encoding in the path").into_response()
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes").field("fixed", &self.fixed.keys()).finish_non_exhaustive()
    }
}
