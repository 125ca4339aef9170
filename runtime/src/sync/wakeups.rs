//! The wake-ups of several who were served under one lock.

use crate::park::{Locked, Wakeup};

/// Paid when this is dropped, which should be after the lock was given up. One of them takes no memory.
#[derive(Debug, Default)]
#[must_use]
pub(super) struct Wakeups {
    first: Option<Wakeup>,
    rest: Vec<Wakeup>,
}

impl Wakeups {
    #[inline]
    pub(super) fn push(&mut self, wakeup: Wakeup) {
        match self.first {
            None => self.first = Some(wakeup),
            Some(_) => self.rest.push(wakeup),
        }
    }
}

/// Ends the waits of all who are in `list` now.
#[inline]
pub(super) fn serve_all<S, P, const LISTS: usize>(
    locked: &mut Locked<'_, S, P, LISTS>,
    list: usize,
    mut serve: impl FnMut(&mut P),
) -> Wakeups {
    let mut wakeups = Wakeups::default();
    while let Some(((), wakeup)) = locked.serve(list, &mut serve) {
        wakeups.push(wakeup);
    }
    wakeups
}
