//! Selecting: look at all operations, wait in all their queues, be selected in one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::handle::{Enlisted, Patience, Place, SelectHandle, Token};
use super::{SelectedOperation, random};
use crate::channel::channel::may_wait_for_offers;
use crate::channel::{Receiver, Sender};
use crate::fairness::checkpoint;
use crate::park::{self, Reason, Stopped, Waiter};

const SELECT: Reason = Reason("select");

/// One operation of a select, as the macros make it.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations)] // Not for users.
pub struct Case<'a> {
    pub(super) handle: &'a dyn SelectHandle,
    pub(super) index: usize,
    /// Of the sender or receiver, by which a completion is checked.
    pub(super) address: *const u8,
}

impl<'a> Case<'a> {
    #[doc(hidden)]
    pub fn recv<T>(receiver: &'a Receiver<T>) -> Case<'a> {
        Case { handle: receiver, index: 0, address: std::ptr::from_ref(receiver).cast() }
    }

    #[doc(hidden)]
    pub fn send<T>(sender: &'a Sender<T>) -> Case<'a> {
        Case { handle: sender, index: 0, address: std::ptr::from_ref(sender).cast() }
    }
}

impl<'a> Case<'a> {
    pub(super) fn new(handle: &'a dyn SelectHandle) -> Case<'a> {
        Case { handle, index: 0, address: std::ptr::null() }
    }
}

/// A selected operation without its lifetime and destructor, so that what the arms of a macro borrow is free again in their bodies.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations)] // Not for users.
pub struct Selected {
    index: usize,
    token: Token,
    charged: bool,
}

impl Selected {
    fn new(operation: SelectedOperation<'_>) -> Selected {
        let index = operation.index();
        let (token, charged) = operation.complete();
        Selected { index, token, charged }
    }

    #[doc(hidden)]
    pub fn index(self) -> usize {
        self.index
    }

    /// Completes one that leaves nothing to do.
    pub(super) fn complete(self) -> Token {
        if self.charged {
            checkpoint();
        }
        self.token
    }

    /// The operation again, to be completed.
    #[doc(hidden)]
    pub fn of(self, case: Case<'_>) -> SelectedOperation<'_> {
        SelectedOperation::new(Case { index: self.index, ..case }, self.token, self.charged)
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
pub(super) fn select<'a>(
    cases: &mut [Case<'a>],
    until: Until,
    biased: bool,
) -> Option<SelectedOperation<'a>> {
    let mut patience = until.patience();
    let mut last = matches!(until, Until::Now);
    let mut charged = !last;
    loop {
        if !biased {
            random::shuffle(cases);
        }
        for case in &*cases {
            if let Some(token) = case.handle.try_select(&patience) {
                return Some(SelectedOperation::new(*case, token, charged));
            }
        }
        if last {
            return None;
        }
        charged = false;
        let (won, stopped) = wait(cases, until, false, &mut patience.since);
        if let Some((case, place)) = won {
            if let Some(token) = place.selected(&patience) {
                return Some(SelectedOperation::new(case, token, charged));
            }
        } else if let Some(Stopped::Interrupted(interrupt)) = stopped {
            interrupt.unwind();
        } else if stopped.is_some() && until.is_over() {
            // Something may have become ready at the same time.
            last = true;
            patience.offers = false;
        }
    }
}

/// The index of an operation that is ready. None when the time is over.
pub(super) fn ready(cases: &mut [Case<'_>], until: Until, biased: bool) -> Option<usize> {
    let mut last = matches!(until, Until::Now);
    let mut charged = !last;
    loop {
        if !biased {
            random::shuffle(cases);
        }
        if let Some(case) = cases.iter().find(|case| case.handle.is_ready()) {
            if charged {
                checkpoint();
            }
            return Some(case.index);
        }
        if last {
            return None;
        }
        charged = false;
        match wait(cases, until, true, &mut None) {
            (Some((case, _)), _) => return Some(case.index),
            (None, Some(Stopped::Interrupted(interrupt))) => interrupt.unwind(),
            (None, Some(Stopped::TimedOut)) => last = until.is_over(),
            (None, None) => {}
        }
    }
}

/// The operation whose peer has ended the wait, with its place.
type Won<'a> = (Case<'a>, Box<dyn Place + 'a>);

/// Waits in the queues of all operations until somebody ends the wait in one of them, or something else does. Returns at once if
/// an operation has become ready. All other places have been given up. Notes `since` when it waits, for timers.
fn wait<'a>(
    cases: &[Case<'a>],
    until: Until,
    watch: bool,
    since: &mut Option<Instant>,
) -> (Option<Won<'a>>, Option<Stopped>) {
    let Until::Deadline(mut earliest) = until else { return (None, None) };
    let waiter = Arc::new(Waiter::new());
    let mut places = Vec::with_capacity(cases.len());
    let mut ready = false;
    for (case, verdict) in cases.iter().zip(1..) {
        match case.handle.enlist(&waiter, verdict, watch) {
            Enlisted::Waits(place) => places.push((*case, verdict, place)),
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
    let stopped = if ready { None } else { waiter.wait(&SELECT, earliest).err() };
    let verdict = if waiter.give_up() { None } else { waiter.verdict() };
    let mut won = None;
    for (case, at, place) in places {
        if Some(at) == verdict {
            won = Some((case, place));
        }
    }
    (won, stopped)
}

fn number(cases: &mut [Case<'_>]) {
    cases.iter_mut().enumerate().for_each(|(index, case)| case.index = index);
}

#[doc(hidden)]
pub fn select_cases(cases: &mut [Case<'_>], biased: bool) -> Selected {
    number(cases);
    let selected = select(cases, Until::Deadline(None), biased);
    selected.map(Selected::new).expect("waits until there is one")
}

#[doc(hidden)]
pub fn try_select_cases(cases: &mut [Case<'_>], biased: bool) -> Option<Selected> {
    number(cases);
    select(cases, Until::Now, biased).map(Selected::new)
}

#[doc(hidden)]
pub fn select_cases_timeout(
    cases: &mut [Case<'_>],
    timeout: Duration,
    biased: bool,
) -> Option<Selected> {
    number(cases);
    select(cases, Until::timeout(timeout), biased).map(Selected::new)
}
