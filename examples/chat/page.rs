//! The page, which is part of the program.

use greenwood::http::http::{HeaderName, HeaderValue, header};
use greenwood::http::middleware::Next;
use greenwood::http::{IntoResponse, Request, Response, Router};

const HTML: &str = include_str!("page/chat.html");
const CSS: &str = include_str!("page/chat.css");
const SCRIPT: &str = include_str!("page/chat.js");

/// Nothing but what comes from here, and nothing written into the page itself: even if somebody's words got into it as markup, no
/// script in them would run.
const POLICY: &str = "default-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

pub fn routes() -> Router {
    Router::new()
        .get("/", || typed(HTML, "text/html; charset=utf-8"))
        .get("/chat.css", || typed(CSS, "text/css; charset=utf-8"))
        .get("/chat.js", || typed(SCRIPT, "text/javascript; charset=utf-8"))
        .with(guarded)
}

fn typed(text: &'static str, media_type: &'static str) -> Response {
    text.into_response().with_header(header::CONTENT_TYPE, HeaderValue::from_static(media_type))
}

fn guarded(request: &mut Request<'_>, next: Next<'_>) -> Response {
    let fields: [(HeaderName, &str); 3] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    fields.into_iter().fold(next.run(request), |response, (name, value)| {
        response.with_header(name, HeaderValue::from_static(value))
    })
}
