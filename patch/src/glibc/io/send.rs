//! send(2), sendto(2), sendmsg(2) and sendmmsg(2).

use std::io;

use greenwood_runtime::interpose::Call;
use greenwood_runtime::readiness::Interest;
use libc::{
    MSG_DONTWAIT, MSG_FASTOPEN, c_int, c_uint, c_void, iovec, mmsghdr, msghdr, size_t, sockaddr,
    socklen_t, ssize_t,
};

use super::connect::connect_to;
use super::transfer::{is_drained, send_all, transfer};
use crate::glibc::descriptors::{self, Kind, is_nonblocking};
use crate::glibc::hook::{answer, hooks};
use crate::glibc::vectors;

hooks! {
    IO;
    fn send(fd: c_int, buf: *const c_void, len: size_t, flags: c_int) -> ssize_t => send_from;
    fn sendto(fd: c_int, buf: *const c_void, len: size_t, flags: c_int, to: *const sockaddr, to_len: socklen_t) -> ssize_t => send_to;
    fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t => send_message;
    fn sendmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int => send_messages;
}

/// The kind of socket that a call with these flags may wait for.
#[inline]
fn waits_for(fd: c_int, flags: c_int) -> Option<Kind> {
    if flags & MSG_DONTWAIT != 0 { None } else { descriptors::socket_kind(fd) }
}

unsafe fn send_from(
    call: &Call,
    fd: c_int,
    buf: *const c_void,
    len: size_t,
    flags: c_int,
) -> ssize_t {
    // SAFETY: what the caller promised libc.
    unsafe { send_to(call, fd, buf, len, flags, std::ptr::null(), 0) }
}

unsafe fn send_to(
    call: &Call,
    fd: c_int,
    buf: *const c_void,
    len: size_t,
    flags: c_int,
    to: *const sockaddr,
    to_len: socklen_t,
) -> ssize_t {
    let Some(kind) = waits_for(fd, flags) else {
        // SAFETY: what the caller promised libc.
        return unsafe { sendto::next(fd, buf, len, flags, to, to_len) };
    };
    let op = |done: usize, flags: c_int| {
        let rest = buf.wrapping_byte_add(done);
        // SAFETY: as above; a part of the caller's buffer.
        vectors::result(unsafe {
            sendto::next(fd, rest, len - done, flags | MSG_DONTWAIT, to, to_len)
        })
    };
    let drained = |n, asked| is_drained(kind, n, asked);
    answer(match send_all(call, (fd, kind), len, drained, |done| op(done, flags)) {
        // SAFETY: as above: the address is there if the kernel has begun to connect to it.
        Err(error) if begins_to_connect(fd, flags, &error) => unsafe {
            match connect_to(call, fd, to, to_len) {
                0 => {
                    let flags = flags & !MSG_FASTOPEN;
                    send_all(call, (fd, kind), len, drained, |done| op(done, flags))
                }
                _ => Err(io::Error::last_os_error()),
            }
        },
        sent => sent,
    })
}

/// Whether a send that connects first is to wait for the connection.
fn begins_to_connect(fd: c_int, flags: c_int, error: &io::Error) -> bool {
    flags & MSG_FASTOPEN != 0
        && error.raw_os_error() == Some(libc::EINPROGRESS)
        && matches!(is_nonblocking(fd), Ok(false))
}

unsafe fn send_message(call: &Call, fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    // SAFETY: what the caller promised libc, here and below.
    let plain = |flags| unsafe { sendmsg::next(fd, message, flags) };
    let Some(kind) = waits_for(fd, flags).filter(|_| !message.is_null()) else {
        return plain(flags);
    };
    // SAFETY: as above.
    let (iov, count) = unsafe { ((*message).msg_iov, (*message).msg_iovlen) };
    // SAFETY: as above.
    let Some(len) = (unsafe { vectors::total(iov, count as c_int) }) else { return plain(flags) };
    let op = |done: usize, flags: c_int| {
        if done == 0 {
            return vectors::result(plain(flags | MSG_DONTWAIT));
        }
        // What goes with a message has gone with its first part.
        let more = |iov: *const iovec, count: c_int| {
            let rest = vectors::message(iov, count);
            // SAFETY: parts of the caller's buffers.
            vectors::result(unsafe { sendmsg::next(fd, &raw const rest, flags | MSG_DONTWAIT) })
        };
        // SAFETY: as above.
        unsafe { vectors::after(iov, count as c_int, done, more) }
    };
    let drained = |n, asked| is_drained(kind, n, asked);
    answer(match send_all(call, (fd, kind), len, drained, |done| op(done, flags)) {
        // SAFETY: as above.
        Err(error) if begins_to_connect(fd, flags, &error) => unsafe {
            match connect_to(call, fd, (*message).msg_name.cast(), (*message).msg_namelen) {
                0 => {
                    let flags = flags & !MSG_FASTOPEN;
                    send_all(call, (fd, kind), len, drained, |done| op(done, flags))
                }
                _ => Err(io::Error::last_os_error()),
            }
        },
        sent => sent,
    })
}

/// sendmsg(2) without waiting, of bytes alone.
///
/// # Safety
/// As for writev(2).
pub(super) unsafe fn send_list(fd: c_int, iov: *const iovec, count: c_int) -> io::Result<usize> {
    let message = vectors::message(iov, count);
    // SAFETY: the caller's buffers.
    vectors::result(unsafe { sendmsg::next(fd, &raw const message, MSG_DONTWAIT) })
}

/// Sends all, as the kernel does: one after the other, and an error after the first of them is the next call's.
unsafe fn send_messages(
    call: &Call,
    fd: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
) -> c_int {
    match waits_for(fd, flags).filter(|_| !messages.is_null()) {
        None => {
            // SAFETY: what the caller promised libc.
            return unsafe { sendmmsg::next(fd, messages, count, flags) };
        }
        Some(Kind::Messages) => {}
        // A part of a message may go: each is completed by itself.
        Some(_) => {
            for i in 0..count as usize {
                // SAFETY: one of the caller's messages.
                let one = unsafe { &mut *messages.add(i) };
                // SAFETY: as above.
                match unsafe { send_message(call, fd, &raw const one.msg_hdr, flags) } {
                    -1 if i == 0 => return -1,
                    -1 => return i as c_int,
                    n => one.msg_len = n as c_uint,
                }
            }
            return count as c_int;
        }
    }
    let mut done: c_uint = 0;
    while done < count {
        let op = || {
            // SAFETY: the rest of the caller's messages.
            let n = unsafe {
                sendmmsg::next(fd, messages.add(done as usize), count - done, flags | MSG_DONTWAIT)
            };
            vectors::result(n as ssize_t)
        };
        match transfer(call, fd, Interest::Write, op, |_| false) {
            Ok(0) => break,
            Ok(n) => done += n as c_uint,
            Err(_) if done > 0 => break,
            Err(error) => return answer(Err(error)) as c_int,
        }
    }
    done as c_int
}
