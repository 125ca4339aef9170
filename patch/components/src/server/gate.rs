//! What tells that calls overlap: a gate that opens when all of them have come to it.

use std::sync::{Condvar, Mutex};

/// Holds who comes back until as many as expected are there together. For OS threads.
#[derive(Debug)]
pub struct Gate {
    expected: usize,
    here: Mutex<usize>,
    all_here: Condvar,
}

impl Gate {
    /// A gate for groups of `expected`.
    pub fn new(expected: usize) -> Gate {
        Gate { expected, here: Mutex::new(0), all_here: Condvar::new() }
    }

    /// How many have come so far.
    pub fn came(&self) -> usize {
        *self.here.lock().unwrap()
    }

    /// Waits for the rest of the group.
    pub fn pass(&self) {
        let mut here = self.here.lock().unwrap();
        let group = *here / self.expected;
        *here += 1;
        self.all_here.notify_all();
        while *here / self.expected == group {
            here = self.all_here.wait(here).unwrap();
        }
    }
}
