//! Waiting for any descriptors, once.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Interest, Registered};
use crate::cancel;
use crate::context::{self, Current};
use crate::interpose::directly;
use crate::park::{self, Reason, Unparker, Wake};

/// Waits until `fd` can be read, or is at its end, or has an error. For descriptors of other libraries; sockets of this
/// project wait by themselves.
///
/// Suspends the calling coroutine; on an OS thread, blocks in `poll(2)`. Level-triggered: returns at once if `fd` is ready.
/// What always can be read, like a regular file, is always ready. The descriptor must stay open meanwhile: one that is closed by other
/// means than its owner here is not noticed.
///
/// # Errors
/// `WouldBlock` when `timeout` has passed, `ECANCELED` if the coroutine was cancelled, `ETIMEDOUT` if the time of a
/// [`timeout`](crate::timeout) around the call is over, `EBADF` for a number that is no open descriptor.
pub fn wait_readable(fd: BorrowedFd<'_>, timeout: Option<Duration>) -> io::Result<()> {
    wait_any(&[(fd, Interest::Read)], timeout).map(drop)
}

/// Waits until `fd` can be written, or has an error. Otherwise as [`wait_readable`].
///
/// # Errors
/// As for [`wait_readable`].
pub fn wait_writable(fd: BorrowedFd<'_>, timeout: Option<Duration>) -> io::Result<()> {
    wait_any(&[(fd, Interest::Write)], timeout).map(drop)
}

/// Waits until one of several descriptors is ready and returns its index. Otherwise as [`wait_readable`].
///
/// # Errors
/// As for [`wait_readable`]; `InvalidInput` if `fds` is empty and there is no time-out, as that would wait for ever.
pub fn wait_any(
    fds: &[(BorrowedFd<'_>, Interest)],
    timeout: Option<Duration>,
) -> io::Result<usize> {
    if fds.is_empty() && timeout.is_none() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "no descriptor and no time-out to wait for",
        ));
    }
    // Also what keeps this level-triggered, and descriptors that a reactor refuses out of it.
    match poll(fds, Some(crate::now())) {
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
        ready => return ready,
    }
    let deadline = timeout.and_then(|t| crate::now().checked_add(t));
    match context::switchable() {
        Some(cx) => wait_on_coroutine(cx, fds, deadline),
        None => block(fds, deadline),
    }
}

fn wait_on_coroutine(
    cx: Current,
    fds: &[(BorrowedFd<'_>, Interest)],
    deadline: Option<Instant>,
) -> io::Result<usize> {
    let temporaries =
        fds.iter().map(|(fd, _)| Temporary::new(*fd, cx)).collect::<io::Result<Vec<_>>>()?;
    let me = park::unparker();
    for (temporary, (_, interest)) in temporaries.iter().zip(fds) {
        temporary.registered.direction(*interest).add_waiter(&me);
    }
    loop {
        let ready = |(t, (_, i)): (&Temporary<'_>, &(_, Interest))| {
            t.registered.direction(*i).seen().is_ready()
        };
        if let Some(index) = temporaries.iter().zip(fds).position(ready) {
            return Ok(index);
        }
        match park::park(&Reason("readiness"), deadline) {
            Wake::Unparked => {}
            Wake::TimedOut => return Err(io::ErrorKind::WouldBlock.into()),
            Wake::Interrupted(interruption) => return Err(interruption.into()),
        }
    }
}

/// A registration for one wait.
pub(crate) struct Temporary<'a> {
    fd: BorrowedFd<'a>,
    registered: Arc<Registered>,
}

impl<'a> Temporary<'a> {
    fn new(fd: BorrowedFd<'a>, cx: Current) -> io::Result<Temporary<'a>> {
        let this = Temporary { fd, registered: Arc::new(Registered::new_pending()) };
        this.registered.bind(fd.as_raw_fd(), cx)?;
        Ok(this)
    }
}

/// Whether `fd` is ready now.
pub(crate) fn is_ready(fd: BorrowedFd<'_>, interest: Interest) -> io::Result<bool> {
    match poll(&[(fd, interest)], Some(crate::now())) {
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(false),
        ready => ready.map(|_| true),
    }
}

/// Has `unparker` woken, once, when `fd` becomes ready, until the registration goes.
pub(crate) fn watch<'a>(
    fd: BorrowedFd<'a>,
    interest: Interest,
    cx: Current,
    unparker: &Unparker,
) -> io::Result<Temporary<'a>> {
    let temporary = Temporary::new(fd, cx)?;
    temporary.registered.direction(interest).add_waiter(unparker);
    Ok(temporary)
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        self.registered.unbind(self.fd.as_raw_fd());
    }
}

/// [`poll`] within the time-outs around the caller.
pub(super) fn block(
    fds: &[(BorrowedFd<'_>, Interest)],
    deadline: Option<Instant>,
) -> io::Result<usize> {
    let now = crate::now;
    let error = |interrupt: cancel::Interrupt| interrupt.report().into();
    if let Some(interrupt) = cancel::pending_on_thread(|at| at <= now()) {
        return Err(error(interrupt));
    }
    let Some(first) = park::earlier(deadline, cancel::deadline_around()) else {
        return poll(fds, None);
    };
    match poll(fds, Some(first)) {
        // `first` has passed, whatever a paused clock says. The caller's own deadline comes before what is around.
        Err(e) if e.kind() == io::ErrorKind::WouldBlock && deadline != Some(first) => {
            Err(cancel::pending_on_thread(|at| at <= first).map_or(e, error))
        }
        result => result,
    }
}

/// Blocks the OS thread until one of the descriptors is ready or the deadline has passed (`WouldBlock`).
pub(super) fn poll(
    fds: &[(BorrowedFd<'_>, Interest)],
    deadline: Option<Instant>,
) -> io::Result<usize> {
    let entry = |(fd, interest): &(BorrowedFd<'_>, Interest)| libc::pollfd {
        fd: fd.as_raw_fd(),
        events: match interest {
            Interest::Read => libc::POLLIN,
            Interest::Write => libc::POLLOUT,
        },
        revents: 0,
    };
    // One is what every read and write waits for: it should not take an allocation.
    let (mut one, mut several);
    let polled: &mut [libc::pollfd] = if let [only] = fds {
        one = entry(only);
        std::slice::from_mut(&mut one)
    } else {
        several = fds.iter().map(entry).collect::<Vec<_>>();
        &mut several
    };
    loop {
        let left = deadline.map(|d| d.saturating_duration_since(crate::now()));
        // Rounded up to whole milliseconds; a longer wait than an `i32` can tell is taken in several.
        let timeout = left
            .map_or(-1, |l| l.as_nanos().div_ceil(1_000_000).min(i32::MAX as u128) as libc::c_int);
        // SAFETY: the array lives over the call, and its length is passed.
        let poll =
            || unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, timeout) };
        match directly(poll) {
            -1 => {
                let e = io::Error::last_os_error();
                if e.kind() != io::ErrorKind::Interrupted {
                    return Err(e);
                }
            }
            0 if left.is_some_and(|l| l.as_nanos() <= timeout as u128 * 1_000_000) => {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            0 => {}
            _ => {
                let Some(index) = polled.iter().position(|p| p.revents != 0) else { continue };
                if polled[index].revents & libc::POLLNVAL != 0 {
                    return Err(io::Error::from_raw_os_error(libc::EBADF));
                }
                return Ok(index);
            }
        }
    }
}
