//! Why a value cannot be got out of a request.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::io;

use http::{HeaderName, HeaderValue, StatusCode};

use crate::error::RequestError;
use crate::response::{IntoResponse, Response};

/// The longest message in bytes. Some quote the value that does not fit.
const LONGEST: usize = 300;

/// Why a value cannot be got out of a request; as an answer, a status and a line of text.
///
/// ```
/// use greenwood_http::{IntoResponse, extract::Rejection};
/// use greenwood_http::http::StatusCode;
///
/// let rejection = Rejection::new(StatusCode::FORBIDDEN, "members only");
/// assert_eq!(rejection.into_response().status(), StatusCode::FORBIDDEN);
/// ```
#[derive(Clone, Debug)]
pub struct Rejection {
    status: StatusCode,
    message: Cow<'static, str>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Rejection {
    /// With a message for the client: one line, in which control characters are escaped, and not more than some
    /// 300 bytes of it.
    pub fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Rejection {
        let mut message = message.into();
        if message.len() > LONGEST || message.contains(char::is_control) {
            message = Cow::Owned(tamed(&message));
        }
        Rejection { status, message, headers: Vec::new() }
    }

    /// Adds a header field to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Rejection {
        self.headers.push((name, value));
        self
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What the client gets to hear.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What reading the body came to. The message of the system stays here.
    pub(super) fn unread(error: &io::Error) -> Rejection {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<RequestError>()) {
            Some(inner) => Rejection::new(inner.status(), inner.to_string()),
            None => Rejection::new(StatusCode::INTERNAL_SERVER_ERROR, "cannot read the body"),
        }
    }
}

fn tamed(message: &str) -> String {
    let mut tame = String::new();
    for c in message.chars() {
        let before = tame.len();
        if c.is_control() {
            let _ = write!(tame, "{}", c.escape_default());
        } else {
            tame.push(c);
        }
        if tame.len() > LONGEST {
            tame.truncate(before);
            tame.push('…');
            break;
        }
    }
    tame
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Rejection {}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let text = match self.message {
            Cow::Borrowed(text) => text.into_response(),
            Cow::Owned(text) => text.into_response(),
        };
        let response = text.with_status(self.status);
        let headers = self.headers.into_iter();
        headers.fold(response, |response, (name, value)| response.with_added_header(name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_one_short_line() {
        let message = |text: &str| Rejection::new(StatusCode::BAD_REQUEST, text.to_owned()).message;
        assert_eq!(message("as it is: é"), "as it is: é");
        assert_eq!(message("a\r\nb\u{1b}\u{85}"), "a\\r\\nb\\u{1b}\\u{85}");
        assert_eq!(message(&"é".repeat(LONGEST / 2)), "é".repeat(LONGEST / 2));
        assert_eq!(message(&"é".repeat(LONGEST / 2 + 1)), "é".repeat(LONGEST / 2) + "…");
        assert_eq!(message(&("a".repeat(LONGEST - 1) + "\n")), "a".repeat(LONGEST - 1) + "…");
    }
}
