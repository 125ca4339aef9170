//! The wake-ups of several who were served under one lock.

use super::{Locked, Wakeup};

/// Paid when dropped, in order. Declared before the lock is taken, so that it goes after the lock has. One of them takes no memory.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct Wakeups {
    first: Option<Wakeup>,
    rest: Vec<Wakeup>,
}

impl Wakeups {
    #[inline]
    pub(crate) fn push(&mut self, wakeup: Wakeup) {
        match self.first {
            None => self.first = Some(wakeup),
            Some(_) => self.rest.push(wakeup),
        }
    }

    /// Pays at once. For one who is going to wait, and gives the lock up only there.
    #[inline]
    pub(crate) fn pay(&mut self) {
        self.first = None;
        self.rest.clear();
    }
}

/// Ends the waits of all who are in `list` now.
#[inline]
pub(crate) fn serve_all<S, P, const LISTS: usize>(
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
