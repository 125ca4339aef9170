//! Requests from pages of other origins.

use std::fmt;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, StatusCode, header};

use super::vary::vary;
use super::{Middleware, Next};
use crate::request::Request;
use crate::response::Response;

/// Middleware that lets pages of other origins read answers, as the [Fetch standard] has it (CORS).
///
/// It tells the browser, which decides; it keeps nobody from sending requests. Preflight requests (OPTIONS with
/// `Access-Control-Request-Method`) are answered by it, with 204, and go no further. Answers that depend on
/// `Origin` say so in `Vary`, also those to requests without one.
///
/// With nothing else set, other origins may use GET, HEAD and POST, without credentials, and without header fields beyond those that
/// every page may send and read.
///
/// [Fetch standard]: https://fetch.spec.whatwg.org/#http-cors-protocol
///
/// ```
/// use std::time::Duration;
/// use greenwood_http::Router;
/// use greenwood_http::http::{Method, header};
/// use greenwood_http::middleware::Cors;
///
/// let cors = Cors::origins(["https://app.example", "http://localhost:3000"])
///     .methods([Method::GET, Method::PUT])
///     .headers([header::CONTENT_TYPE])
///     .credentials()
///     .max_age(Duration::from_secs(3600));
/// let routes = Router::new().put("/notes/{id}", |body: String| body).with(cors).build();
/// ```
#[must_use = "does nothing before it is given to a router"]
pub struct Cors {
    origins: Origins,
    methods: HeaderValue,
    headers: Option<HeaderValue>,
    exposed: Option<HeaderValue>,
    credentials: bool,
    max_age: Option<HeaderValue>,
}

enum Origins {
    Any,
    Listed(Vec<String>),
    Matching(Box<dyn Fn(&str) -> bool + Send + Sync>),
}

impl Cors {
    /// Allows the origins given: scheme, host, and the port if it is not the scheme's own, as in `https://app.example`. A slash at
    /// the end is ignored, as is case.
    ///
    /// Give `null` only if you mean it: sandboxed frames and local files of anybody are that origin.
    pub fn origins<I>(origins: I) -> Cors
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let plain = |origin: I::Item| origin.as_ref().trim_end_matches('/').to_ascii_lowercase();
        Cors::of(Origins::Listed(origins.into_iter().map(plain).collect()))
    }

    /// Allows the origins that `allowed` says yes to. It gets the value of `Origin` as the browser sent it.
    pub fn origins_matching(allowed: impl Fn(&str) -> bool + Send + Sync + 'static) -> Cors {
        Cors::of(Origins::Matching(Box::new(allowed)))
    }

    /// Allows every origin, for what everybody may read. [`credentials`](Cors::credentials) has no effect then.
    pub fn any_origin() -> Cors {
        Cors::of(Origins::Any)
    }

    fn of(origins: Origins) -> Cors {
        Cors {
            origins,
            methods: HeaderValue::from_static("GET, HEAD, POST"),
            headers: None,
            exposed: None,
            credentials: false,
            max_age: None,
        }
    }

    /// Sets the methods that may be used. The default is GET, HEAD and POST, which a page may use in any case.
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Cors {
        let names: Vec<_> = methods.into_iter().map(|method| method.to_string()).collect();
        self.methods = joined(&names).unwrap_or_else(|| HeaderValue::from_static(""));
        self
    }

    /// Sets the header fields that may be sent, beside those that every page may send. `Authorization` has to be named,
    /// and `Content-Type` too, for JSON.
    pub fn headers(mut self, names: impl IntoIterator<Item = HeaderName>) -> Cors {
        self.headers = joined(&names.into_iter().collect::<Vec<_>>());
        self
    }

    /// Sets the header fields of answers that pages may read, beside those that every page may read.
    pub fn expose(mut self, names: impl IntoIterator<Item = HeaderName>) -> Cors {
        self.exposed = joined(&names.into_iter().collect::<Vec<_>>());
        self
    }

    /// Allows requests in the name of the user: with cookies and the like.
    ///
    /// Only for origins that were named or that the predicate chooses. With [`any_origin`](Cors::any_origin) it is left out: every
    /// site on the web could act for whoever visits it, which is what browsers refuse, too.
    pub fn credentials(mut self) -> Cors {
        self.credentials = true;
        self
    }

    /// Sets for how long a browser may remember the answer to a preflight request; in whole seconds. Browsers have limits of their own, and 5 s
    /// where nothing is said.
    pub fn max_age(mut self, age: Duration) -> Cors {
        self.max_age = Some(HeaderValue::from(age.as_secs()));
        self
    }

    /// What to answer in `Access-Control-Allow-Origin`.
    fn allowed(&self, origin: Option<&[u8]>) -> Option<HeaderValue> {
        let origin = std::str::from_utf8(origin?).ok()?;
        let allowed = match &self.origins {
            Origins::Any => return Some(HeaderValue::from_static("*")),
            Origins::Listed(list) => list.iter().any(|o| o.eq_ignore_ascii_case(origin)),
            Origins::Matching(allowed) => allowed(origin),
        };
        if allowed { HeaderValue::try_from(origin).ok() } else { None }
    }

    fn preflight(&self, response: Response) -> Response {
        let response =
            response.with_header(header::ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
        let response = set(response, header::ACCESS_CONTROL_ALLOW_HEADERS, &self.headers);
        set(response, header::ACCESS_CONTROL_MAX_AGE, &self.max_age)
    }
}

impl Middleware for Cors {
    fn handle(&self, request: &mut Request<'_>, next: Next<'_>) -> Response {
        // A browser sends one; of several, whoever reads another one than this would be misled.
        let mut sent = request.headers().get_all("origin");
        let origin = sent.next().filter(|_| sent.next().is_none());
        let preflight = *request.method() == Method::OPTIONS
            && origin.is_some()
            && request.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD).is_some();
        let allowed = self.allowed(origin);
        let mut response = match preflight {
            true => Response::new(StatusCode::NO_CONTENT),
            false => next.run(request),
        };
        if !matches!(self.origins, Origins::Any) {
            response = vary(response, &header::ORIGIN);
        }
        let Some(allowed) = allowed else { return response };
        response = response.with_header(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if self.credentials && !matches!(self.origins, Origins::Any) {
            let value = HeaderValue::from_static("true");
            response = response.with_header(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, value);
        }
        match preflight {
            true => self.preflight(response),
            false => set(response, header::ACCESS_CONTROL_EXPOSE_HEADERS, &self.exposed),
        }
    }
}

fn set(response: Response, name: HeaderName, value: &Option<HeaderValue>) -> Response {
    match value {
        Some(value) => response.with_header(name, value.clone()),
        None => response,
    }
}

/// Names in a list; none if there are none.
fn joined<S: AsRef<str>>(names: &[S]) -> Option<HeaderValue> {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let value =
        HeaderValue::try_from(names.join(", ")).expect("methods and field names are tokens");
    if names.is_empty() { None } else { Some(value) }
}

impl fmt::Debug for Cors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cors")
            .field("methods", &self.methods)
            .field("headers", &self.headers)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}
