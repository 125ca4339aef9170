//! Channels without senders, whose messages are points in time that have come.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use super::channel::RECEIVE;
use super::{RecvTimeoutError, TryRecvError};
use crate::fairness::checkpoint;
use crate::park::{self, Woken};
use crate::sys::lock::Mutex;

/// When the next message comes, and how long after it another one.
#[derive(Debug)]
pub(super) struct Timer {
    /// None when no other will come.
    next: Mutex<Option<Instant>>,
    period: Option<Duration>,
}

/// A [`Timer`], as a channel of `T`s, which is an [`Instant`].
pub(super) trait Timed<T>: Debug + Send + Sync {
    fn timer(&self) -> &Timer;
    fn message(&self, at: Instant) -> T;
}

impl Timed<Instant> for Timer {
    fn timer(&self) -> &Timer {
        self
    }

    fn message(&self, at: Instant) -> Instant {
        at
    }
}

impl Timer {
    pub(super) fn new(first: Instant, period: Option<Duration>) -> Timer {
        Timer { next: Mutex::new(Some(first)), period }
    }

    /// When it will be ready. None for never.
    pub(super) fn next(&self) -> Option<Instant> {
        *self.next.lock()
    }

    pub(super) fn is_ready(&self) -> bool {
        self.next().is_some_and(|at| at <= crate::now())
    }

    /// The message, if its time has come. `since` is when the caller began to ask: one who waited gets the next after a period, one who
    /// came late a period after that.
    pub(super) fn take(&self, since: Instant) -> Option<Instant> {
        let now = crate::now();
        let mut next = self.next.lock();
        let at = next.filter(|at| *at <= now)?;
        *next = self.period.and_then(|period| at.max(since).checked_add(period));
        Some(at)
    }

    /// Undoes `take`.
    pub(super) fn put_back(&self, at: Instant) {
        *self.next.lock() = Some(at);
    }

    pub(super) fn try_recv(&self) -> Result<Instant, TryRecvError> {
        self.take(crate::now()).ok_or(TryRecvError::Empty)
    }

    pub(super) fn recv(&self, deadline: Option<Instant>) -> Result<Instant, RecvTimeoutError> {
        let since = crate::now();
        if let Some(at) = self.take(since) {
            checkpoint();
            return Ok(at);
        }
        loop {
            let woken = park::wait(&RECEIVE, park::earlier(self.next(), deadline));
            // Others that receive here may have been first.
            if let Some(at) = self.take(since) {
                return Ok(at);
            }
            match woken {
                Woken::Interrupted(interrupt) => interrupt.unwind(),
                _ if deadline.is_some_and(|d| d <= crate::now()) => {
                    return Err(RecvTimeoutError::Timeout);
                }
                _ => {}
            }
        }
    }
}
