//! Which worker a new connection goes to: the one with the fewest live ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Live connections of each worker.
///
/// Connections live long and coroutines stay on their worker, so an uneven start stays uneven;
/// a random or stolen placement would leave some workers idle beside busy ones.
#[derive(Debug)]
pub(crate) struct Balance {
    live: Box<[AtomicUsize]>,
}

impl Balance {
    pub(crate) fn new(workers: usize) -> Arc<Balance> {
        Arc::new(Balance { live: (0..workers.max(1)).map(|_| AtomicUsize::new(0)).collect() })
    }

    /// Counts a connection in at the least loaded worker until the seat is dropped.
    ///
    /// Exact with one caller at a time (the accept loop); connections that leave meanwhile make
    /// the choice stale by a few at most.
    pub(crate) fn take(self: &Arc<Self>) -> Seat {
        let counts = self.live.iter().map(|n| n.load(Ordering::Relaxed));
        let worker = counts.enumerate().min_by_key(|&(_, n)| n).map_or(0, |(k, _)| k);
        self.live[worker].fetch_add(1, Ordering::Relaxed);
        Seat { balance: self.clone(), worker }
    }
}

/// One connection's place in the counts.
#[derive(Debug)]
pub(crate) struct Seat {
    balance: Arc<Balance>,
    pub(crate) worker: usize,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.balance.live[self.worker].fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(balance: &Balance) -> Vec<usize> {
        balance.live.iter().map(|n| n.load(Ordering::Relaxed)).collect()
    }

    #[test]
    fn spreads_and_refills_gaps() {
        let balance = Balance::new(3);
        let mut seats: Vec<Seat> = (0..64).map(|_| balance.take()).collect();
        assert_eq!(counts(&balance), [22, 21, 21]);
        seats.retain(|seat| seat.worker != 1);
        assert_eq!(counts(&balance), [22, 0, 21]);
        let late: Vec<Seat> = (0..21).map(|_| balance.take()).collect();
        assert!(late.iter().all(|seat| seat.worker == 1));
        drop((seats, late));
        assert_eq!(counts(&balance), [0, 0, 0]);
    }

    #[test]
    fn no_workers_counts_as_one() {
        assert_eq!(Balance::new(0).take().worker, 0);
    }
}
