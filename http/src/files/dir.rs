//! The files below a directory as answers.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use greenwood_runtime::offload;
use http::{HeaderValue, StatusCode, header};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::{File, FilePath, listing, media_type, refuse_method};
use crate::handler::Handler;
use crate::log;
use crate::request::Request;
use crate::response::{IntoResponse, Response};
use crate::sys;

const INDEX: &str = "index.html";

/// A directory whose files are answers. See the [module](super) for what these are.
///
/// Only regular files are sent, and only such as lie below the directory: symbolic links are followed as long as they stay there
/// (an absolute one does not), whatever is renamed meanwhile. Files and folders whose names begin with a dot are not to be found.
/// A directory is answered by its `index.html`, or not at all; without a slash at its end, by a redirection to the path that has
/// one.
///
/// As a [`Handler`] it answers with what is at the last parameter of the route, the directory itself if the route has none, and without a
/// route (as a fall-back, or all that a server has) with what is at the path of the request:
///
/// ```no_run
/// use greenwood_http::files::Dir;
/// use greenwood_http::{Router, Server};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let assets = Dir::new("/srv/assets")?;
/// let routes = Router::new()
///     .get("/assets/", assets.clone())
///     .get("/assets/{*path}", assets)
///     .fallback(Dir::new("/srv/pages")?)
///     .build()?;
/// Server::bind("127.0.0.1:8080")?.serve(routes)?;
/// # Ok(())
/// # }
/// ```
///
/// # Who may read what
///
/// Decide by the [`FilePath`], in the handler. A route is no fence: `/assets/%73ecret` is another path to a [`Router`](crate::Router), and the same
/// file. Nor is a `FilePath` on file systems that take several spellings of a name, as those that ignore case.
#[derive(Clone, Debug)]
pub struct Dir {
    root: Arc<Path>,
    hidden: bool,
    listing: bool,
}

enum Found {
    File(File),
    Directory(OwnedFd),
    /// A directory whose path must end with a slash, or its page's links would lead elsewhere.
    SlashMissing,
}

impl Dir {
    /// The directory at `root`, which is looked up again for every request: it can be replaced, by a symbolic link for example. A relative
    /// path counts from where the process is now. Suspends (blocks the OS thread).
    ///
    /// # Errors
    ///
    /// When there is no directory that can be searched.
    pub fn new(root: impl AsRef<Path>) -> io::Result<Dir> {
        let root: Arc<Path> = std::path::absolute(root)?.into();
        let path = root.clone();
        offload(move || sys::open_root(&path, false))?;
        Ok(Dir { root, hidden: false, listing: false })
    }

    /// Sets whether names that begin with a dot are answered. Default: no, as for files that are not there.
    #[must_use]
    pub fn hidden_files(mut self, answered: bool) -> Dir {
        self.hidden = answered;
        self
    }

    /// Sets whether a directory without `index.html` is answered by a page that lists it. Default: no.
    #[must_use]
    pub fn listing(mut self, listing: bool) -> Dir {
        self.listing = listing;
        self
    }

    /// Answers `request` with what is at `path` in the directory. Suspends (blocks the OS thread).
    ///
    /// The path comes from the request, in whole or in part, but the handler decides: it may map one to the other.
    ///
    /// What is not there, or not to be found, is answered by a 404, what the process may not read by a 403. Other errors are logged
    /// and answered by a 500.
    pub fn respond(&self, request: &Request<'_>, path: &FilePath) -> Response {
        if let Some(refused) = refuse_method(request) {
            return refused;
        }
        if path.is_hidden() && !self.hidden {
            return StatusCode::NOT_FOUND.into_response();
        }
        match self.look_up(path, request.path().ends_with('/')) {
            Ok(Found::File(file)) => file.respond(request),
            Ok(Found::Directory(directory)) if self.listing => self.list(directory, path),
            Ok(Found::Directory(_)) => StatusCode::NOT_FOUND.into_response(),
            Ok(Found::SlashMissing) => add_slash(request),
            Err(error) => refuse(&error),
        }
    }

    /// At once if the kernel knows the way by heart, in the pool if it may have to ask a disk.
    fn look_up(&self, path: &FilePath, slash: bool) -> io::Result<Found> {
        match find(&self.root, path, slash, true) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                let (root, path) = (self.root.clone(), path.clone());
                offload(move || find(&root, &path, slash, false))
            }
            found => found,
        }
    }

    fn list(&self, directory: OwnedFd, path: &FilePath) -> Response {
        let (path, hidden) = (path.as_str().to_owned(), self.hidden);
        match offload(move || listing::page(directory, &path, hidden)) {
            Ok(page) => page
                .into_response()
                .with_header(
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("text/html; charset=utf-8"),
                )
                .with_header(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            Err(error) => refuse(&error),
        }
    }
}

/// Suspends (blocks the OS thread).
impl Handler for Dir {
    fn handle(&self, request: &mut Request<'_>) -> Response {
        let raw = match request.route() {
            Some(_) => request.params_raw().last().map_or("", |(_, value)| value),
            None => request.path(),
        };
        match FilePath::decode(raw) {
            Ok(path) => self.respond(request, &path),
            Err(invalid) => invalid.into_response(),
        }
    }
}

/// Opens what is at `path`. With `cached`, `WouldBlock` if that may have to wait.
fn find(root: &Path, path: &FilePath, slash: bool, cached: bool) -> io::Result<Found> {
    let root = sys::open_root(root, cached)?;
    let open = |path: &Path| {
        // What is no regular file must neither make the call wait nor become the process's terminal.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = fs::File::from(sys::open_beneath(root.as_fd(), path, flags, cached)?);
        let metadata = file.metadata()?;
        io::Result::Ok((file, metadata))
    };
    let name = if path.as_str().is_empty() { "." } else { path.as_str() };
    let (file, metadata) = open(Path::new(name))?;
    if metadata.is_file() && !path.ends_with_slash() {
        let media_type = media_type::of(Path::new(name));
        return Ok(Found::File(File::with_metadata(file, &metadata, media_type)));
    }
    if !metadata.is_dir() {
        return Err(io::ErrorKind::NotFound.into());
    }
    if !slash {
        return Ok(Found::SlashMissing);
    }
    let index = Path::new(name).join(INDEX);
    match open(&index) {
        Ok((file, metadata)) if metadata.is_file() => {
            Ok(Found::File(File::with_metadata(file, &metadata, media_type::of(&index))))
        }
        Ok(_) => Ok(Found::Directory(file.into())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Found::Directory(file.into())),
        Err(e) => Err(e),
    }
}

/// A redirection that stays in the directory where the client is: `//host` can't come of it, whatever the path.
fn add_slash(request: &Request<'_>) -> Response {
    let name = request.path().rsplit('/').next().unwrap_or_default();
    let query = request.query().map(|query| format!("?{query}")).unwrap_or_default();
    match HeaderValue::try_from(format!("./{name}/{query}")) {
        Ok(location) => {
            StatusCode::MOVED_PERMANENTLY.into_response().with_header(header::LOCATION, location)
        }
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn refuse(error: &io::Error) -> Response {
    let status = match Errno::from_io_error(error) {
        // Leads nowhere, in circles, or out; or to a socket or device.
        Some(
            Errno::NOENT
            | Errno::NOTDIR
            | Errno::LOOP
            | Errno::NAMETOOLONG
            | Errno::XDEV
            | Errno::NXIO
            | Errno::NODEV,
        ) => StatusCode::NOT_FOUND,
        Some(Errno::ACCESS | Errno::PERM) => StatusCode::FORBIDDEN,
        _ if error.kind() == io::ErrorKind::NotFound => StatusCode::NOT_FOUND,
        _ => {
            log::error("cannot open a file", error);
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    status.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing but the status tells what went wrong.
    #[test]
    fn errors() {
        for (error, status) in [
            (Errno::NOENT, 404),
            (Errno::NOTDIR, 404),
            (Errno::XDEV, 404),
            (Errno::NAMETOOLONG, 404),
            (Errno::ACCESS, 403),
            (Errno::PERM, 403),
            (Errno::IO, 500),
            (Errno::MFILE, 500),
        ] {
            let response = refuse(&error.into());
            assert_eq!(response.status().as_u16(), status, "{error}");
            let text = response.status().canonical_reason().unwrap();
            assert_eq!(response.body.len(), Some(text.len() as u64));
        }
    }
}
