//! Waiting for a change of children: by pidfd where one child is to end, otherwise by a thread that watches them.

use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::time::Duration;

use greenwood_runtime::interpose::Call;
use greenwood_runtime::park::{self, Reason, Wake};
use greenwood_runtime::readiness::wait_readable;
use libc::{c_int, id_t, idtype_t, pid_t};

use super::watch;
use crate::glibc::descriptors;

/// Which children, and which changes, as waitid(2) takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Children {
    pub(super) kind: idtype_t,
    pub(super) id: id_t,
    /// Of the options those that choose.
    pub(super) options: c_int,
}

/// Between two questions where nothing tells of a change.
const SLICE: Duration = Duration::from_millis(5);

impl Children {
    pub(super) fn of_id(kind: idtype_t, id: id_t, options: c_int) -> Children {
        Children { kind, id, options: options & !(libc::WNOHANG | libc::WNOWAIT) }
    }

    /// As waitpid(2) takes them.
    pub(super) fn of_pid(pid: pid_t, options: c_int) -> Children {
        let (kind, id) = match pid {
            -1 => (libc::P_ALL, 0),
            // SAFETY: cannot fail.
            0 => (libc::P_PGID, unsafe { libc::getpgrp() } as id_t),
            1.. => (libc::P_PID, pid as id_t),
            group => (libc::P_PGID, group.unsigned_abs()),
        };
        Children::of_id(kind, id, options | libc::WEXITED)
    }

    /// Whether a change can only be the end of one process.
    fn is_end_of_one(self) -> bool {
        matches!(self.kind, libc::P_PID | libc::P_PIDFD)
            && self.options & (libc::WSTOPPED | libc::WCONTINUED) == 0
    }
}

/// The waits of one call.
pub(super) struct Waits {
    children: Children,
    /// The process has ended, and yet the call does not return it: a debugger that has it in hand takes it first.
    is_held_back: bool,
}

impl Waits {
    pub(super) fn new(children: Children) -> Waits {
        Waits { children, is_held_back: false }
    }

    /// Waits until there may have been a change.
    ///
    /// # Errors
    /// If the caller is interrupted.
    pub(super) fn wait(&mut self, call: &Call) -> io::Result<()> {
        // Children of other threads do not count, so no other thread can watch them.
        if self.children.options & libc::__WNOTHREAD != 0 {
            return pause(call);
        }
        if self.children.is_end_of_one() && !self.is_held_back {
            match self.wait_for_end() {
                Err(error) if !is_interruption(&error) => {}
                result => {
                    self.is_held_back = true;
                    return result;
                }
            }
        }
        watch::wait(call, self.children)
    }

    fn wait_for_end(&self) -> io::Result<()> {
        if self.children.kind == libc::P_PIDFD {
            return wait_readable(descriptors::borrow(self.children.id as c_int)?, None);
        }
        // SAFETY: takes numbers, returns one.
        let process = match unsafe { libc::syscall(libc::SYS_pidfd_open, self.children.id, 0) } {
            // Somebody else has had it: the call will say so.
            -1 if io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH) => return Ok(()),
            -1 => return Err(io::Error::last_os_error()),
            // SAFETY: just made, and nobody else's.
            fd => unsafe { OwnedFd::from_raw_fd(fd as c_int) },
        };
        wait_readable(process.as_fd(), None)
    }
}

fn is_interruption(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ECANCELED | libc::ETIMEDOUT))
}

/// Waits a little.
pub(super) fn pause(_: &Call) -> io::Result<()> {
    let end = greenwood_runtime::now() + SLICE;
    match park::park(&Reason("child process"), Some(end)) {
        Wake::Interrupted(interruption) => Err(interruption.into()),
        _ => Ok(()),
    }
}
