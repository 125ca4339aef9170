//! A descriptor's registration with a worker's reactor.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Interest;
use super::direction::Direction;
use crate::context::Current;
use crate::sys::lock::Mutex;
use crate::sys::poller::Ready;
use crate::worker::Shared;

/// A descriptor that some worker's reactor reports on, in both directions and edge-triggered: one registration for its
/// whole life, with the worker where it was first waited for.
#[derive(Debug)]
pub(crate) struct Registered {
    /// Whether `binding` is set, to be asked without the lock.
    bound: AtomicBool,
    binding: Mutex<Option<Binding>>,
    read: Direction,
    write: Direction,
}

#[derive(Debug)]
struct Binding {
    home: &'static Shared,
    token: usize,
    /// Stands in for a descriptor that the worker's reactor already has from somebody else.
    duplicate: Option<OwnedFd>,
}

impl Registered {
    pub(super) fn new() -> Registered {
        Registered::with(Direction::new)
    }

    /// Of a descriptor that was just found not to be ready.
    pub(super) fn new_pending() -> Registered {
        Registered::with(Direction::new_pending)
    }

    fn with(direction: fn() -> Direction) -> Registered {
        Registered {
            bound: AtomicBool::new(false),
            binding: Mutex::new(None),
            read: direction(),
            write: direction(),
        }
    }

    pub(super) fn direction(&self, interest: Interest) -> &Direction {
        match interest {
            Interest::Read => &self.read,
            Interest::Write => &self.write,
        }
    }

    pub(super) fn is_bound(&self) -> bool {
        self.bound.load(Ordering::Acquire)
    }

    /// Registers with the caller's worker, unless it is registered. Says whether this call did. If the descriptor is ready now, an event
    /// will say so.
    pub(super) fn bind(self: &Arc<Self>, fd: RawFd, cx: Current) -> io::Result<bool> {
        let mut binding = self.binding.lock();
        if binding.is_none() {
            let home = cx.worker().shared;
            *binding = Some(match home.register(fd, self) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    // SAFETY: the caller's, and open, as it has just been found to be.
                    let duplicate = unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()?;
                    let token = home.register(duplicate.as_raw_fd(), self)?;
                    Binding { home, token, duplicate: Some(duplicate) }
                }
                token => Binding { home, token: token?, duplicate: None },
            });
            self.bound.store(true, Ordering::Release);
            return Ok(true);
        }
        Ok(false)
    }

    pub(super) fn is_bound_to(&self, cx: Current) -> bool {
        let binding = self.binding.lock();
        binding.as_ref().is_some_and(|b| std::ptr::eq(b.home, cx.worker().shared))
    }

    /// Whether `fd` stands for what is registered. `NotFound` if not.
    pub(super) fn confirm(&self, fd: RawFd) -> io::Result<()> {
        match &*self.binding.lock() {
            Some(binding) => binding.home.confirm(fd, binding.token),
            None => Ok(()),
        }
    }

    /// Ends the registration of a descriptor that is still open.
    pub(super) fn unbind(&self, fd: RawFd) {
        if let Some(binding) = self.take_binding() {
            let fd = binding.duplicate.as_ref().map_or(fd, AsRawFd::as_raw_fd);
            binding.home.deregister(fd, binding.token);
        }
    }

    /// Ends the registration of a descriptor that may have been closed already.
    pub(super) fn forget(&self) {
        if let Some(binding) = self.take_binding() {
            match &binding.duplicate {
                Some(duplicate) => binding.home.deregister(duplicate.as_raw_fd(), binding.token),
                None => binding.home.forget(binding.token),
            }
        }
    }

    fn take_binding(&self) -> Option<Binding> {
        let mut binding = self.binding.lock();
        self.bound.store(false, Ordering::Release);
        binding.take()
    }

    /// Its worker has ended: the next who waits registers it anew.
    pub(crate) fn orphan(&self) {
        self.take_binding();
        self.wake_all();
    }

    /// Has everybody who waits find the descriptor closed.
    pub(super) fn shut(&self) {
        self.read.shut();
        self.write.shut();
    }

    /// Has everybody who waits look again.
    fn wake_all(&self) {
        self.read.set(false);
        self.write.set(false);
    }

    /// The reactor reports an event.
    pub(crate) fn event(&self, ready: Ready) {
        if ready.readable || ready.read_closed {
            self.read.set(ready.read_closed);
        }
        if ready.writable || ready.write_closed {
            self.write.set(ready.write_closed);
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("worker")
    }
}
