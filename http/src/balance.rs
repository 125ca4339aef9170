//! Which worker a new connection goes to: the one with the fewest live ones.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Live connections of each worker.
///
/// Connections live long and coroutines stay on their worker, so an uneven start stays uneven;
/// a random or stolen placement would leave some workers idle beside busy ones.
#[derive(Debug)]
pub(crate) struct Balance {
    live: Box<[AtomicUsize]>,
}

/// A worker's index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Worker(u32);

impl Worker {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl Balance {
    pub(crate) fn new(workers: usize) -> Balance {
        Balance { live: (0..workers).map(|_| AtomicUsize::new(0)).collect() }
    }

    /// Counts a connection in at the least loaded worker, until it leaves. None without workers.
    ///
    /// Among several it is the worker `here`, as waking another costs more than a short request does.
    /// Exact with one caller at a time (the accept loop); connections that leave meanwhile make
    /// the choice stale by a few at most.
    pub(crate) fn enter(&self, here: Option<usize>) -> Option<Worker> {
        let counts = self.live.iter().map(|n| n.load(Ordering::Relaxed));
        let (worker, _) = counts.enumerate().min_by_key(|&(k, n)| (n, Some(k) != here))?;
        self.live[worker].fetch_add(1, Ordering::Relaxed);
        Some(Worker(worker as u32))
    }

    pub(crate) fn leave(&self, worker: Worker) {
        self.live[worker.index()].fetch_sub(1, Ordering::Relaxed);
    }

    /// How many connections the worker has.
    #[inline]
    pub(crate) fn live(&self, worker: Worker) -> usize {
        self.live[worker.index()].load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(balance: &Balance) -> Vec<usize> {
        (0..balance.live.len()).map(|k| balance.live(Worker(k as u32))).collect()
    }

    #[test]
    fn spreads_and_refills_gaps() {
        let balance = Balance::new(3);
        let mut seats: Vec<Worker> = (0..64).map(|_| balance.enter(None).unwrap()).collect();
        assert_eq!(counts(&balance), [22, 21, 21]);
        seats.retain(|&seat| {
            let stays = seat != Worker(1);
            if !stays {
                balance.leave(seat);
            }
            stays
        });
        assert_eq!(counts(&balance), [22, 0, 21]);
        let late: Vec<Worker> = (0..21).map(|_| balance.enter(Some(0)).unwrap()).collect();
        assert!(late.iter().all(|seat| *seat == Worker(1)));
        seats.into_iter().chain(late).for_each(|seat| balance.leave(seat));
        assert_eq!(counts(&balance), [0, 0, 0]);
    }

    #[test]
    fn without_workers_there_is_no_place() {
        assert_eq!(Balance::new(0).enter(Some(0)), None);
    }

    #[test]
    fn stays_where_it_is_unless_another_has_less() {
        let balance = Balance::new(3);
        let seats: Vec<_> = (0..4).map(|_| balance.enter(Some(2)).unwrap().index()).collect();
        assert_eq!(seats, [2, 0, 1, 2]);
    }
}
