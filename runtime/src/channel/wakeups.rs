//! The wake-ups that one operation owes.

use crate::park::Wakeup;

/// Paid when dropped, in order. Declared before the lock is taken, so that it goes after the lock has.
#[derive(Debug, Default)]
pub(super) struct Wakeups {
    first: Option<Wakeup>,
    more: Vec<Wakeup>,
}

impl Wakeups {
    #[inline]
    pub(super) fn add(&mut self, wakeup: Wakeup) {
        if self.first.is_none() {
            self.first = Some(wakeup);
        } else {
            self.more.push(wakeup);
        }
    }

    /// Pays at once. For one who is going to wait, and gives the lock up only there.
    #[inline]
    pub(super) fn pay(&mut self) {
        self.first = None;
        self.more.clear();
    }
}
