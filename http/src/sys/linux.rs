//! Linux.

use std::io::{self, IoSliceMut};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, ReadWriteFlags, retry_on_intr};
use rustix::net::SendFlags;

/// A peer that has gone is an error and no signal. std ignores SIGPIPE in `main`, but a program may restore it.
pub(crate) const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;

/// Connections start with the option as their listener has it.
pub(crate) const NODELAY_IS_INHERITED: bool = true;

/// More follows at once: an incomplete last packet may wait for it.
pub(crate) const MORE: SendFlags = SendFlags::MORE;

/// Opens a directory only to search it, for which nobody needs permission to read it.
pub(crate) const SEARCH: OFlags = OFlags::PATH.union(OFlags::DIRECTORY);

/// sendfile(2): the kernel hands pages of the file to the socket, which decides whether the call waits. It waits for the disk in any
/// case if they are not in memory.
pub(crate) fn send_file(
    socket: BorrowedFd<'_>,
    file: BorrowedFd<'_>,
    mut offset: u64,
    len: usize,
) -> io::Result<usize> {
    match rustix::fs::sendfile(socket, file, Some(&mut offset), len) {
        Ok(n) => Ok(n),
        Err(Errno::WOULDBLOCK) => Err(io::ErrorKind::WouldBlock.into()),
        // A file system or a kind of socket that cannot do it, or a disk that fails: reading will say so again.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::IO) => {
            Err(io::ErrorKind::Unsupported.into())
        }
        Err(e) => Err(e.into()),
    }
}

/// Reads as far as that needs no disk (`RWF_NOWAIT` of preadv2(2)).
///
/// # Errors
///
/// `WouldBlock` if it does at once; `EOPNOTSUPP` from file systems that can't tell, among them those in memory alone, like tmpfs.
pub(crate) fn read_cached(file: BorrowedFd<'_>, into: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut into = [IoSliceMut::new(into)];
    Ok(rustix::io::preadv2(file, &mut into, offset, ReadWriteFlags::NOWAIT)?)
}

/// Opens `path` below `root` by openat2(2), which knows how to stay below whatever symbolic links and other processes do.
///
/// # Errors
///
/// Those of the call: `EXDEV` for a path that leaves `root`, by `..` or an absolute link. With `cached` also `WouldBlock`, when the answer
/// is not in the kernel's memory already.
pub(crate) fn open_beneath(
    root: BorrowedFd<'_>,
    path: &Path,
    flags: OFlags,
    cached: bool,
) -> io::Result<OwnedFd> {
    let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    resolve.set(ResolveFlags::CACHED, cached);
    let open = || rustix::fs::openat2(root, path, flags, Mode::empty(), resolve);
    match retry_on_intr(open) {
        Ok(fd) => Ok(fd),
        // Linux before 5.12 does not know `CACHED` and before 5.6 not the call; filters of containers forbid what they do not know.
        Err(Errno::AGAIN | Errno::INVAL | Errno::NOSYS | Errno::PERM) if cached => {
            Err(io::ErrorKind::WouldBlock.into())
        }
        // Again: something is being renamed just now.
        Err(Errno::AGAIN | Errno::NOSYS | Errno::PERM) => {
            crate::files::open_beneath_by_steps(root, path, flags)
        }
        Err(e) => Err(e.into()),
    }
}

/// Opens a directory that paths are to stay below. `cached` as for `open_beneath`.
pub(crate) fn open_root(path: &Path, cached: bool) -> io::Result<OwnedFd> {
    let flags = SEARCH | OFlags::CLOEXEC;
    if !cached {
        return Ok(retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?);
    }
    let resolve = ResolveFlags::CACHED;
    rustix::fs::openat2(rustix::fs::CWD, path, flags, Mode::empty(), resolve)
        .map_err(|_| io::ErrorKind::WouldBlock.into())
}

/// Whether the connection is broken or ended, or with `half` whether the peer has ended its half of it, whatever is still to be read
/// before that end (`POLLRDHUP` of poll(2)).
pub(crate) fn has_ended(socket: BorrowedFd<'_>, half: bool) -> bool {
    let events = if half { PollFlags::RDHUP } else { PollFlags::empty() };
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let poll =
        || rustix::event::poll(&mut [PollFd::from_borrowed_fd(socket, events)], Some(&at_once));
    retry_on_intr(poll).is_ok_and(|n| n > 0)
}

/// The time of day, as of the kernel's latest tick: asked for once an answer, which a clock without arithmetic should not be.
#[inline]
pub(crate) fn seconds_since_epoch() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    u64::try_from(now.tv_sec).unwrap_or(0)
}
