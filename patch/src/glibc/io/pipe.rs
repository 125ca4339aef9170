//! Pipes, terminals, eventfds and the like: what can be polled and is no socket. Calls that do not wait although the file blocks, for
//! `O_NONBLOCK` would be seen by the process at the other end.

use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use greenwood_runtime::interpose::Call;
use greenwood_runtime::readiness::{Interest, Mode};
use libc::{c_int, iovec, ssize_t};

use super::read::readv;
use super::transfer::{polled, send_all, transfer_within};
use super::write::{write, writev};
use crate::glibc::descriptors::{self, Kind, is_nonblocking, stat};
use crate::glibc::vectors;

/// Whether to do without `RWF_NOWAIT` on pipes.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// Forces the path that only old systems take, to be tested: `GREENWOOD_FALLBACK=pipes`.
pub(crate) fn choose() {
    if std::env::var("GREENWOOD_FALLBACK").is_ok_and(|list| list.split(',').any(|f| f == "pipes")) {
        REFUSED.store(true, Ordering::Relaxed);
    }
}

/// Reads from a pipe, or whatever else can be polled. `plain` is the call as the caller made it.
///
/// # Safety
/// As for readv(2).
pub(super) unsafe fn read(
    call: &Call,
    (fd, kind): (c_int, Kind),
    iov: *const iovec,
    count: c_int,
    len: usize,
    plain: impl Fn() -> ssize_t,
) -> io::Result<usize> {
    if kind != Kind::Pipe && never_waits(fd, len) {
        return vectors::result(plain());
    }
    // SAFETY: the caller's promise.
    let blocking = || unsafe { readv::next(fd, iov, count) };
    // SAFETY: as above.
    let op = || unsafe { attempt(libc::SYS_preadv2, fd, iov, count, libc::POLLIN, blocking) };
    // Asked for with the first wait: a terminal may be set to return nothing after a while.
    let mut patience = None;
    let limit = |mode| match mode {
        Mode::Blocking(None) => {
            Mode::Blocking(*patience.insert(terminal_patience(fd).filter(|_| kind != Kind::Pipe)))
        }
        mode => mode,
    };
    match transfer_within(call, fd, Interest::Read, limit, op, |_| false) {
        // Not every file says EAGAIN: a terminal may be set to say that there is nothing.
        Err(error)
            if error.kind() == io::ErrorKind::WouldBlock
                && kind != Kind::Pipe
                && is_nonblocking(fd)? =>
        {
            vectors::result(plain())
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock && patience.flatten().is_some() => {
            Ok(0)
        }
        // No file that epoll takes: it waits as it always did.
        Err(error) if error.raw_os_error() == Some(libc::EPERM) && kind != Kind::Pipe => {
            vectors::result(plain())
        }
        result => result,
    }
}

/// Writes to a pipe, or whatever else can be polled. `plain` is the call as the caller made it.
///
/// # Safety
/// As for writev(2).
pub(super) unsafe fn write(
    call: &Call,
    (fd, kind): (c_int, Kind),
    iov: *const iovec,
    count: c_int,
    len: usize,
    plain: impl Fn() -> ssize_t,
) -> io::Result<usize> {
    if kind != Kind::Pipe && never_waits(fd, len) {
        return vectors::result(plain());
    }
    let op = |done: usize| {
        let attempt = |iov: *const iovec, count| {
            let blocking = || {
                // With room for this much a pipe does not wait, and takes it in one piece.
                if len - done <= libc::PIPE_BUF || kind != Kind::Pipe {
                    // SAFETY: the caller's buffers, or what is left of them.
                    return unsafe { writev::next(fd, iov, count) };
                }
                // SAFETY: there are bytes left, so there is a buffer.
                let first = unsafe { *iov };
                // SAFETY: a part of the caller's buffer.
                unsafe { write::next(fd, first.iov_base, first.iov_len.min(libc::PIPE_BUF)) }
            };
            // SAFETY: the caller's promise.
            unsafe { attempt(libc::SYS_pwritev2, fd, iov, count, libc::POLLOUT, blocking) }
        };
        // SAFETY: as above.
        unsafe { vectors::after(iov, count, done, attempt) }
    };
    match send_all(call, (fd, kind), len, |_, _| false, op) {
        Err(error) if error.raw_os_error() == Some(libc::EPERM) && kind != Kind::Pipe => {
            vectors::result(plain())
        }
        result => result,
    }
}

/// Calls that return at once however long one would have to wait for the file: none of its bytes are asked for, or too few for an eventfd.
fn never_waits(fd: c_int, len: usize) -> bool {
    let is_terminal = || stat(fd).is_ok_and(|s| s.st_mode & libc::S_IFMT == libc::S_IFCHR);
    len == 0 || (len < size_of::<u64>() && !is_terminal())
}

/// How long a read waits for a terminal that need not give anything: termios(3), VMIN and VTIME.
fn terminal_patience(fd: c_int) -> Option<Duration> {
    let mut settings = MaybeUninit::<libc::termios>::uninit();
    // SAFETY: fills the structure, or fails.
    if unsafe { libc::tcgetattr(fd, settings.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: filled.
    let settings = unsafe { settings.assume_init() };
    let is_raw = settings.c_lflag & libc::ICANON == 0 && settings.c_cc[libc::VMIN] == 0;
    is_raw.then(|| Duration::from_millis(100) * u32::from(settings.c_cc[libc::VTIME]))
}

/// One call that does not wait. Where the kernel has none (for FIFOs and terminals; before Linux 6.5 for pipes), `blocking` after a look. Those of
/// this program take turns; another process that is quicker in between makes it wait.
///
/// # Safety
/// As for readv(2) or writev(2).
unsafe fn attempt(
    number: libc::c_long,
    fd: c_int,
    iov: *const iovec,
    count: c_int,
    event: libc::c_short,
    blocking: impl Fn() -> isize,
) -> io::Result<usize> {
    let Some(slot) = descriptors::slot(fd) else { return vectors::result(blocking()) };
    let is_forced = REFUSED.load(Ordering::Relaxed) && slot.kind() == Some(Kind::Pipe);
    if !slot.always_waits() && !is_forced {
        // The offset, −1, is that of the file, which a pipe has none of; in two halves, of which this machine needs one.
        // SAFETY: the caller's promise.
        let n = unsafe { libc::syscall(number, fd, iov, count, -1i64, 0i64, libc::RWF_NOWAIT) };
        match vectors::result(n as isize) {
            Err(e) if matches!(e.raw_os_error(), Some(libc::EOPNOTSUPP | libc::ENOSYS)) => {
                slot.set_always_waits();
            }
            result => return result,
        }
    }
    slot.alone(|| {
        if polled(fd, event) == 0 && is_open_for(fd, event) {
            Err(io::ErrorKind::WouldBlock.into())
        } else {
            vectors::result(blocking())
        }
    })
}

/// What was not opened for a call refuses it at once.
fn is_open_for(fd: c_int, event: libc::c_short) -> bool {
    // SAFETY: takes numbers, returns one.
    let mode = unsafe { libc::fcntl(fd, libc::F_GETFL) } & libc::O_ACCMODE;
    mode != if event == libc::POLLIN { libc::O_WRONLY } else { libc::O_RDONLY }
}
