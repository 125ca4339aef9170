//! How a file blocks: what the user set, asked of the kernel and remembered until somebody sets it anew.
//!
//! `O_NONBLOCK` and the time-outs belong to the file, which several numbers may stand for. So whoever changes them, by whatever number, moves on a
//! count that all files with the same hash share; what was remembered under another count is asked again.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use greenwood_runtime::interpose::Lock;
use greenwood_runtime::readiness::{Interest, Mode};
use libc::c_int;

use super::kind::{option, stat};

const COUNTS: usize = 256;

static CHANGES: [AtomicU64; COUNTS] = [const { AtomicU64::new(0) }; COUNTS];

fn changes(inode: libc::ino_t) -> &'static AtomicU64 {
    &CHANGES[inode as usize % COUNTS]
}

/// Somebody has changed how the file of `fd` blocks.
pub(crate) fn has_changed(fd: c_int) {
    if let Ok(stat) = stat(fd) {
        changes(stat.st_ino).fetch_add(1, Ordering::SeqCst);
    }
}

/// The modes of one socket, for both directions. Each with the count that it was asked under.
#[derive(Default)]
pub(super) struct Remembered([Lock<Option<(u64, Mode)>>; 2]);

impl Remembered {
    pub(super) fn mode(
        &self,
        fd: c_int,
        inode: libc::ino_t,
        interest: Interest,
    ) -> io::Result<Mode> {
        // Before the kernel is asked: a change that this misses has moved the count on by the next look.
        let now = changes(inode).load(Ordering::SeqCst);
        let place = &self.0[interest as usize];
        if let Some((then, mode)) = *place.lock()
            && then == now
        {
            return Ok(mode);
        }
        let mode = ask(fd, interest)?;
        *place.lock() = Some((now, mode));
        Ok(mode)
    }
}

/// How `fd` blocks, as the kernel has it now.
pub(super) fn ask(fd: c_int, interest: Interest) -> io::Result<Mode> {
    if is_nonblocking(fd)? {
        Ok(Mode::NonBlocking)
    } else {
        Ok(Mode::Blocking(timeout(fd, interest)))
    }
}

pub(crate) fn is_nonblocking(fd: c_int) -> io::Result<bool> {
    // SAFETY: takes numbers, returns one.
    match unsafe { libc::fcntl(fd, libc::F_GETFL) } {
        -1 => Err(io::Error::last_os_error()),
        flags => Ok(flags & libc::O_NONBLOCK != 0),
    }
}

/// A socket's time-out for one direction, if it has one.
fn timeout(fd: c_int, interest: Interest) -> Option<Duration> {
    let name = match interest {
        Interest::Read => libc::SO_RCVTIMEO,
        Interest::Write => libc::SO_SNDTIMEO,
    };
    // A `timeval` is two of these here. What is no socket has none.
    let [seconds, micros] = option::<[i64; 2]>(fd, libc::SOL_SOCKET, name).ok()?;
    let timeout = Duration::new(seconds.try_into().ok()?, u32::try_from(micros).ok()? * 1000);
    (!timeout.is_zero()).then_some(timeout)
}
