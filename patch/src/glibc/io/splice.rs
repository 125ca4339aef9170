//! splice(2), tee(2), vmsplice(2) and sendfile(2).
//!
//! Pipes have a flag that keeps these calls from waiting, `SPLICE_F_NONBLOCK`. Sockets have none but `O_NONBLOCK`, which every process that
//! has the socket would see: with them a call comes after a look, and brings no more than there is room for. Should somebody else fill
//! that room in between, the call waits in the kernel, with its worker.

use std::io;

use greenwood_runtime::interpose::Call;
use greenwood_runtime::readiness::Interest;
use libc::{SPLICE_F_NONBLOCK, c_int, c_short, c_uint, iovec, off64_t, size_t, ssize_t};

use super::kind;
use super::transfer::{send_all, transfer};
use crate::Patches;
use crate::glibc::descriptors::{self, Kind, is_nonblocking, option};
use crate::glibc::files;
use crate::glibc::hook::{answer, hooks, is_active};
use crate::glibc::vectors;

// On the machines this is for, the functions of either kind of offset are the same.
hooks! {
    IO | FILES;
    fn splice(from: c_int, from_offset: *mut off64_t, to: c_int, to_offset: *mut off64_t, len: size_t, flags: c_uint) -> ssize_t => splice_between;
    fn tee(from: c_int, to: c_int, len: size_t, flags: c_uint) -> ssize_t => tee_between;
    fn vmsplice(fd: c_int, iov: *const iovec, count: size_t, flags: c_uint) -> ssize_t => splice_memory;
    fn sendfile(to: c_int, from: c_int, offset: *mut off64_t, len: size_t) -> ssize_t => send_file;
    fn sendfile64(to: c_int, from: c_int, offset: *mut off64_t, len: size_t) -> ssize_t => send_file;
}

/// What every socket that poll(2) calls writable has room for, and what is sent at a time at most.
const PIECE: (usize, usize) = (4 << 10, 128 << 10);

unsafe fn splice_between(
    call: &Call,
    from: c_int,
    from_offset: *mut off64_t,
    to: c_int,
    to_offset: *mut off64_t,
    len: size_t,
    flags: c_uint,
) -> ssize_t {
    // SAFETY: what the caller promised libc, here and below.
    let plain = |len, flags| unsafe { splice::next(from, from_offset, to, to_offset, len, flags) };
    let op = |len| vectors::result(plain(len, flags | SPLICE_F_NONBLOCK));
    match between(call, from, to, len, flags, op) {
        Some(moved) => answer(moved),
        None => plain(len, flags),
    }
}

unsafe fn tee_between(call: &Call, from: c_int, to: c_int, len: size_t, flags: c_uint) -> ssize_t {
    // SAFETY: takes numbers.
    let plain = |len, flags| unsafe { tee::next(from, to, len, flags) };
    match between(call, from, to, len, flags, |len| {
        vectors::result(plain(len, flags | SPLICE_F_NONBLOCK))
    }) {
        Some(moved) => answer(moved),
        None => plain(len, flags),
    }
}

/// The buffers go to a pipe that is open for writing, and are filled from one that is not.
unsafe fn splice_memory(
    call: &Call,
    fd: c_int,
    iov: *const iovec,
    count: size_t,
    flags: c_uint,
) -> ssize_t {
    // SAFETY: what the caller promised libc, here and below.
    let plain = |flags| unsafe { vmsplice::next(fd, iov, count, flags) };
    if flags & SPLICE_F_NONBLOCK != 0 || kind(fd) != Some(Kind::Pipe) {
        return plain(flags);
    }
    // SAFETY: takes numbers.
    let mode = unsafe { libc::fcntl(fd, libc::F_GETFL) } & libc::O_ACCMODE;
    let interest = if mode == libc::O_RDONLY { Interest::Read } else { Interest::Write };
    let op = || vectors::result(plain(flags | SPLICE_F_NONBLOCK));
    answer(transfer(call, fd, interest, op, |_| false))
}

/// Moves bytes between two descriptors, one of them a pipe, by `op`, which does not wait for pipes. Returns with the first that it gets. None
/// if it is not for this to wait.
fn between(
    call: &Call,
    from: c_int,
    to: c_int,
    len: usize,
    flags: c_uint,
    mut op: impl FnMut(usize) -> io::Result<usize>,
) -> Option<io::Result<usize>> {
    let (source, sink) = (descriptors::kind(from).ok()?, descriptors::kind(to).ok()?);
    let kinds = [source, sink];
    // What the kernel refuses, and a transfer of nothing, return at once. Messages have their own idea of what a piece is.
    if !kinds.contains(&Kind::Pipe)
        || kinds.contains(&Kind::Messages)
        || len == 0
        || !is_active(Patches::IO)
    {
        return None;
    }
    let may_wait = flags & SPLICE_F_NONBLOCK == 0;
    let mut attempt = || -> io::Result<usize> {
        loop {
            let mut len = len;
            // The pipe comes first: its end, or that nobody reads it, is told whatever the socket does.
            if source.is_socket() {
                if may_wait {
                    ready(call, to, Interest::Write)?;
                }
                // The flag is for Unix sockets too.
                if may_wait || source == Kind::Tcp {
                    ready(call, from, Interest::Read)?;
                }
            }
            if sink.is_socket() {
                if may_wait {
                    ready(call, from, Interest::Read)?;
                }
                ready(call, to, Interest::Write)?;
                len = len.min(room(to));
            }
            match op(len) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && may_wait => {
                    // Which of the two it was, and whether that one is to be waited for.
                    let waits = |fd, kind, interest| kind == Kind::Pipe && !is_ready(fd, interest);
                    if waits(from, source, Interest::Read) {
                        ready(call, from, Interest::Read)?;
                    } else if waits(to, sink, Interest::Write) {
                        ready(call, to, Interest::Write)?;
                    } else if is_nonblocking(from)? || is_nonblocking(to)? {
                        return Err(error);
                    } else {
                        call.check()?;
                        greenwood_runtime::checkpoint();
                    }
                }
                result => return result,
            }
        }
    };
    if let Err(error) = call.check() {
        return Some(Err(error));
    }
    let moved = attempt();
    greenwood_runtime::checkpoint();
    Some(moved)
}

unsafe fn send_file(
    call: &Call,
    to: c_int,
    from: c_int,
    offset: *mut off64_t,
    len: size_t,
) -> ssize_t {
    // SAFETY: what the caller promised libc, here and below.
    let plain = |len| unsafe { sendfile64::next(to, from, offset, len) };
    match kind(to) {
        // Messages have their own idea of what a piece is.
        Some(kind @ (Kind::Tcp | Kind::Stream)) if len > 0 && blocks(to) => {
            let op = |done: usize| {
                if !is_ready(to, Interest::Write) {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                vectors::result(plain((len - done).min(room(to))))
            };
            answer(send_all(call, (to, kind), len, |_, _| false, op))
        }
        // The kernel's own way, and here with a flag.
        Some(Kind::Pipe) if len > 0 && blocks(to) => {
            let op = || {
                let null = std::ptr::null_mut();
                // SAFETY: as above.
                vectors::result(unsafe {
                    splice::next(from, offset, to, null, len, SPLICE_F_NONBLOCK)
                })
            };
            answer(transfer(call, to, Interest::Write, op, |_| false))
        }
        Some(Kind::File) => files::transfer(call, to, len, || plain(len)),
        _ => plain(len),
    }
}

fn blocks(fd: c_int) -> bool {
    matches!(is_nonblocking(fd), Ok(false))
}

/// How much a stream socket that is writable takes without waiting, at the least: TCP calls itself so when a third of its buffer is free, a
/// Unix socket when three quarters are.
fn room(socket: c_int) -> usize {
    let buffer = option::<c_int>(socket, libc::SOL_SOCKET, libc::SO_SNDBUF).unwrap_or(0);
    (buffer.max(0) as usize / 4).clamp(PIECE.0, PIECE.1)
}

/// Waits until `fd` is ready, with what the user has set.
fn ready(call: &Call, fd: c_int, interest: Interest) -> io::Result<()> {
    let look =
        || if is_ready(fd, interest) { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) };
    transfer(call, fd, interest, look, |()| false)
}

fn is_ready(fd: c_int, interest: Interest) -> bool {
    let events: c_short = match interest {
        Interest::Read => libc::POLLIN,
        Interest::Write => libc::POLLOUT,
    };
    let mut poll = libc::pollfd { fd, events, revents: 0 };
    // SAFETY: one structure, and no time.
    unsafe { libc::poll(&raw mut poll, 1, 0) != 0 }
}
