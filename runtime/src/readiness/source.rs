//! The readiness of one descriptor, kept beside it.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::direction::Direction;
use super::{Interest, Registered, once};
use crate::context::{self, Current};
use crate::fairness;
use crate::interpose::directly;
use crate::park::{Reason, Unparker, Woken};

/// How a call is to go on that would block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It waits, at most for the time given.
    Blocking(Option<Duration>),
    /// It fails with `WouldBlock`.
    NonBlocking,
}

/// Readiness of one descriptor, for socket types to keep beside it.
///
/// Costs nothing until something has to wait; then it is registered once, with the reactor of the caller's worker. Several
/// coroutines, of any workers, and OS threads may use one at a time.
///
/// Call [`Source::close`] before the descriptor is closed. Dropping a source without that leaves the kernel's registration behind if
/// a duplicate keeps the file open.
#[derive(Debug, Default)]
pub struct Source {
    registered: OnceLock<Arc<Registered>>,
    closed: AtomicBool,
    reason: Option<&'static Reason>,
}

impl Source {
    /// Nothing is known of the descriptor yet. Reports show waits on it as `read` or `write`.
    pub const fn new() -> Source {
        Source { registered: OnceLock::new(), closed: AtomicBool::new(false), reason: None }
    }

    /// Like [`Source::new`], for a descriptor that stands for something else than bytes: reports show `reason`.
    pub const fn with_reason(reason: &'static Reason) -> Source {
        Source { registered: OnceLock::new(), closed: AtomicBool::new(false), reason: Some(reason) }
    }

    /// Calls `op`, a non-blocking system call on `fd`, until it returns something else than `WouldBlock`. In between it suspends the
    /// calling coroutine until `fd` is ready (on an OS thread, blocks in `poll(2)`).
    ///
    /// `drained(&value)` tells whether a result shows that nothing more is there for now, like a short read of a TCP stream: the next
    /// call then waits at once, without a system call that would fail. Where a short count shows nothing (datagrams, Unix
    /// streams, accept) pass `|_| false`. It is only ever a hint: what the peer's close brings is never missed.
    ///
    /// `timeout` counts from the first time it has to wait. A caller whose calls never have to wait gives others a turn now and
    /// then, after which a cancellation or a [`timeout`](crate::timeout) that is over ends the next call.
    ///
    /// # Errors
    /// What `op` returns, `Interrupted` included; `WouldBlock` when the time-out has passed (as a socket with `SO_RCVTIMEO` does); `ECANCELED`
    /// if the coroutine was cancelled; `ETIMEDOUT` if the time of a [`timeout`](crate::timeout) around the call is over; `EBADF` after [`Source::close`].
    #[inline]
    pub fn perform<T>(
        &self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        timeout: Option<Duration>,
        op: impl FnMut() -> io::Result<T>,
        drained: impl FnOnce(&T) -> bool,
    ) -> io::Result<T> {
        self.perform_as(fd, interest, || Ok(Mode::Blocking(timeout)), op, drained)
    }

    /// [`Source::perform`] for a descriptor whose mode is found out only when a call has to wait: `mode` is asked once, before
    /// the first wait.
    ///
    /// # Errors
    /// As for [`Source::perform`]; what `mode` returns; `WouldBlock` in non-blocking mode.
    #[inline]
    pub fn perform_as<T>(
        &self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        mode: impl FnOnce() -> io::Result<Mode>,
        mut op: impl FnMut() -> io::Result<T>,
        drained: impl FnOnce(&T) -> bool,
    ) -> io::Result<T> {
        // Data that is always there must not keep a coroutine from being ended.
        if let Some(interrupt) = context::current().and_then(|cx| cx.overdue()) {
            return Err(interrupt.report().into());
        }
        let mut mode = Some(mode);
        let mut deadline = Deadline::Never;
        loop {
            if self.closed.load(Ordering::Acquire) {
                return Err(io::Error::from_raw_os_error(libc::EBADF));
            }
            let registered = self.registered.get();
            let seen = registered.map(|r| r.direction(interest).seen());
            let tries = seen.is_none_or(|s| s.is_ready());
            if tries {
                match directly(&mut op) {
                    Ok(value) => {
                        if let (Some(registered), Some(seen)) = (registered, seen)
                            && registered.is_bound()
                            && drained(&value)
                        {
                            registered.direction(interest).clear_drained(seen);
                        }
                        fairness::checkpoint();
                        return Ok(value);
                    }
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                    Err(e) => return Err(e),
                }
                if let (Some(registered), Some(seen)) = (registered, seen) {
                    registered.direction(interest).clear(seen);
                }
            }
            if let Some(mode) = mode.take() {
                match mode()? {
                    Mode::Blocking(timeout) => {
                        deadline = Deadline::after(timeout);
                    }
                    Mode::NonBlocking if tries => return Err(io::ErrorKind::WouldBlock.into()),
                    // What the caller knows of its readiness may be newer than what the reactor does.
                    Mode::NonBlocking => return directly(&mut op),
                }
            }
            self.wait_until(fd, interest, deadline)?;
        }
    }

    /// Waits until `fd` may be ready for a call that would have blocked. May return without cause.
    ///
    /// # Errors
    /// As for [`Source::perform`]; what the OS says if the descriptor cannot be waited for.
    pub fn wait(
        &self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        self.wait_until(fd, interest, Deadline::after(timeout))
    }

    pub(super) fn wait_until(
        &self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        deadline: Deadline,
    ) -> io::Result<()> {
        match context::switchable() {
            Some(cx) => self.wait_on_coroutine(cx, fd, interest, deadline.reading(cx)),
            None => {
                // What the reactor knows does not count here: the next call asks the kernel.
                once::block(&[(fd, interest)], deadline.instant())?;
                if let Some(registered) = self.registered.get() {
                    registered.direction(interest).set(false);
                }
                Ok(())
            }
        }
    }

    fn wait_on_coroutine(
        &self,
        cx: Current,
        fd: BorrowedFd<'_>,
        interest: Interest,
        deadline: Option<u64>,
    ) -> io::Result<()> {
        let registered = self.registered.get_or_init(|| Arc::new(Registered::new()));
        let direction = registered.direction(interest);
        if !registered.is_bound() {
            self.bind(registered, direction, fd, cx)?;
        }
        let reason = self.reason.unwrap_or_else(|| interest.reason());
        match direction.wait(cx, reason, deadline) {
            Woken::Unparked => Ok(()),
            Woken::TimedOut => Err(io::ErrorKind::WouldBlock.into()),
            Woken::Interrupted(interrupt) => Err(interrupt.report().into()),
        }
    }

    /// Whether a read may find something, as far as is known: true until a call of [`Source::perform`] has shown otherwise, and again after the next
    /// event. Does not suspend.
    pub fn may_be_readable(&self) -> bool {
        let registered = self.registered.get();
        self.closed.load(Ordering::Acquire)
            || registered.is_none_or(|r| r.direction(Interest::Read).seen().is_ready())
    }

    /// The registration with the caller's worker, which is made now if there is none yet. None if it is with another, or cannot be made.
    pub(super) fn registered_at(&self, cx: Current, fd: BorrowedFd<'_>) -> Option<Arc<Registered>> {
        let registered = self.registered.get_or_init(|| Arc::new(Registered::new()));
        let direction = registered.direction(Interest::Read);
        if !registered.is_bound() {
            self.bind(registered, direction, fd, cx).ok()?;
        }
        registered.is_bound_to(cx).then(|| registered.clone())
    }

    /// Takes `waiter` off the list of those who wait to read.
    pub(super) fn delist(&self, waiter: &Unparker) {
        if let Some(registered) = self.registered.get() {
            registered.direction(Interest::Read).remove_waiter(waiter);
        }
    }

    /// Registers, unless somebody else does.
    #[cold]
    fn bind(
        &self,
        registered: &Arc<Registered>,
        direction: &Direction,
        fd: BorrowedFd<'_>,
        cx: Current,
    ) -> io::Result<()> {
        // Known before the registration, which reports at once whatever is ready by then. Whoever did not register must clear nothing: by
        // now another worker may have had an event that the caller's last attempt came before.
        let seen = direction.seen();
        if registered.bind(fd.as_raw_fd(), cx)? {
            direction.clear(seen);
        }
        // Pairs with the fence in `close`: it finds the registration, or this finds it closed.
        fence(Ordering::SeqCst);
        if self.closed.load(Ordering::Acquire) {
            registered.unbind(fd.as_raw_fd());
            // If `close` has not found the registration, another caller may have, and wait on it by now.
            registered.shut();
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        Ok(())
    }

    /// Makes sure that `fd` stands for the file that is registered, if one is, where its owner cannot know: a number may have been closed and
    /// reused by other means than its owner here. Whatever is ready is reported once more. Does not suspend.
    ///
    /// # Errors
    /// `NotFound` if it stands for another file; what else the OS says.
    pub fn confirm(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.registered.get().map_or(Ok(()), |registered| registered.confirm(fd.as_raw_fd()))
    }

    /// Ends all waits on the descriptor with `EBADF`, now and later. To be called while the descriptor is still open, before it is
    /// closed or handed to somebody else. Does not suspend.
    pub fn close(&self, fd: BorrowedFd<'_>) {
        self.closed.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        if let Some(registered) = self.registered.get() {
            registered.unbind(fd.as_raw_fd());
            registered.shut();
        }
    }

    /// [`Source::close`] for a descriptor that turns out to have been closed by other means. Its number may stand for something else by now,
    /// which is left alone. Does not suspend.
    pub fn close_lost(&self) {
        self.closed.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        if let Some(registered) = self.registered.get() {
            registered.forget();
            registered.shut();
        }
    }
}

/// The end of a wait, by the clock that costs least.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deadline {
    Never,
    /// By the clock of the caller's worker.
    Reading(u64),
    At(Instant),
}

impl Deadline {
    #[inline]
    fn after(timeout: Option<Duration>) -> Deadline {
        let Some(timeout) = timeout else { return Deadline::Never };
        match context::current() {
            Some(cx) => Deadline::Reading(cx.worker().clock.reading_after(timeout)),
            None => Instant::now().checked_add(timeout).map_or(Deadline::Never, Deadline::At),
        }
    }

    #[inline]
    fn reading(self, cx: Current) -> Option<u64> {
        match self {
            Deadline::Never => None,
            Deadline::Reading(reading) => Some(reading),
            Deadline::At(at) => cx.reading(Some(at)),
        }
    }

    fn instant(self) -> Option<Instant> {
        match self {
            Deadline::Never => None,
            // Of a worker's own thread.
            Deadline::Reading(reading) => context::current()?.worker().clock.at(reading),
            Deadline::At(at) => Some(at),
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if let Some(registered) = self.registered.get() {
            registered.forget();
        }
    }
}
