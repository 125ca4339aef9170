//! What answers requests.

use crate::extract::FromRequest;
use crate::request::Request;
use crate::response::{IntoResponse, Response};

/// What answers requests: a closure or function of a request, or [`Routes`](crate::Routes).
///
/// It is called for many requests at once, each on its connection's coroutine (or OS thread), and may
/// block. What it shares with others (a pool, a configuration) it captures, as any closure does.
///
/// A function is only called when the announced length of the request's body is within the limit that holds for
/// it; otherwise the client gets its 413 at once. Whoever implements this trait by hand is called in any case,
/// and fails to read such a body.
///
/// ```
/// use greenwood_http::{Handler, IntoResponse, Request, Response};
///
/// /// Answers everything with one text.
/// struct Sign(&'static str);
///
/// impl Handler for Sign {
///     fn handle(&self, _: &mut Request<'_>) -> Response {
///         self.0.into_response()
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not answer requests",
    note = "functions and closures need the argument type written out: `|request: &mut Request<'_>| …`",
    note = "a `Router` answers requests once it is built: `router.build()?`"
)]
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. May suspend.
    fn handle(&self, request: &mut Request<'_>) -> Response;
}

impl<F, R> Handler for F
where
    F: Fn(&mut Request<'_>) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    fn handle(&self, request: &mut Request<'_>) -> Response {
        match request.check_body_length() {
            Ok(()) => self(request).into_response(),
            Err(error) => error.into_response(),
        }
    }
}

/// What can be made a [`Handler`]: every handler, and functions whose arguments are extracted from the request.
///
/// ```
/// use greenwood_http::Router;
/// # #[cfg(feature = "serde")]
/// use greenwood_http::extract::Path;
///
/// # #[cfg(feature = "serde")]
/// let routes = Router::new()
///     .get("/", || "no argument")
///     .get("/squares/{n}", |Path(n): Path<u32>| (u64::from(n) * u64::from(n)).to_string())
///     .build();
/// ```
///
/// Arguments are extracted from left to right; the first that fails is the answer. Up to eight. A body can be extracted
/// once. `Arguments` only tells the implementations apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot handle a route",
    note = "a handler takes one `&mut Request<'_>`, or up to eight arguments that implement `FromRequest`",
    note = "closures need the types of their arguments written out, and results must implement `IntoResponse`"
)]
pub trait IntoHandler<Arguments> {
    /// Makes it one.
    fn into_handler(self) -> impl Handler;
}

/// Stands for a handler as it is, in [`IntoHandler`].
#[derive(Debug)]
pub struct Whole(());

impl<H: Handler> IntoHandler<Whole> for H {
    fn into_handler(self) -> impl Handler {
        self
    }
}

macro_rules! functions_of {
    ($($argument:ident)*) => {
        impl<F, R, $($argument),*> IntoHandler<($($argument,)*)> for F
        where
            F: Fn($($argument),*) -> R + Send + Sync + 'static,
            R: IntoResponse,
            $($argument: FromRequest,)*
        {
            #[allow(unused_variables, reason = "there may be no arguments")]
            fn into_handler(self) -> impl Handler {
                move |request: &mut Request<'_>| -> Response {
                    self($(match $argument::from_request(request) {
                        Ok(value) => value,
                        Err(rejection) => return rejection.into_response(),
                    }),*)
                    .into_response()
                }
            }
        }
    };
}

functions_of!();
functions_of!(A);
functions_of!(A B);
functions_of!(A B C);
functions_of!(A B C D);
functions_of!(A B C D E);
functions_of!(A B C D E G);
functions_of!(A B C D E G H);
functions_of!(A B C D E G H I);
