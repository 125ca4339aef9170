//! Files as answers: one that is known, or what a client asks for below a directory.
//!
//! [`File`] answers with one file, [`Dir`] with those of a folder. Both are called by a handler, so whatever that
//! wants to check (who asks, for what) stands before it in plain code:
//!
//! ```
//! use greenwood_http::files::{Dir, FilePath};
//! use greenwood_http::http::StatusCode;
//! use greenwood_http::{IntoResponse, Request, Response};
//!
//! fn download(dir: &Dir, request: &Request<'_>) -> Response {
//!     let Ok(path) = FilePath::decode(request.path()) else {
//!         return StatusCode::NOT_FOUND.into_response();
//!     };
//!     if path.starts_with("private") && !is_allowed(request) {
//!         return StatusCode::FORBIDDEN.into_response();
//!     }
//!     dir.respond(request, &path)
//! }
//! # fn is_allowed(_: &Request<'_>) -> bool { false }
//! ```
//!
//! # What is answered
//!
//! - GET and HEAD; other methods get a 405 with `Allow`.
//! - `If-Match`, `If-Unmodified-Since`, `If-None-Match`, `If-Modified-Since` and `If-Range`, by the precedence of RFC 9110 section
//!   13.2, against an `ETag` and `Last-Modified`.
//! - `Range`, in GET alone: one range as 206, several as `multipart/byteranges` (RFC 9110 sections 14 and 15.3.7). More than 16 ranges
//!   and what is no valid `Range` are ignored, overlapping ranges merged, so that no answer is longer than the file and some
//!   heads.
//! - `Content-Type` by the name's extension, text as UTF-8, with `X-Content-Type-Options: nosniff`.
//!
//! # The entity tag
//!
//! It is made of inode, length and the time of the last change as the kernel keeps it (`st_ctime`, which nobody can set back). It changes
//! whenever a byte does, and so is strong (RFC 9110 section 8.8.1), with one exception: two changes within one tick of
//! the file system's clock look like one. A file that was changed less than two seconds ago has a weak tag therefore, by which no client
//! resumes a download. Servers that share their load have different tags for copies of a file.
//!
//! # A file that changes meanwhile
//!
//! What is sent is the open file, exactly as long as was announced. When it has become shorter, that is logged and the connection
//! breaks off (or, as long as nothing was sent, the answer is a 500); when it has grown, what is new is not sent. Bytes that are overwritten in place can arrive as a mixture of old and
//! new ones. So replace files by renaming a new one into place.
//!
//! # What waits for the disk
//!
//! Looking a file up, and reading what is not in the page cache, happens on the pool of [`offload`](greenwood_runtime::offload). What
//! is in the cache is looked up and sent without a detour, long parts by sendfile(2). That is asked piece by piece, at both ends of each: only
//! what is thrown out just then, or missing in the middle, can hold a worker up.

mod beneath;
#[cfg(test)]
mod beneath_tests;
mod conditions;
mod dir;
mod entity_tag;
mod file;
mod listing;
mod media_type;
mod multipart;
mod path;
pub(crate) mod range;
mod validators;

pub(crate) use beneath::open_by_steps as open_beneath_by_steps;
pub use dir::Dir;
pub use file::File;
pub use path::{FilePath, InvalidPath};

use http::{HeaderValue, Method, StatusCode, header};

use crate::request::Request;
use crate::response::{IntoResponse, Response};

/// The answer to methods that files don't have.
fn refuse_method(request: &Request<'_>) -> Option<Response> {
    let allowed = matches!(*request.method(), Method::GET | Method::HEAD);
    (!allowed).then(|| {
        let allow = HeaderValue::from_static("GET, HEAD");
        StatusCode::METHOD_NOT_ALLOWED.into_response().with_header(header::ALLOW, allow)
    })
}
