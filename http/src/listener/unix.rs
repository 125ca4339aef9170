//! Unix sockets in the file system: bound over what a dead server left, with its mode, and removed at the end.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::SocketAddrUnix;

use crate::sys;

/// How many connections may wait to be accepted. The kernel cuts it to `net.core.somaxconn` (listen(2)).
const BACKLOG: i32 = 4096;

/// A listening socket at `path`, and its file.
pub(super) fn bind(path: &Path, mode: Option<u32>) -> io::Result<(OwnedFd, SocketFile)> {
    let at = |error| at(path, error);
    if mode.is_some_and(|mode| mode > 0o777) {
        return Err(at(io::Error::new(ErrorKind::InvalidInput, "more than permission bits")));
    }
    let address = SocketAddrUnix::new(path).map_err(|error| match error {
        Errno::NAMETOOLONG => at(io::Error::new(ErrorKind::InvalidInput, "too long for a socket")),
        error => at(error.into()),
    })?;
    let socket = sys::unix_socket()?;
    match rustix::net::bind(&socket, &address) {
        Err(Errno::ADDRINUSE) => {
            remove_stale(path, &address).map_err(at)?;
            rustix::net::bind(&socket, &address).map_err(|error| at(error.into()))?;
        }
        bound => bound.map_err(|error| at(error.into()))?,
    }
    let file = SocketFile::new(path).map_err(at)?;
    if let Some(mode) = mode {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(at)?;
    }
    // Until here nobody could connect.
    rustix::net::listen(&socket, BACKLOG).map_err(|error| at(error.into()))?;
    Ok((socket, file))
}

/// Removes a socket that nobody listens on.
fn remove_stale(path: &Path, address: &SocketAddrUnix) -> io::Result<()> {
    let in_use = |why: String| Err(io::Error::new(ErrorKind::AddrInUse, why));
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        return in_use("exists and is no socket".to_owned());
    }
    let probe = sys::unix_socket()?;
    // A full backlog must not make this wait.
    rustix::io::ioctl_fionbio(&probe, true)?;
    match rustix::net::connect(&probe, address) {
        Err(Errno::CONNREFUSED) => match remove(path, identity(&found)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
        Err(Errno::NOENT) => Ok(()),
        Ok(()) | Err(Errno::AGAIN) => in_use("a server listens there".to_owned()),
        Err(error) => in_use(format!("cannot tell whether a server listens there: {error}")),
    }
}

/// Removes the file at `path` if it is this one.
fn remove(path: &Path, file: Identity) -> io::Result<()> {
    if identity(&fs::symlink_metadata(path)?) == file { fs::remove_file(path) } else { Ok(()) }
}

/// Device and inode.
type Identity = (u64, u64);

fn identity(found: &Metadata) -> Identity {
    (found.dev(), found.ino())
}

fn at(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// The file of a bound socket; dropping it removes the file, unless that has been replaced.
///
/// To be dropped before the socket: who finds the file and nobody listening would remove it too, and then perhaps another
/// server's. And as long as the socket is there, no other file has its inode.
pub(super) struct SocketFile {
    /// Absolute: the working directory may change.
    path: PathBuf,
    identity: Identity,
}

impl SocketFile {
    fn new(path: &Path) -> io::Result<SocketFile> {
        let identity = identity(&fs::symlink_metadata(path)?);
        Ok(SocketFile { path: std::path::absolute(path)?, identity })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Whoever removed it, or its folder, has spared us the work.
        let _ = remove(&self.path, self.identity);
    }
}
