//! When to start which connection attempt: the pure part of "Happy Eyeballs", RFC 8305 sections 4 and 5.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// "Connection Attempt Delay", section 8: 250 ms is the recommended value.
pub(super) const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Start connecting to the address with this index.
    Start(usize),
    /// Wait for an attempt to end, at most so long.
    Wait(Option<Duration>),
    /// All attempts have failed.
    Exhausted,
}

/// The attempts that are to be started, and how many are under way.
#[derive(Debug)]
pub(super) struct Schedule {
    /// Indices of the addresses, in the order of the attempts.
    order: Vec<usize>,
    next: usize,
    running: usize,
    /// When the next attempt starts even though none has failed.
    due: Option<Instant>,
}

impl Schedule {
    pub(super) fn new(addrs: &[SocketAddr]) -> Schedule {
        Schedule { order: interleave(addrs), next: 0, running: 0, due: None }
    }

    /// What to do at `now`. An attempt counts as started when this says so.
    pub(super) fn step(&mut self, now: Instant) -> Step {
        let Some(&index) = self.order.get(self.next) else {
            return if self.running == 0 { Step::Exhausted } else { Step::Wait(None) };
        };
        match self.due {
            Some(due) if due > now && self.running > 0 => Step::Wait(Some(due - now)),
            _ => {
                self.next += 1;
                self.running += 1;
                self.due = Some(now + ATTEMPT_DELAY);
                Step::Start(index)
            }
        }
    }

    /// An attempt has failed: the next one need not wait.
    pub(super) fn failed(&mut self) {
        self.running -= 1;
        self.due = None;
    }
}

/// The addresses' indices so that families take turns, beginning with the first address's; within a family the order
/// stays as the resolver gave it (RFC 6724).
fn interleave(addrs: &[SocketAddr]) -> Vec<usize> {
    let first_is_v6 = addrs.first().is_some_and(SocketAddr::is_ipv6);
    let (same, other): (Vec<usize>, Vec<usize>) =
        (0..addrs.len()).partition(|&index| addrs[index].is_ipv6() == first_is_v6);
    let mut order = Vec::with_capacity(addrs.len());
    let (mut same, mut other) = (same.into_iter(), other.into_iter());
    loop {
        let before = order.len();
        order.extend(same.next());
        order.extend(other.next());
        if order.len() == before {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addrs(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|addr| addr.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns_from_the_first_on() {
        let list = addrs(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "1.1.1.2:1"]);
        assert_eq!(interleave(&list), [0, 3, 1, 4, 2]);
        let list = addrs(&["1.1.1.1:1", "1.1.1.2:1", "[::1]:1"]);
        assert_eq!(interleave(&list), [0, 2, 1]);
        assert_eq!(interleave(&addrs(&["1.1.1.1:1", "1.1.1.2:1"])), [0, 1]);
        assert!(interleave(&[]).is_empty());
    }

    #[test]
    fn attempts_start_a_delay_apart() {
        let start = Instant::now();
        let mut schedule = Schedule::new(&addrs(&["1.1.1.1:1", "1.1.1.2:1"]));
        assert_eq!(schedule.step(start), Step::Start(0));
        assert_eq!(schedule.step(start), Step::Wait(Some(ATTEMPT_DELAY)));
        let later = start + Duration::from_millis(100);
        assert_eq!(schedule.step(later), Step::Wait(Some(Duration::from_millis(150))));
        assert_eq!(schedule.step(start + ATTEMPT_DELAY), Step::Start(1));
        assert_eq!(schedule.step(start + ATTEMPT_DELAY), Step::Wait(None));
    }

    #[test]
    fn a_failure_starts_the_next_at_once() {
        let now = Instant::now();
        let mut schedule = Schedule::new(&addrs(&["[::1]:1", "1.1.1.1:1", "1.1.1.2:1"]));
        assert_eq!(schedule.step(now), Step::Start(0));
        schedule.failed();
        assert_eq!(schedule.step(now), Step::Start(1));
        assert_eq!(schedule.step(now), Step::Wait(Some(ATTEMPT_DELAY)));
        schedule.failed();
        assert_eq!(schedule.step(now), Step::Start(2));
        schedule.failed();
        assert_eq!(schedule.step(now), Step::Exhausted);
    }

    #[test]
    fn running_attempts_are_awaited_before_giving_up() {
        let now = Instant::now();
        let mut schedule = Schedule::new(&addrs(&["[::1]:1", "1.1.1.1:1"]));
        schedule.step(now);
        assert_eq!(schedule.step(now + ATTEMPT_DELAY), Step::Start(1));
        schedule.failed();
        assert_eq!(schedule.step(now + ATTEMPT_DELAY), Step::Wait(None));
        schedule.failed();
        assert_eq!(schedule.step(now + ATTEMPT_DELAY), Step::Exhausted);
    }
}
