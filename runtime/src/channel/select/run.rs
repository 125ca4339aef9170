//! Selecting: look at the operations that may be ready, wait in the queues of all, be selected in one.

use std::time::{Duration, Instant};

use super::ends::{Receives, Sends};
use super::handle::{Enlisted, Patience, Station, Watch};
use super::random;
use crate::channel::channel::may_wait_for_offers;
use crate::fairness::checkpoint;
use crate::model::atomic::{AtomicBool, Ordering};
use crate::park::{self, Reason, Stopped, Waiter};

const SELECT: Reason = Reason("select");

/// One of those that are selected from.
pub(super) trait Operation {
    fn station(&self) -> &dyn Station;

    /// False if it is certainly not ready.
    fn may_be_ready(&self) -> bool;
}

/// One operation of a select, as the macros make it.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations)] // Not for users.
pub struct Case<'a> {
    station: &'a dyn Station,
    hint: Option<&'a AtomicBool>,
}

impl<'a> Case<'a> {
    #[doc(hidden)]
    #[inline(always)]
    pub fn recv<T>(station: &'a Receives<'_, T>) -> Case<'a> {
        Case::new(station, station.hint())
    }

    #[doc(hidden)]
    #[inline(always)]
    pub fn send<T>(station: &'a Sends<'_, T>) -> Case<'a> {
        Case::new(station, station.hint())
    }

    #[inline(always)]
    pub(super) fn new(station: &'a dyn Station, hint: Option<&'a AtomicBool>) -> Case<'a> {
        Case { station, hint }
    }
}

impl Operation for Case<'_> {
    #[inline(always)]
    fn station(&self) -> &dyn Station {
        self.station
    }

    #[inline(always)]
    fn may_be_ready(&self) -> bool {
        says_ready(self.hint)
    }
}

#[inline(always)]
pub(super) fn says_ready(hint: Option<&AtomicBool>) -> bool {
    hint.is_none_or(|hint| hint.load(Ordering::Relaxed))
}

/// Which operation was selected. What it was selected with is in its station.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations)] // Not for users.
pub struct Selected {
    index: usize,
    /// Whether it counts towards the caller's turn, as it did not wait.
    pub(super) charged: bool,
}

impl Selected {
    #[doc(hidden)]
    #[inline(always)]
    pub fn index(self) -> usize {
        self.index
    }

    /// Completes one that leaves nothing to do.
    pub(super) fn complete(self) {
        if self.charged {
            checkpoint();
        }
    }
}

/// How long to wait.
#[derive(Clone, Copy)]
pub(super) enum Until {
    Now,
    Deadline(Option<Instant>),
}

impl Until {
    /// A time that the clock cannot tell does not come.
    pub(super) fn timeout(timeout: Duration) -> Until {
        Until::Deadline(crate::now().checked_add(timeout))
    }

    #[inline(always)]
    fn patience(self) -> Patience {
        match self {
            Until::Now => Patience {
                offers: may_wait_for_offers(),
                deadline: None,
                unwinds: false,
                since: None,
            },
            Until::Deadline(deadline) => {
                Patience { offers: true, deadline, unwinds: true, since: None }
            }
        }
    }

    fn is_over(self) -> bool {
        match self {
            Until::Now => true,
            Until::Deadline(deadline) => deadline.is_some_and(|d| d <= crate::now()),
        }
    }
}

/// Selects an operation. None when the time is over.
///
/// Inlined with all that it calls on the way to a switch, see [`park::wait`].
#[inline(always)]
pub(super) fn select<C: Operation>(cases: &[C], until: Until, biased: bool) -> Option<Selected> {
    let mut patience = until.patience();
    let mut last = matches!(until, Until::Now);
    let mut charged = !last;
    loop {
        if let Some(index) = first(cases, biased, |station| station.try_select(&patience)) {
            return Some(Selected { index, charged });
        }
        if last {
            return None;
        }
        charged = false;
        match wait(cases, until, false, &mut patience.since) {
            (Some(index), _) => {
                if cases[index].station().settle(&patience) {
                    return Some(Selected { index, charged });
                }
            }
            (None, Some(Stopped::Interrupted(interrupt))) => interrupt.unwind(),
            (None, Some(Stopped::TimedOut)) if until.is_over() => {
                // Something may have become ready at the same time.
                last = true;
                patience.offers = false;
            }
            (None, _) => {}
        }
    }
}

/// The index of an operation that is ready. None when the time is over.
pub(super) fn ready<C: Operation>(cases: &[C], until: Until, biased: bool) -> Option<usize> {
    let mut last = matches!(until, Until::Now);
    let mut charged = !last;
    loop {
        if let Some(index) = first(cases, biased, |station| station.is_ready()) {
            if charged {
                checkpoint();
            }
            return Some(index);
        }
        if last {
            return None;
        }
        charged = false;
        match wait(cases, until, true, &mut None) {
            (Some(index), _) => return Some(index),
            (None, Some(Stopped::Interrupted(interrupt))) => interrupt.unwind(),
            (None, Some(Stopped::TimedOut)) => last = until.is_over(),
            (None, None) => {}
        }
    }
}

/// The index of the first operation that `accepts`, of those that may be ready: in any order, each as likely, or from the first on.
#[inline(always)]
fn first<C: Operation>(
    cases: &[C],
    biased: bool,
    accepts: impl Fn(&dyn Station) -> bool,
) -> Option<usize> {
    if cases.len() > u64::BITS as usize {
        return first_of_many(cases, biased, &|station| accepts(station));
    }
    let mut left = 0;
    for (case, i) in cases.iter().zip(0..) {
        left |= u64::from(case.may_be_ready()) << i;
    }
    while left != 0 {
        let bit = if biased { left & left.wrapping_neg() } else { random::bit(left) };
        let index = bit.trailing_zeros() as usize;
        if accepts(cases[index].station()) {
            return Some(index);
        }
        left &= !bit;
    }
    None
}

#[cold]
fn first_of_many<C: Operation>(
    cases: &[C],
    biased: bool,
    accepts: &dyn Fn(&dyn Station) -> bool,
) -> Option<usize> {
    let mut order: Vec<usize> = (0..cases.len()).filter(|i| cases[*i].may_be_ready()).collect();
    if !biased {
        random::shuffle(&mut order);
    }
    order.into_iter().find(|i| accepts(cases[*i].station()))
}

/// Waits in the queues of all operations until somebody ends the wait in one of them, or something else does. Returns at once if
/// an operation has become ready. All places have been given up. Notes `since` when it waits, for timers.
#[inline(always)]
fn wait<C: Operation>(
    cases: &[C],
    until: Until,
    watch: bool,
    since: &mut Option<Instant>,
) -> (Option<usize>, Option<Stopped>) {
    let Until::Deadline(mut earliest) = until else { return (None, None) };
    let waiter = Waiter::new();
    let mut places = Places { cases, enlisted: 0, watches: Vec::new() };
    let mut ready = false;
    for (case, verdict) in cases.iter().zip(1..) {
        // SAFETY: `places` sees to it that it leaves before this frame ends, in which the waiter is, and all borrow the station.
        match unsafe { case.station().enlist(&waiter, verdict, watch) } {
            Enlisted::Waits => places.enlisted = verdict as usize,
            Enlisted::Until(watch) => places.watches.push(watch),
            Enlisted::At(at) => {
                since.get_or_insert_with(crate::now);
                earliest = park::earlier(earliest, at);
            }
            Enlisted::Ready => {
                ready = true;
                break;
            }
        }
    }
    let (verdict, stopped) = match ready {
        false => match waiter.wait(&SELECT, earliest) {
            Ok(verdict) => (Some(verdict), None),
            Err(stopped) => (given_up(&waiter), Some(stopped)),
        },
        true => (given_up(&waiter), None),
    };
    drop(places);
    (verdict.map(|verdict| verdict as usize - 1), stopped)
}

/// Ends the wait. The verdict if somebody else has ended it.
#[cold]
fn given_up(waiter: &Waiter) -> Option<u32> {
    if waiter.give_up() { None } else { waiter.verdict() }
}

/// The places in the queues of some operations, given up when dropped.
struct Places<'c, C: Operation> {
    cases: &'c [C],
    /// Those after this one are in no queue.
    enlisted: usize,
    watches: Vec<Box<dyn Watch + 'c>>,
}

impl<C: Operation> Drop for Places<'_, C> {
    #[inline(always)]
    fn drop(&mut self) {
        for case in &self.cases[..self.enlisted] {
            case.station().leave();
        }
    }
}

#[doc(hidden)]
#[inline(always)]
pub fn select_cases(cases: &[Case<'_>], biased: bool) -> Selected {
    select(cases, Until::Deadline(None), biased).expect("waits until there is one")
}

#[doc(hidden)]
pub fn try_select_cases(cases: &[Case<'_>], biased: bool) -> Option<Selected> {
    select(cases, Until::Now, biased)
}

#[doc(hidden)]
#[inline(always)]
pub fn select_cases_timeout(
    cases: &[Case<'_>],
    timeout: Duration,
    biased: bool,
) -> Option<Selected> {
    select(cases, Until::timeout(timeout), biased)
}
