//! Systems without what Linux has.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{RecvFlags, SendFlags};

/// std sets `SO_NOSIGPIPE` on the sockets that it makes where the flag is missing.
pub(crate) const NO_SIGNAL: SendFlags = SendFlags::empty();

pub(crate) const NODELAY_IS_INHERITED: bool = false;

pub(crate) const MORE: SendFlags = SendFlags::empty();

pub(crate) const SEARCH: OFlags = OFlags::DIRECTORY;

/// Every system has another sendfile(2).
pub(crate) fn send_file(
    _socket: BorrowedFd<'_>,
    _file: BorrowedFd<'_>,
    _offset: u64,
    _len: usize,
) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Nobody tells.
pub(crate) fn read_cached(
    _file: BorrowedFd<'_>,
    _into: &mut [u8],
    _offset: u64,
) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Opens `path` below `root`. With `cached` that is not even tried.
pub(crate) fn open_beneath(
    root: BorrowedFd<'_>,
    path: &Path,
    flags: OFlags,
    cached: bool,
) -> io::Result<OwnedFd> {
    if cached {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    crate::files::open_beneath_by_steps(root, path, flags)
}

pub(crate) fn open_root(path: &Path, cached: bool) -> io::Result<OwnedFd> {
    if cached {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    Ok(rustix::fs::open(path, SEARCH | OFlags::CLOEXEC, Mode::empty())?)
}

/// Whether the connection is broken or ended, or with `half` whether the peer has ended its half of it: not seen behind bytes that
/// are still to be read.
pub(crate) fn has_ended(socket: BorrowedFd<'_>, half: bool) -> bool {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut polled = [PollFd::from_borrowed_fd(socket, PollFlags::empty())];
    if retry_on_intr(|| rustix::event::poll(&mut polled, Some(&at_once))).is_ok_and(|n| n > 0) {
        return true;
    }
    let peek = || rustix::net::recv(socket, &mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT);
    half && match retry_on_intr(peek) {
        Ok((n, _)) => n == 0,
        Err(error) => error != Errno::WOULDBLOCK,
    }
}

/// The time of day.
pub(crate) fn seconds_since_epoch() -> u64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}
