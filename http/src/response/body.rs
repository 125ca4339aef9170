//! The body of an answer.

use std::fmt;
use std::io::{self, Read};

use super::{BodyWriter, FileBody};
use crate::upgrade::Upgraded;

/// The body of an answer: bytes, or something that makes them while they are sent.
pub struct ResponseBody(pub(crate) Content);

type Producer = Box<dyn FnOnce(&mut BodyWriter<'_>) -> io::Result<()> + Send>;

pub(crate) enum Content {
    Static(&'static [u8]),
    Owned(Vec<u8>),
    Reader {
        reader: Box<dyn Read + Send>,
        length: Option<u64>,
    },
    Writer {
        produce: Producer,
        length: Option<u64>,
    },
    File(Box<FileBody>),
    /// No body: after the head the connection is somebody else's.
    Upgrade(Box<dyn FnOnce(Upgraded) + Send>),
}

impl ResponseBody {
    /// No bytes.
    pub const fn empty() -> ResponseBody {
        ResponseBody(Content::Static(b""))
    }

    /// Everything that `reader` yields, sent as it comes: chunked in HTTP/1.1, up to the end of the
    /// connection in HTTP/1.0.
    ///
    /// The reader is called on the connection's coroutine after the handler has returned, when the head is on its way. When it
    /// fails, or panics, the connection breaks off, so that the client sees the answer as incomplete.
    pub fn from_reader(reader: impl Read + Send + 'static) -> ResponseBody {
        ResponseBody(Content::Reader { reader: Box::new(reader), length: None })
    }

    /// The first `length` bytes that `reader` yields, with that as `Content-Length`. When there are
    /// fewer, the connection breaks off.
    pub fn from_sized_reader(reader: impl Read + Send + 'static, length: u64) -> ResponseBody {
        ResponseBody(Content::Reader { reader: Box::new(reader), length: Some(length) })
    }

    /// Everything that `produce` writes: chunked in HTTP/1.1, up to the end of the connection in
    /// HTTP/1.0.
    ///
    /// `produce` is called on the connection's coroutine after the handler has returned, and not at
    /// all for a HEAD request. When it returns an error, or panics, the connection breaks off, so that the
    /// client sees the answer as incomplete; or if nothing of it was sent by then, the answer is a 500. Writes gather in a buffer; see
    /// [`BodyWriter`].
    ///
    /// ```
    /// use std::io::Write;
    /// use greenwood_http::{Request, ResponseBody};
    ///
    /// fn numbers(_: &mut Request<'_>) -> ResponseBody {
    ///     ResponseBody::from_writer(|out| (0..1000).try_for_each(|n| writeln!(out, "{n}")))
    /// }
    /// ```
    pub fn from_writer<F>(produce: F) -> ResponseBody
    where
        F: FnOnce(&mut BodyWriter<'_>) -> io::Result<()> + Send + 'static,
    {
        ResponseBody(Content::Writer { produce: Box::new(produce), length: None })
    }

    /// [`from_writer`](ResponseBody::from_writer) with `length` as `Content-Length`. Writes beyond it fail;
    /// when there is less, that is an error too.
    pub fn from_sized_writer<F>(produce: F, length: u64) -> ResponseBody
    where
        F: FnOnce(&mut BodyWriter<'_>) -> io::Result<()> + Send + 'static,
    {
        ResponseBody(Content::Writer { produce: Box::new(produce), length: Some(length) })
    }

    /// Its length in bytes, if that is known beforehand.
    pub(crate) fn len(&self) -> Option<u64> {
        match &self.0 {
            Content::Static(bytes) => Some(bytes.len() as u64),
            Content::Owned(bytes) => Some(bytes.len() as u64),
            Content::Reader { length, .. } | Content::Writer { length, .. } => *length,
            Content::File(body) => Some(body.len()),
            Content::Upgrade(_) => Some(0),
        }
    }
}

impl From<&'static str> for ResponseBody {
    fn from(text: &'static str) -> ResponseBody {
        ResponseBody(Content::Static(text.as_bytes()))
    }
}

impl From<String> for ResponseBody {
    fn from(text: String) -> ResponseBody {
        ResponseBody(Content::Owned(text.into_bytes()))
    }
}

impl From<&'static [u8]> for ResponseBody {
    fn from(bytes: &'static [u8]) -> ResponseBody {
        ResponseBody(Content::Static(bytes))
    }
}

impl From<Vec<u8>> for ResponseBody {
    fn from(bytes: Vec<u8>) -> ResponseBody {
        ResponseBody(Content::Owned(bytes))
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").field("length", &self.len()).finish_non_exhaustive()
    }
}
