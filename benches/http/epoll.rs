//! epoll(7), for the bare server and the client.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// An epoll descriptor. Level-triggered, for reading only.
#[derive(Debug)]
pub struct Epoll(OwnedFd);

/// Room for what one call of [`Epoll::wait`] may return.
pub struct Events(Vec<libc::epoll_event>);

impl Events {
    pub fn new() -> Events {
        Events(Vec::with_capacity(1024))
    }

    /// The tokens of what is ready.
    pub fn tokens(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|event| event.u64)
    }
}

impl Epoll {
    pub fn new() -> io::Result<Epoll> {
        // SAFETY: no preconditions.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new and has no other owner.
        Ok(Epoll(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Watches `source` until it is closed.
    pub fn add(&self, source: impl AsFd, token: u64) -> io::Result<()> {
        let source = source.as_fd().as_raw_fd();
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        let epoll = self.0.as_raw_fd();
        // SAFETY: the pointer is to a valid event, which the kernel copies.
        match unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, source, &mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Waits until something is ready; without a limit if there is none.
    pub fn wait(&self, events: &mut Events, limit: Option<Duration>) -> io::Result<()> {
        let millis = limit.map_or(-1, |limit| limit.as_millis() as libc::c_int);
        events.0.clear();
        let room = events.0.capacity() as libc::c_int;
        // SAFETY: the pointer is to room for so many events.
        let ready =
            unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.0.as_mut_ptr(), room, millis) };
        if ready < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has filled in so many.
        unsafe { events.0.set_len(ready as usize) };
        Ok(())
    }
}
