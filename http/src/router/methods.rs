//! The handlers of one path, by method.

use std::fmt;
use std::sync::Arc;

use http::Method;

use crate::handler::{Handler, IntoHandler};

/// The handlers of one path; made by [`get`], [`post`] and so on, and given to [`Router::route`](crate::Router::route).
///
/// What is not given: HEAD goes to the handler of GET (the server sends no body), OPTIONS is answered with the
/// methods there are, and other methods with 405 and `Allow`.
///
/// ```
/// use greenwood_http::router::{Router, get};
///
/// let routes = Router::new().route("/notes", get(|| "list").post(|| "create")).build();
/// ```
#[derive(Clone, Default)]
#[must_use = "does nothing before it is given to a router"]
pub struct MethodRouter {
    pub(super) handlers: Vec<(Method, Arc<dyn Handler>)>,
    pub(super) any: Option<Arc<dyn Handler>>,
    /// Whether it has an entry twice: the router tells with which route.
    pub(super) twice: Option<String>,
}

macro_rules! methods {
    ($($name:ident $method:ident),*) => {$(
        #[doc = concat!("A path with a handler for ", stringify!($method), ".")]
        pub fn $name<A>(handler: impl IntoHandler<A>) -> MethodRouter {
            on(Method::$method, handler)
        }
    )*

    impl MethodRouter {$(
        #[doc = concat!("Adds a handler for ", stringify!($method), ".")]
        pub fn $name<A>(self, handler: impl IntoHandler<A>) -> MethodRouter {
            self.on(Method::$method, handler)
        }
    )*}
    };
}

methods!(get GET, post POST, put PUT, delete DELETE, patch PATCH, head HEAD, options OPTIONS);

/// A path with a handler for `method`, which may be one of your own.
pub fn on<A>(method: Method, handler: impl IntoHandler<A>) -> MethodRouter {
    MethodRouter::default().on(method, handler)
}

/// A path with a handler for every method.
pub fn any<A>(handler: impl IntoHandler<A>) -> MethodRouter {
    MethodRouter::default().any(handler)
}

impl MethodRouter {
    /// Adds a handler for `method`, which may be one of your own.
    pub fn on<A>(mut self, method: Method, handler: impl IntoHandler<A>) -> MethodRouter {
        self.add(method, Arc::new(handler.into_handler()));
        self
    }

    /// Adds a handler for every method that has none.
    pub fn any<A>(mut self, handler: impl IntoHandler<A>) -> MethodRouter {
        self.add_any(Arc::new(handler.into_handler()));
        self
    }

    pub(super) fn add(&mut self, method: Method, handler: Arc<dyn Handler>) {
        if self.handlers.iter().any(|(m, _)| *m == method) {
            self.twice.get_or_insert(method.to_string());
        }
        self.handlers.push((method, handler));
    }

    pub(super) fn add_any(&mut self, handler: Arc<dyn Handler>) {
        if self.any.replace(handler).is_some() {
            self.twice.get_or_insert("any method".to_owned());
        }
    }
}

impl fmt::Debug for MethodRouter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let methods: Vec<_> = self.handlers.iter().map(|(method, _)| method).collect();
        f.debug_struct("MethodRouter")
            .field("methods", &methods)
            .field("any", &self.any.is_some())
            .finish()
    }
}
