//! Opening a path below a directory where the kernel cannot do it in one call.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

use crate::sys;

/// The most symbolic links on one path, as in the kernel (path_resolution(7)).
const MAX_LINKS: u32 = 40;

/// What `RESOLVE_BENEATH` of openat2(2) does, one segment at a time: symbolic links are read and followed by hand, and `..` goes back to
/// the directory that the path came through. So nothing that others rename meanwhile can lead out of `root`.
///
/// # Errors
///
/// `EXDEV` for a path that leaves `root`, by `..` or an absolute link; those of openat(2).
pub(crate) fn open_by_steps(
    root: BorrowedFd<'_>,
    path: &Path,
    flags: OFlags,
) -> io::Result<OwnedFd> {
    // Open directories, each within the one before it, the first within `root`.
    let mut way: Vec<OwnedFd> = Vec::new();
    // In reverse.
    let mut left = Vec::new();
    push(&mut left, path.as_os_str());
    let mut links = 0;
    while let Some(name) = left.pop() {
        if name == ".." {
            way.pop().ok_or(Errno::XDEV)?;
            continue;
        }
        let here = way.last().map_or(root, |directory| directory.as_fd());
        let last = left.is_empty();
        let how = if last { flags } else { sys::SEARCH | OFlags::CLOEXEC };
        let open = || rustix::fs::openat(here, &name, how | OFlags::NOFOLLOW, Mode::empty());
        match retry_on_intr(open) {
            Ok(fd) if last => return Ok(fd),
            Ok(fd) => way.push(fd),
            // A symbolic link, as systems differ about it, or no directory.
            Err(e @ (Errno::LOOP | Errno::MLINK | Errno::NOTDIR)) => {
                let target = rustix::fs::readlinkat(here, &name, Vec::new()).map_err(|_| e)?;
                links += 1;
                if links > MAX_LINKS {
                    return Err(Errno::LOOP.into());
                }
                if target.as_bytes().starts_with(b"/") {
                    return Err(Errno::XDEV.into());
                }
                push(&mut left, OsStr::from_bytes(target.as_bytes()));
            }
            Err(e) => return Err(e.into()),
        }
    }
    // The path, or a link at its end, ends in `..`.
    let here = way.last().map_or(root, |directory| directory.as_fd());
    Ok(rustix::fs::openat(here, c".", flags, Mode::empty())?)
}

fn push(left: &mut Vec<OsString>, path: &OsStr) {
    let segments = path.as_bytes().split(|&b| b == b'/').rev();
    left.extend(
        segments.filter(|s| !matches!(s, [] | [b'.'])).map(|s| OsStr::from_bytes(s).to_owned()),
    );
}
