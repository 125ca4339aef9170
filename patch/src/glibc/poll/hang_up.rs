//! What a wait for readiness says when its coroutine is cancelled, or its time is over.
//!
//! Libraries do not take an error of poll(2)'s for the end of a connection: libpq goes on to use it, and reads the answer to the cancelled
//! query as that to the next; tokio panics. So the sockets are reported as hung up, which all of them act upon by a read or
//! write, and that one fails. A library that polls anew instead gets the error.

use std::io;

use libc::{c_int, epoll_event, pollfd};

use crate::glibc::descriptors;

/// Whether a wait ended by this; the kernel's own calls have no such errors.
pub(super) fn is_interruption(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ECANCELED | libc::ETIMEDOUT))
}

/// Whether `fd` is a socket, and not one of a pair by which an event loop tells itself something and which it relies on.
pub(super) fn hangs_up(fd: c_int) -> bool {
    descriptors::socket_kind(fd).is_some() && !is_own(fd)
}

/// Whether this process is at both ends.
fn is_own(fd: c_int) -> bool {
    // `ucred`: the peer's process, user and group; of Unix sockets only.
    descriptors::option::<[c_int; 3]>(fd, libc::SOL_SOCKET, libc::SO_PEERCRED)
        .is_ok_and(|[process, ..]| process as u32 == std::process::id())
}

/// As poll(2) reports it, for the sockets among `fds`.
///
/// # Safety
/// An array of `count`.
pub(super) unsafe fn poll(fds: *mut pollfd, count: usize) -> c_int {
    let mut hung_up = 0;
    for i in 0..count {
        // SAFETY: the caller's promise.
        let one = unsafe { &mut *fds.add(i) };
        one.revents = 0;
        if one.fd >= 0 && hangs_up(one.fd) {
            one.revents =
                one.events & (libc::POLLIN | libc::POLLOUT) | libc::POLLERR | libc::POLLHUP;
            hung_up += 1;
        }
    }
    hung_up
}

/// As epoll_wait(2) reports it, for the sockets that `epoll` watches, which the kernel tells of.
///
/// # Safety
/// Room for as many events.
pub(super) unsafe fn epoll(epoll: c_int, events: *mut epoll_event, room: c_int) -> c_int {
    let Ok(info) = std::fs::read_to_string(format!("/proc/self/fdinfo/{epoll}")) else { return 0 };
    let mut hung_up = 0;
    for event in info.lines().filter_map(watched).take(usize::try_from(room).unwrap_or(0)) {
        // SAFETY: the caller's promise; a packed structure, written as a whole.
        unsafe { events.add(hung_up).write_unaligned(event) };
        hung_up += 1;
    }
    hung_up as c_int
}

/// One line about something watched: `tfd: 7 events: 19 data: 1a`, the latter two in base 16.
fn watched(line: &str) -> Option<epoll_event> {
    let mut words = line.split_ascii_whitespace();
    let mut field = |name| words.find(|&word| word == name).and_then(|_| words.next());
    let fd = field("tfd:")?.parse().ok()?;
    let awaited =
        u32::from_str_radix(field("events:")?, 16).ok()? & (libc::EPOLLIN | libc::EPOLLOUT) as u32;
    let u64 = u64::from_str_radix(field("data:")?, 16).ok()?;
    // One-shot and spent, if nothing.
    let events = awaited | (libc::EPOLLERR | libc::EPOLLHUP) as u32;
    (awaited != 0 && hangs_up(fd)).then_some(epoll_event { events, u64 })
}

#[cfg(test)]
mod tests {
    use super::watched;

    #[test]
    fn lines_of_the_kernel() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&socket);
        let line =
            format!("tfd: {fd:8} events: 80000005 data:               1f  pos:0 ino:61af sdev:5");
        let event = watched(&line).unwrap();
        let (events, data) = (event.events, event.u64);
        assert_eq!((events, data), (0x1d, 0x1f));
        assert!(watched("pos:\t0").is_none());
        assert!(watched(&line.replace("80000005", "40000000")).is_none());
    }
}
