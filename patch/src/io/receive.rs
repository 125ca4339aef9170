//! recv(2), recvfrom(2), recvmsg(2) and recvmmsg(2).

use std::io;
use std::time::{Duration, Instant};

use greenwood_runtime::interpose::Call;
use greenwood_runtime::readiness::{Interest, Mode};
use libc::{
    MSG_DONTWAIT, MSG_ERRQUEUE, MSG_PEEK, MSG_WAITALL, c_int, c_uint, c_void, iovec, mmsghdr,
    msghdr, size_t, sockaddr, socklen_t, ssize_t, timespec,
};

use super::transfer::{is_drained, receive, transfer_within};
use super::vectors;
use crate::descriptors::{self, Kind};
use crate::hook::{answer, hooks};

hooks! {
    IO;
    fn recv(fd: c_int, buf: *mut c_void, len: size_t, flags: c_int) -> ssize_t => receive_into;
    fn __recv_chk(fd: c_int, buf: *mut c_void, len: size_t, room: size_t, flags: c_int) -> ssize_t => receive_checked;
    fn recvfrom(fd: c_int, buf: *mut c_void, len: size_t, flags: c_int, from: *mut sockaddr, from_len: *mut socklen_t) -> ssize_t => receive_from;
    fn __recvfrom_chk(fd: c_int, buf: *mut c_void, len: size_t, room: size_t, flags: c_int, from: *mut sockaddr, from_len: *mut socklen_t) -> ssize_t => receive_from_checked;
    fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t => receive_message;
    fn recvmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int, timeout: *mut timespec) -> c_int => receive_messages;
}

/// The kind of socket that a call with these flags may wait for.
#[inline]
fn waits_for(fd: c_int, flags: c_int) -> Option<Kind> {
    if flags & (MSG_DONTWAIT | MSG_ERRQUEUE) != 0 { None } else { descriptors::socket_kind(fd) }
}

/// A receive as a blocking one. `op` makes one that does not wait, after so many bytes.
fn complete(
    call: &Call,
    fd: c_int,
    kind: Kind,
    len: usize,
    flags: c_int,
    mut op: impl FnMut(usize) -> io::Result<usize>,
) -> io::Result<usize> {
    let all = flags & MSG_WAITALL != 0 && flags & MSG_PEEK == 0 && kind != Kind::Messages;
    let mut done = 0;
    loop {
        let asked = len - done;
        let drained = |&n: &usize| flags & MSG_PEEK == 0 && is_drained(kind, n, asked);
        match receive(call, fd, kind, 0, || op(done), drained) {
            Ok(n) => {
                done += n;
                if !all || n == 0 || done >= len {
                    return Ok(done);
                }
            }
            // Time-outs count, and so does an error that the next call will find again.
            Err(_) if done > 0 => return Ok(done),
            // A blocking receive of nothing waits once, and returns 0 however that ended.
            Err(error)
                if len == 0 && kind == Kind::Tcp && error.kind() == io::ErrorKind::WouldBlock =>
            {
                return Ok(0);
            }
            Err(error) => return Err(error),
        }
    }
}

unsafe fn receive_into(
    call: &Call,
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    flags: c_int,
) -> ssize_t {
    let Some(kind) = waits_for(fd, flags) else {
        // SAFETY: what the caller promised libc.
        return unsafe { recv::next(fd, buf, len, flags) };
    };
    answer(complete(call, fd, kind, len, flags, |done| {
        let rest = buf.wrapping_byte_add(done);
        // SAFETY: as above; a part of the caller's buffer.
        vectors::result(unsafe { recv::next(fd, rest, len - done, flags | MSG_DONTWAIT) })
    }))
}

/// What glibc's headers make of `recv` where they know the buffer's size.
unsafe fn receive_checked(
    call: &Call,
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    room: size_t,
    flags: c_int,
) -> ssize_t {
    if len > room {
        // SAFETY: the caller's arguments; this ends the process.
        return unsafe { __recv_chk::next(fd, buf, len, room, flags) };
    }
    // SAFETY: the caller's promise.
    unsafe { receive_into(call, fd, buf, len, flags) }
}

unsafe fn receive_from(
    call: &Call,
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    flags: c_int,
    from: *mut sockaddr,
    from_len: *mut socklen_t,
) -> ssize_t {
    let Some(kind) = waits_for(fd, flags) else {
        // SAFETY: what the caller promised libc.
        return unsafe { recvfrom::next(fd, buf, len, flags, from, from_len) };
    };
    answer(complete(call, fd, kind, len, flags, |done| {
        let rest = buf.wrapping_byte_add(done);
        // SAFETY: as above. The length of the address is left as it was by a call that fails.
        vectors::result(unsafe {
            recvfrom::next(fd, rest, len - done, flags | MSG_DONTWAIT, from, from_len)
        })
    }))
}

#[allow(clippy::too_many_arguments)]
unsafe fn receive_from_checked(
    call: &Call,
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    room: size_t,
    flags: c_int,
    from: *mut sockaddr,
    from_len: *mut socklen_t,
) -> ssize_t {
    if len > room {
        // SAFETY: the caller's arguments; this ends the process.
        return unsafe { __recvfrom_chk::next(fd, buf, len, room, flags, from, from_len) };
    }
    // SAFETY: the caller's promise.
    unsafe { receive_from(call, fd, buf, len, flags, from, from_len) }
}

unsafe fn receive_message(call: &Call, fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    // SAFETY: what the caller promised libc, here and below.
    let plain = |flags| unsafe { recvmsg::next(fd, message, flags) };
    let Some(kind) = waits_for(fd, flags).filter(|_| !message.is_null()) else {
        return plain(flags);
    };
    // SAFETY: as above.
    let (iov, count) = unsafe { ((*message).msg_iov, (*message).msg_iovlen) };
    // SAFETY: as above.
    let Some(len) = (unsafe { vectors::total(iov, count as c_int) }) else { return plain(flags) };
    answer(complete(call, fd, kind, len, flags, |done| {
        if done == 0 {
            return vectors::result(plain(flags | MSG_DONTWAIT));
        }
        let more = |iov: *const iovec, count: c_int| {
            // SAFETY: the buffers are the caller's; what else a message has came with its first part.
            unsafe { vectors::receive(fd, iov, count) }
        };
        // SAFETY: as above.
        unsafe { vectors::after(iov, count as c_int, done, more) }
    }))
}

/// Waits until all are there, or, with `MSG_WAITFORONE`, one is. As in the kernel, the time-out is looked at after each message.
unsafe fn receive_messages(
    call: &Call,
    fd: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
    timeout: *mut timespec,
) -> c_int {
    if waits_for(fd, flags).is_none() || count == 0 {
        // SAFETY: what the caller promised libc.
        return unsafe { recvmmsg::next(fd, messages, count, flags, timeout) };
    }
    // SAFETY: as above.
    let limit = unsafe { timeout.as_ref() }
        .map(|t| Duration::new(t.tv_sec.max(0) as u64, t.tv_nsec as u32));
    let deadline: Option<Instant> = limit.and_then(|l| greenwood_runtime::now().checked_add(l));
    let left = || deadline.map(|d| d.saturating_duration_since(greenwood_runtime::now()));
    let mut done = 0;
    let result = loop {
        let op = || {
            // SAFETY: the rest of the caller's messages.
            let n = unsafe {
                let rest = messages.add(done as usize);
                recvmmsg::next(fd, rest, count - done, flags | MSG_DONTWAIT, std::ptr::null_mut())
            };
            vectors::result(n as ssize_t)
        };
        let waits = |mode| match (mode, left()) {
            (Mode::Blocking(own), Some(left)) => {
                Mode::Blocking(Some(own.map_or(left, |o| o.min(left))))
            }
            (mode, _) => mode,
        };
        match transfer_within(call, fd, Interest::Read, waits, op, |_| false) {
            Ok(n) => done += n as c_uint,
            Err(_) if done > 0 => break Ok(done as usize),
            Err(error) => break Err(error),
        }
        let over = left().is_some_and(|left| left.is_zero());
        if done >= count || flags & libc::MSG_WAITFORONE != 0 || over {
            break Ok(done as usize);
        }
    };
    answer(result) as c_int
}
