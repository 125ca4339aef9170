//! Why a request cannot be served, and the status that says so to the client.

use std::fmt;
use std::io;

use http::StatusCode;

/// A request that the server refuses, or the reason why its body cannot be read to the end.
///
/// A handler meets it inside the [`io::Error`] of a body read. The server answers with
/// [`status`](RequestError::status) in any case and closes the connection, since where the next
/// request would start is no longer known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// Against the grammar of RFC 9112, or ambiguous about where it ends; says what. 400.
    Malformed(&'static str),
    /// The peer ended its half of the connection within the request. 400.
    Truncated,
    /// The head or the body did not arrive in time. 408.
    TimedOut,
    /// The body is longer than allowed. 413.
    BodyTooLarge,
    /// The request target is longer than allowed. 414.
    TargetTooLong,
    /// `Expect` asks for something else than `100-continue`. 417.
    ExpectationFailed,
    /// The head is longer, or has more fields, than allowed. 431.
    HeadTooLarge,
    /// A transfer coding other than `chunked`, or the method `CONNECT`. 501.
    NotImplemented,
    /// Neither HTTP/1.0 nor HTTP/1.1. 505.
    UnsupportedVersion,
}

impl RequestError {
    /// The status with which the server answers.
    pub fn status(self) -> StatusCode {
        match self {
            RequestError::Malformed(_) | RequestError::Truncated => StatusCode::BAD_REQUEST,
            RequestError::TimedOut => StatusCode::REQUEST_TIMEOUT,
            RequestError::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            RequestError::TargetTooLong => StatusCode::URI_TOO_LONG,
            RequestError::ExpectationFailed => StatusCode::EXPECTATION_FAILED,
            RequestError::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            RequestError::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            RequestError::UnsupportedVersion => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RequestError::Malformed(what) => what,
            RequestError::Truncated => "connection ended within the request",
            RequestError::TimedOut => "request did not arrive in time",
            RequestError::BodyTooLarge => "request body too large",
            RequestError::TargetTooLong => "request target too long",
            RequestError::ExpectationFailed => "unknown expectation",
            RequestError::HeadTooLarge => "request head too large",
            RequestError::NotImplemented => "not implemented",
            RequestError::UnsupportedVersion => "unsupported HTTP version",
        })
    }
}

impl std::error::Error for RequestError {}

impl From<RequestError> for io::Error {
    fn from(error: RequestError) -> io::Error {
        let kind = match error {
            RequestError::Truncated => io::ErrorKind::UnexpectedEof,
            RequestError::TimedOut => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}
