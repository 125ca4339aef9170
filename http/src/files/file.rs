//! One file as an answer.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use greenwood_runtime::try_offload;
use http::{HeaderValue, StatusCode, header};
use rustix::fs::{Mode, OFlags};
use rustix::io::retry_on_intr;

use super::conditions::{self, Outcome};
use super::range::{self, Selection};
use super::validators::{State, Validators};
use super::{media_type, multipart, refuse_method};
use crate::request::Request;
use crate::response::{Content, FileBody, IntoResponse, Part, Response, ResponseBody};

/// An open file, to be an answer. See the [module](super) for what that is.
///
/// ```no_run
/// use std::io;
/// use greenwood_http::files::File;
/// use greenwood_http::{Request, Response};
///
/// fn manual(request: &mut Request<'_>) -> io::Result<Response> {
///     Ok(File::open("/usr/share/doc/manual.pdf")?.respond(request))
/// }
/// ```
#[derive(Debug)]
pub struct File {
    file: fs::File,
    state: State,
    media_type: HeaderValue,
}

impl File {
    /// Opens a regular file. Its content type follows from its name. Suspends (blocks the OS thread).
    ///
    /// The path is the program's own: what a client asks for is opened by a [`Dir`](super::Dir).
    ///
    /// # Errors
    ///
    /// Those of [`std::fs::File::open`]; `InvalidInput` for what is no regular file; `ECANCELED` if the coroutine is cancelled.
    pub fn open(path: impl AsRef<Path>) -> io::Result<File> {
        let path = path.as_ref().to_owned();
        try_offload(move || {
            // Opening a FIFO would wait for somebody who writes to it.
            let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
            let file = retry_on_intr(|| rustix::fs::open(&path, flags, Mode::empty()))?;
            File::new(file.into(), media_type::of(&path))
        })?
    }

    /// A file that was opened elsewhere, with `application/octet-stream` as its content type. Suspends (blocks the OS thread).
    ///
    /// It is sent from its begin, wherever its cursor is, and must be open for reading.
    ///
    /// # Errors
    ///
    /// Those of [`std::fs::File::metadata`]; `InvalidInput` for what is no regular file; `ECANCELED` if the coroutine is cancelled.
    pub fn from_std(file: fs::File) -> io::Result<File> {
        try_offload(move || File::new(file, HeaderValue::from_static("application/octet-stream")))?
    }

    fn new(file: fs::File, media_type: HeaderValue) -> io::Result<File> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(File::with_metadata(file, &metadata, media_type))
    }

    /// What is known already need not be asked for. `metadata` must be that of a regular file.
    pub(super) fn with_metadata(
        file: fs::File,
        metadata: &Metadata,
        media_type: HeaderValue,
    ) -> File {
        File { file, state: State::of(metadata), media_type }
    }

    /// Sets the content type.
    #[must_use]
    pub fn with_content_type(mut self, content_type: HeaderValue) -> File {
        self.media_type = content_type;
        self
    }

    /// Its length in bytes, when it was opened: so many are sent.
    pub fn len(&self) -> u64 {
        self.state.length
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Answers `request` with the file, parts of it, or what its conditions make of it. Does not suspend: the file is read while it
    /// is sent.
    pub fn respond(self, request: &Request<'_>) -> Response {
        if let Some(refused) = refuse_method(request) {
            return refused;
        }
        let fields = request.headers();
        let validators = Validators::new(&self.state, SystemTime::now());
        match conditions::evaluate(request.method(), fields, &validators) {
            Outcome::Whole => self.whole(&validators),
            Outcome::Ranged => {
                let mut values = fields.get_all(header::RANGE.as_str());
                match (values.next(), values.next()) {
                    (Some(value), None) => self.ranged(value, &validators),
                    // More than one cannot be joined.
                    _ => self.whole(&validators),
                }
            }
            Outcome::NotModified => {
                let response = Response::new(StatusCode::NOT_MODIFIED);
                response.with_added_header(header::ETAG, validators.etag())
            }
            Outcome::Failed => StatusCode::PRECONDITION_FAILED.into_response(),
        }
    }

    fn ranged(self, value: &[u8], validators: &Validators) -> Response {
        let length = self.len();
        match range::parse(value, length) {
            Selection::Whole => self.whole(validators),
            Selection::Unsatisfiable => StatusCode::RANGE_NOT_SATISFIABLE
                .into_response()
                .with_header(header::CONTENT_RANGE, ascii(format!("bytes */{length}"))),
            Selection::Ranges(mut ranges) if ranges.len() == 1 => {
                let range = ranges.remove(0);
                let content_range = ascii(multipart::content_range(&range, length));
                let parts = vec![Part { head: Vec::new(), range }];
                let body = FileBody { file: Arc::new(self.file), parts, tail: Vec::new() };
                respond(StatusCode::PARTIAL_CONTENT, body, self.media_type, validators)
                    .with_added_header(header::CONTENT_RANGE, content_range)
            }
            Selection::Ranges(ranges) => {
                let file = Arc::new(self.file);
                let (body, media_type) = multipart::body(file, ranges, length, &self.media_type);
                respond(StatusCode::PARTIAL_CONTENT, body, media_type, validators)
            }
        }
    }

    fn whole(self, validators: &Validators) -> Response {
        let parts = vec![Part { head: Vec::new(), range: 0..self.len() }];
        let body = FileBody { file: Arc::new(self.file), parts, tail: Vec::new() };
        respond(StatusCode::OK, body, self.media_type, validators)
    }
}

fn respond(
    status: StatusCode,
    body: FileBody,
    media_type: HeaderValue,
    validators: &Validators,
) -> Response {
    let mut response = Response::new(status)
        .with_added_header(header::CONTENT_TYPE, media_type)
        .with_added_header(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
        .with_added_header(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"))
        .with_added_header(header::ETAG, validators.etag());
    if let Some(date) = validators.last_modified() {
        response = response.with_added_header(header::LAST_MODIFIED, date);
    }
    response.with_body(ResponseBody(Content::File(Box::new(body))))
}

fn ascii(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("ASCII without control characters")
}
