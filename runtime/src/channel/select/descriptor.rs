//! Descriptors' readiness as an operation of a select.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use super::handle::{Enlisted, Patience, Station, Watch};
use super::run::{Case, Selected};
use crate::park::{Claims, Unparker, Waiter};
use crate::readiness::{self, Interest, Temporary, wait_any};
use crate::{Builder, JoinHandle, context};

/// Between two looks at a descriptor that nobody can watch meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// A descriptor and what is awaited.
#[allow(missing_debug_implementations)] // Not for users.
pub struct Watched<'a> {
    fd: BorrowedFd<'a>,
    interest: Interest,
    /// What was found instead of readiness.
    error: Cell<Option<i32>>,
}

impl<'a> Watched<'a> {
    #[doc(hidden)]
    pub fn readable(fd: &'a impl AsFd) -> Watched<'a> {
        Watched::new(fd.as_fd(), Interest::Read)
    }

    #[doc(hidden)]
    pub fn writable(fd: &'a impl AsFd) -> Watched<'a> {
        Watched::new(fd.as_fd(), Interest::Write)
    }

    fn new(fd: BorrowedFd<'a>, interest: Interest) -> Watched<'a> {
        Watched { fd, interest, error: Cell::new(None) }
    }

    #[doc(hidden)]
    pub fn complete(self, selected: Selected) -> io::Result<()> {
        selected.complete();
        match self.error.get() {
            Some(error) => Err(io::Error::from_raw_os_error(error)),
            None => Ok(()),
        }
    }

    /// On an OS thread: a coroutine of the global runtime watches a duplicate.
    fn watch_elsewhere(&self, unparker: Unparker) -> io::Result<Watcher> {
        let (fd, interest) = (self.fd.try_clone_to_owned()?, self.interest);
        let watcher = Builder::new().name("select").spawn(move || {
            // Whatever it is, who selects looks at it.
            let _ = wait_any(&[(fd.as_fd(), interest)], None);
            unparker.unpark();
        })?;
        Ok(Watcher(watcher))
    }
}

impl<'a> Case<'a> {
    #[doc(hidden)]
    pub fn readable(watched: &'a Watched<'_>) -> Case<'a> {
        Case::new(watched, None)
    }

    #[doc(hidden)]
    pub fn writable(watched: &'a Watched<'_>) -> Case<'a> {
        Case::new(watched, None)
    }
}

impl Station for Watched<'_> {
    fn try_select(&self, _: &Patience) -> bool {
        self.is_ready()
    }

    unsafe fn enlist(&self, waiter: &Waiter, verdict: u32, _: bool) -> Enlisted<'_> {
        // SAFETY: the caller's promise.
        let claims = unsafe { Claims::new(waiter, verdict) };
        let watch: io::Result<Box<dyn Watch + '_>> = match context::switchable() {
            Some(cx) => readiness::watch(self.fd, self.interest, cx, &claims.unparker())
                .map(|temporary| Box::new((temporary, claims)) as _),
            None if context::current().is_none() => self
                .watch_elsewhere(claims.unparker())
                .map(|watcher| Box::new((watcher, claims)) as _),
            None => Err(io::ErrorKind::Unsupported.into()),
        };
        match watch {
            Ok(watch) => Enlisted::Until(watch),
            Err(_) => Enlisted::At(crate::now().checked_add(LOOK_AGAIN)),
        }
    }

    fn is_ready(&self) -> bool {
        match readiness::is_ready(self.fd, self.interest) {
            Ok(ready) => ready,
            Err(e) => {
                self.error.set(Some(e.raw_os_error().unwrap_or(libc::EIO)));
                true
            }
        }
    }
}

impl Watch for (Temporary<'_>, Claims) {}

struct Watcher(JoinHandle<()>);

impl Watch for (Watcher, Claims) {}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
