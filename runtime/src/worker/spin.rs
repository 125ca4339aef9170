//! Whether a worker that runs out of work looks for a message for a moment before it sleeps.
//!
//! Being woken out of the kernel takes tens of microseconds, on both sides. Two workers whose coroutines talk to each other answer
//! within one; for them a short look pays, for nearly everybody else it would be wasted. So it is tried only when messages have been coming soon
//! after the worker fell asleep, and after each time in vain less readily.

use std::cell::Cell;

/// How long it looks, in nanoseconds: about what a wake-up costs, so that looking in vain at most doubles that.
pub(super) const LOOK: u64 = 20_000;

/// A sleep that a message ends before this many nanoseconds might not have been necessary: most of it was the waking.
const SHORT: u64 = 200_000;

/// Short sleeps between two attempts at most.
const MOST_RELUCTANT: u32 = 64;

#[derive(Debug)]
pub(super) struct Spin {
    /// Short sleeps to come before the next attempt.
    wait: Cell<u32>,
    reluctance: Cell<u32>,
}

impl Spin {
    pub(super) fn new() -> Spin {
        Spin { wait: Cell::new(1), reluctance: Cell::new(1) }
    }

    pub(super) fn is_worth_it(&self) -> bool {
        self.wait.get() == 0
    }

    /// An attempt has found something, or not.
    pub(super) fn tried(&self, found: bool) {
        let reluctance = if found { 1 } else { (self.reluctance.get() * 2).min(MOST_RELUCTANT) };
        self.reluctance.set(reluctance);
        self.wait.set(if found { 0 } else { reluctance });
    }

    /// A message has ended a sleep of this length.
    pub(super) fn slept(&self, nanoseconds: u64) {
        if nanoseconds < SHORT {
            self.wait.set(self.wait.get().saturating_sub(1));
        }
    }
}

#[cfg(all(test, not(greenwood_loom)))]
mod tests {
    use super::*;

    #[test]
    fn tries_less_and_less_until_it_finds_something() {
        let spin = Spin::new();
        let mut attempts = 0;
        for _ in 0..1000 {
            if spin.is_worth_it() {
                attempts += 1;
                spin.tried(false);
            }
            spin.slept(50_000);
        }
        assert!((15..30).contains(&attempts), "{attempts}");
        while !spin.is_worth_it() {
            spin.slept(50_000);
        }
        spin.tried(true);
        assert!(spin.is_worth_it());
    }

    #[test]
    fn long_sleeps_do_not_count() {
        let spin = Spin::new();
        (0..1000).for_each(|_| spin.slept(5_000_000));
        assert!(!spin.is_worth_it());
    }
}
