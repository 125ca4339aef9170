//! Descriptors' readiness as an operation of a select.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use super::handle::{Enlisted, Patience, Place, SelectHandle, Token};
use super::run::{Case, Selected};
use crate::park::{self, Unparker, Waiter};
use crate::readiness::{self, Interest, Temporary, wait_any};
use crate::{Builder, JoinHandle, context};

/// Between two looks at a descriptor that nobody can watch meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// A descriptor and what is awaited.
#[allow(missing_debug_implementations)] // Not for users.
pub struct Watched<'a> {
    fd: BorrowedFd<'a>,
    interest: Interest,
}

impl<'a> Watched<'a> {
    #[doc(hidden)]
    pub fn readable(fd: &'a impl AsFd) -> Watched<'a> {
        Watched { fd: fd.as_fd(), interest: Interest::Read }
    }

    #[doc(hidden)]
    pub fn writable(fd: &'a impl AsFd) -> Watched<'a> {
        Watched { fd: fd.as_fd(), interest: Interest::Write }
    }

    #[doc(hidden)]
    pub fn complete(self, selected: Selected) -> io::Result<()> {
        match selected.complete() {
            Token::Ready(Some(error)) => Err(io::Error::from_raw_os_error(error)),
            _ => Ok(()),
        }
    }

    fn look(&self) -> Option<Token> {
        match readiness::is_ready(self.fd, self.interest) {
            Ok(true) => Some(Token::Ready(None)),
            Ok(false) => None,
            Err(e) => Some(Token::Ready(Some(e.raw_os_error().unwrap_or(libc::EIO)))),
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
        Case::new(watched)
    }

    #[doc(hidden)]
    pub fn writable(watched: &'a Watched<'_>) -> Case<'a> {
        Case::new(watched)
    }
}

impl SelectHandle for Watched<'_> {
    fn try_select(&self, _: &Patience) -> Option<Token> {
        self.look()
    }

    fn enlist<'s>(&'s self, waiter: &Arc<Waiter>, verdict: u32, _: bool) -> Enlisted<'s> {
        let unparker = park::claiming(waiter, verdict);
        let place: io::Result<Box<dyn Place + 's>> = match context::switchable() {
            Some(cx) => readiness::watch(self.fd, self.interest, cx, &unparker)
                .map(|temporary| Box::new(Registration(temporary)) as _),
            None if context::current().is_none() => {
                self.watch_elsewhere(unparker).map(|watcher| Box::new(watcher) as _)
            }
            None => Err(io::ErrorKind::Unsupported.into()),
        };
        match place {
            Ok(place) => Enlisted::Waits(place),
            Err(_) => Enlisted::At(crate::now().checked_add(LOOK_AGAIN)),
        }
    }

    fn is_ready(&self) -> bool {
        self.look().is_some()
    }

    fn abandon(&self, _: Token) {}
}

struct Registration<'a>(#[allow(dead_code)] Temporary<'a>);

impl Place for Registration<'_> {
    fn selected(self: Box<Self>, _: &Patience) -> Option<Token> {
        Some(Token::Ready(None))
    }
}

struct Watcher(JoinHandle<()>);

impl Place for Watcher {
    fn selected(self: Box<Self>, _: &Patience) -> Option<Token> {
        Some(Token::Ready(None))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
