//! recv(2), recvfrom(2), recvmsg(2) and recvmmsg(2).

use std::cell::{Cell, RefCell};
use std::io;
use std::time::{Duration, Instant};

use greenwood_runtime::interpose::Call;
use greenwood_runtime::readiness::Mode;
use libc::{
    MSG_CMSG_CLOEXEC, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_PEEK, MSG_WAITALL, c_int, c_uint, c_void,
    iovec, mmsghdr, msghdr, size_t, sockaddr, socklen_t, ssize_t, timespec,
};

use super::transfer::{Patience, has_error, is_drained, is_read_shut, receive};
use crate::glibc::descriptors::{self, Kind, is_nonblocking};
use crate::glibc::hook::{answer, hooks};
use crate::glibc::vectors;

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

/// A receive as a blocking one. `op` makes one with these flags, after so many bytes; no other follows one after which something `is_whole`.
fn complete(
    call: &Call,
    (fd, kind): (c_int, Kind),
    len: usize,
    flags: c_int,
    mut op: impl FnMut(usize, c_int) -> io::Result<usize>,
    is_whole: impl Fn() -> bool,
) -> io::Result<usize> {
    let all = flags & MSG_WAITALL != 0 && kind != Kind::Messages;
    if flags & MSG_PEEK != 0 && len > 0 {
        return peek(call, (fd, kind), if all { len } else { 0 }, flags, |flags| op(0, flags));
    }
    let mut done = 0;
    let has_waited = Cell::new(false);
    let mut patience = Patience::default();
    loop {
        let asked = len - done;
        let drained = |&n: &usize| is_drained(kind, n, asked);
        let op = RefCell::new(&mut op);
        let attempt = || {
            // A blocking receive of nothing waits once, and returns 0 however that ended.
            let is_over = len == 0 && kind == Kind::Tcp && has_waited.get();
            // An error is left to the next call: the kernel would tell it once.
            if is_over || (done > 0 && has_error(fd)) {
                return Ok(0);
            }
            op.borrow_mut()(done, flags | MSG_DONTWAIT)
        };
        let blocking = || op.borrow_mut()(done, flags);
        let limit = |mode| {
            has_waited.set(mode != Mode::NonBlocking);
            patience.limit(mode)
        };
        match receive(call, (fd, kind), limit, attempt, blocking, drained) {
            Ok(n) => {
                done += n;
                if !all || n == 0 || done >= len || is_whole() {
                    return Ok(done);
                }
            }
            // The number tells of what there is; who cancels is heard by the next call.
            Err(_) if done > 0 => return Ok(done),
            Err(error)
                if len == 0
                    && kind == Kind::Tcp
                    && error.kind() == io::ErrorKind::WouldBlock
                    && !is_nonblocking(fd)? =>
            {
                return Ok(0);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Looks at what is there, and waits until that is `least` bytes, or all that will come.
fn peek(
    call: &Call,
    (fd, kind): (c_int, Kind),
    least: usize,
    flags: c_int,
    op: impl FnMut(c_int) -> io::Result<usize>,
) -> io::Result<usize> {
    let op = RefCell::new(op);
    let seen = Cell::new(0);
    let look = || match op.borrow_mut()(flags | MSG_DONTWAIT) {
        // Every byte that comes is news to the reactor, though there have been some.
        Ok(n) if 0 < n && n < least && !is_read_shut(fd) => {
            seen.set(n);
            Err(io::ErrorKind::WouldBlock.into())
        }
        result => result,
    };
    let blocking = || op.borrow_mut()(flags);
    match receive(call, (fd, kind), |mode| mode, look, blocking, |_| false) {
        Err(error) if seen.get() > 0 && error.kind() == io::ErrorKind::WouldBlock => Ok(seen.get()),
        result => result,
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
    let op = |done, flags| {
        let rest = buf.wrapping_byte_add(done);
        // SAFETY: as above; a part of the caller's buffer.
        vectors::result(unsafe { recv::next(fd, rest, len - done, flags) })
    };
    answer(complete(call, (fd, kind), len, flags, op, || false))
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
    let op = |done, flags| {
        let rest = buf.wrapping_byte_add(done);
        // SAFETY: as above. The length of the address is left as it was by a call that fails.
        vectors::result(unsafe { recvfrom::next(fd, rest, len - done, flags, from, from_len) })
    };
    let received = complete(call, (fd, kind), len, flags, op, || false);
    if received.is_ok() && kind == Kind::Tcp && !from.is_null() && !from_len.is_null() {
        // SAFETY: as above. Set by the kernel, too, unless it was not asked in the end.
        unsafe { *from_len = 0 };
    }
    answer(received)
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
    // SAFETY: as above.
    let whole = unsafe { *message };
    let mut asked = false;
    let op = |done, flags| {
        if done == 0 {
            let first = vectors::result(plain(flags));
            asked = first.is_ok();
            return first;
        }
        let more = |iov: *const iovec, count: c_int| {
            let mut rest = msghdr {
                msg_name: std::ptr::null_mut(),
                msg_namelen: 0,
                msg_iov: iov.cast_mut(),
                msg_iovlen: count as usize,
                ..whole
            };
            // SAFETY: parts of the caller's buffers.
            let n = unsafe { recvmsg::next(fd, &raw mut rest, flags) };
            // Descriptors may come with any part. What came with an earlier one can only have been of the kinds that come with each.
            if n >= 0 && rest.msg_controllen > 0 {
                // SAFETY: the caller's message.
                unsafe { (*message).msg_controllen = rest.msg_controllen };
            }
            if n >= 0 {
                // SAFETY: as above.
                unsafe { (*message).msg_flags |= rest.msg_flags };
            }
            vectors::result(n)
        };
        // SAFETY: as above.
        unsafe { vectors::after(iov, count as c_int, done, more) }
    };
    // As in the kernel, what comes with descriptors is not mixed with what follows.
    // SAFETY: the kernel has filled it.
    let received =
        complete(call, (fd, kind), len, flags, op, || unsafe { has_descriptors(message) });
    if received.is_ok() && !asked {
        // SAFETY: as above. Nothing has come.
        unsafe {
            (*message).msg_namelen = 0;
            (*message).msg_controllen = 0;
            (*message).msg_flags = flags & MSG_CMSG_CLOEXEC;
        }
    }
    answer(received)
}

/// recvmsg(2) without waiting, for bytes alone.
///
/// # Safety
/// As for readv(2).
pub(super) unsafe fn receive_list(fd: c_int, iov: *const iovec, count: c_int) -> io::Result<usize> {
    let mut message = vectors::message(iov, count);
    // SAFETY: the caller's buffers.
    vectors::result(unsafe { recvmsg::next(fd, &raw mut message, MSG_DONTWAIT) })
}

/// Whether a received message has brought descriptors.
///
/// # Safety
/// `message` is one that recvmsg(2) has filled.
unsafe fn has_descriptors(message: *const msghdr) -> bool {
    // SAFETY: as promised.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(message) };
    // SAFETY: null, or a header in the message's buffer.
    while let Some(one) = unsafe { header.as_ref() } {
        if one.cmsg_level == libc::SOL_SOCKET && one.cmsg_type == libc::SCM_RIGHTS {
            return true;
        }
        // SAFETY: as above.
        header = unsafe { libc::CMSG_NXTHDR(message, header) };
    }
    false
}

/// Waits until all are there, or, with `MSG_WAITFORONE`, one is. The time-out, which the kernel looks at after each message only, ends the
/// wait for the next as well.
unsafe fn receive_messages(
    call: &Call,
    fd: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
    timeout: *mut timespec,
) -> c_int {
    // SAFETY: what the caller promised libc, here and below.
    let timeout = unsafe { timeout.as_mut() };
    let is_refused =
        timeout.as_ref().is_some_and(|t| t.tv_sec < 0 || !(0..1_000_000_000).contains(&t.tv_nsec));
    let waits = waits_for(fd, flags).filter(|_| count > 0 && !messages.is_null() && !is_refused);
    let Some(kind) = waits else {
        let timeout = timeout.map_or(std::ptr::null_mut(), std::ptr::from_mut);
        // SAFETY: as above.
        return unsafe { recvmmsg::next(fd, messages, count, flags, timeout) };
    };
    let limit = timeout.as_ref().map(|t| Duration::new(t.tv_sec as u64, t.tv_nsec as u32));
    let deadline: Option<Instant> = limit.and_then(|l| greenwood_runtime::now().checked_add(l));
    let left = || deadline.map(|d| d.saturating_duration_since(greenwood_runtime::now()));
    let mut done = 0;
    let result = loop {
        let op = |flags: c_int| {
            // SAFETY: the rest of the caller's messages.
            let n = unsafe {
                let rest = messages.add(done as usize);
                recvmmsg::next(fd, rest, count - done, flags, std::ptr::null_mut())
            };
            vectors::result(n as ssize_t)
        };
        let attempt = || op(flags | MSG_DONTWAIT);
        let waits = |mode| match (mode, left()) {
            (Mode::Blocking(own), Some(left)) => {
                Mode::Blocking(Some(own.map_or(left, |o| o.min(left))))
            }
            (mode, _) => mode,
        };
        match receive(call, (fd, kind), waits, attempt, || op(flags), |_| false) {
            Ok(n) => done += n as c_uint,
            Err(_) if done > 0 => break Ok(done as usize),
            Err(error) => break Err(error),
        }
        let over = left().is_some_and(|left| left.is_zero());
        if done >= count || flags & libc::MSG_WAITFORONE != 0 || over {
            break Ok(done as usize);
        }
    };
    if let (Some(timeout), Some(left), true) = (timeout, left(), done > 0) {
        timeout.tv_sec = left.as_secs() as libc::time_t;
        timeout.tv_nsec = left.subsec_nanos() as libc::c_long;
    }
    answer(result) as c_int
}
