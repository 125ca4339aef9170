//! One wait: who waits, and whether it is over.

use std::sync::Arc;
#[cfg(not(greenwood_loom))]
use std::time::Instant;

use crate::cancel::Interrupt;
use crate::model::atomic::{AtomicU32, Ordering};

#[cfg(not(greenwood_loom))]
use super::thread::{self, Parker};
#[cfg(not(greenwood_loom))]
use super::{Reason, Woken};
#[cfg(not(greenwood_loom))]
use crate::{
    context,
    coroutine::{Header, Task},
    worker,
};

/// Nobody has ended the wait yet.
const WAITING: u32 = 0;
/// The waiter has ended it itself.
const GIVEN_UP: u32 = u32::MAX;

/// A wait that others end by [`Waiter::claim`]. Made by the caller for its own wait, in which it stays until the wait is over.
#[derive(Debug)]
pub(crate) struct Waiter {
    who: Who,
    /// [`WAITING`], [`GIVEN_UP`], or what ended the wait.
    verdict: AtomicU32,
}

/// Why a wait ended that nobody has ended.
#[derive(Debug)]
pub(crate) enum Stopped {
    TimedOut,
    /// To be reported or unwound.
    Interrupted(Interrupt),
}

#[cfg(not(greenwood_loom))]
#[derive(Debug)]
enum Who {
    /// Not counted: it cannot end while it waits.
    Coroutine(*const dyn Task, *const Header),
    Thread(Arc<Parker>),
}

// SAFETY: the task is one that may be shared (`Task: Sync`).
#[cfg(not(greenwood_loom))]
unsafe impl Send for Who {}
// SAFETY: as above.
#[cfg(not(greenwood_loom))]
unsafe impl Sync for Who {}

/// A wake-up that is owed to somebody. Paid when it is dropped, which should be after any lock was given up.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct Wakeup(Option<Debt>);

#[cfg(not(greenwood_loom))]
enum Debt {
    Coroutine(Arc<dyn Task>),
    Thread(Arc<Parker>),
}

#[cfg(not(greenwood_loom))]
impl std::fmt::Debug for Debt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Debt")
    }
}

impl Waiter {
    /// For the caller's next wait.
    #[inline]
    pub(crate) fn new() -> Waiter {
        Waiter { who: Who::caller(), verdict: AtomicU32::new(WAITING) }
    }

    /// Ends the wait with `verdict`, which is neither 0 nor `u32::MAX`, if nobody has yet. For a waiter in several queues.
    pub(crate) fn claim(&self, verdict: u32) -> bool {
        self.decide(verdict)
    }

    /// Ends the wait from the waiter's side. False if somebody else has ended it.
    pub(crate) fn give_up(&self) -> bool {
        self.decide(GIVEN_UP)
    }

    fn decide(&self, verdict: u32) -> bool {
        self.verdict.compare_exchange(WAITING, verdict, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// What has ended the wait.
    #[inline]
    pub(crate) fn verdict(&self) -> Option<u32> {
        match self.verdict.load(Ordering::Acquire) {
            WAITING | GIVEN_UP => None,
            verdict => Some(verdict),
        }
    }

    /// Whether the wait has been ended, by whomever.
    pub(crate) fn is_over(&self) -> bool {
        self.verdict.load(Ordering::Acquire) != WAITING
    }

    /// A wake-up for the waiter, which keeps to its wait until the caller has given up the lock or dropped this.
    pub(crate) fn wakeup(&self) -> Wakeup {
        // SAFETY: it is in its wait.
        unsafe { self.who.owed().settle() }
    }

    /// Ends the wait of the only one who can end it but for the waiter, who is kept from that by a lock; `verdict` as in `claim`.
    ///
    /// # Safety
    /// `this` is a waiter in its wait. It may be gone when this returns.
    #[inline(always)]
    pub(super) unsafe fn end(this: *const Waiter, verdict: u32) -> Wakeup {
        // SAFETY: the caller's promise. No reference into it is kept beyond the verdict.
        unsafe {
            let owed = (*this).who.owed();
            (*this).verdict.store(verdict, Ordering::Release);
            owed.settle()
        }
    }
}

#[cfg(not(greenwood_loom))]
impl Waiter {
    /// Waits for the verdict.
    ///
    /// # Errors
    /// What ended the wait instead. The verdict may have come at the same time.
    #[inline(always)]
    pub(crate) fn wait(
        &self,
        reason: &'static Reason,
        deadline: Option<Instant>,
    ) -> Result<u32, Stopped> {
        loop {
            if let Some(verdict) = self.verdict() {
                return Ok(verdict);
            }
            // Nothing that decides whether the caller may switch has changed since the waiter was made.
            let woken = match (&self.who, context::current()) {
                (Who::Coroutine(..), Some(cx)) => {
                    let deadline = cx.reading(deadline);
                    super::wait_on_coroutine(cx, reason, deadline, crate::cancel::Heed::All)
                }
                _ => thread::wait(deadline),
            };
            match woken {
                Woken::Unparked => {}
                Woken::TimedOut => return Err(Stopped::TimedOut),
                Woken::Interrupted(interrupt) => return Err(Stopped::Interrupted(interrupt)),
            }
        }
    }

    /// [`Waiter::wait`] that nothing else ends.
    pub(crate) fn wait_uninterrupted(&self, reason: &'static Reason) -> u32 {
        loop {
            match self.verdict() {
                Some(verdict) => return verdict,
                None => super::park_uninterrupted(reason),
            }
        }
    }
}

#[cfg(not(greenwood_loom))]
impl Who {
    #[inline(always)]
    fn caller() -> Who {
        match context::switchable().and_then(|cx| cx.pointers()) {
            Some((task, header)) => Who::Coroutine(task, header),
            None => Who::Thread(thread::parker()),
        }
    }

    /// What it takes to wake it.
    #[inline(always)]
    fn owed(&self) -> Owed {
        match self {
            Who::Coroutine(task, header) => {
                // SAFETY: it is in its wait, so it has not ended.
                let header = unsafe { &**header };
                if let Some(cx) = context::current()
                    && header.home().is_some_and(|home| std::ptr::eq(home, cx.worker().shared))
                {
                    return Owed::Here(cx, header);
                }
                // SAFETY: the pointer is that of an `Arc`, which its worker holds until it has ended.
                let task = unsafe {
                    Arc::increment_strong_count(*task);
                    Arc::from_raw(*task)
                };
                Owed::Elsewhere(Debt::Coroutine(task))
            }
            Who::Thread(parker) => Owed::Elsewhere(Debt::Thread(parker.clone())),
        }
    }
}

#[cfg(not(greenwood_loom))]
enum Owed {
    /// To a coroutine of the caller's worker, where it costs next to nothing.
    Here(context::Current, *const Header),
    Elsewhere(Debt),
}

#[cfg(not(greenwood_loom))]
impl Owed {
    /// # Safety
    /// The caller has not suspended since it got this.
    #[inline(always)]
    unsafe fn settle(self) -> Wakeup {
        match self {
            Owed::Here(cx, header) => {
                // SAFETY: that coroutine was waiting, and has had no occasion to run since.
                cx.worker().unpark_local(unsafe { &*header });
                Wakeup(None)
            }
            Owed::Elsewhere(debt) => Wakeup(Some(debt)),
        }
    }
}

#[cfg(not(greenwood_loom))]
impl Debt {
    #[cold]
    fn pay(self) {
        match self {
            Debt::Coroutine(task) => worker::unpark(&task),
            Debt::Thread(parker) => parker.unpark(),
        }
    }
}

#[cfg(not(greenwood_loom))]
impl Drop for Wakeup {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(debt) = self.0.take() {
            debt.pay();
        }
    }
}

/// The model's waiter: a loom thread with a token.
#[cfg(greenwood_loom)]
mod modelled {
    use super::*;
    use loom::sync::{Condvar, Mutex};

    #[derive(Debug, Default)]
    pub(super) struct Parker(Mutex<bool>, Condvar);

    pub(super) type Who = Arc<Parker>;
    pub(super) type Debt = Arc<Parker>;

    pub(super) struct Owed(Debt);

    impl Owed {
        pub(super) unsafe fn settle(self) -> Wakeup {
            Wakeup(Some(self.0))
        }
    }

    pub(super) trait Caller {
        fn caller() -> Self;
        fn owed(&self) -> Owed;
    }

    impl Caller for Who {
        fn caller() -> Who {
            Arc::default()
        }

        fn owed(&self) -> Owed {
            Owed(self.clone())
        }
    }

    impl Drop for Wakeup {
        fn drop(&mut self) {
            if let Some(parker) = &self.0 {
                *parker.0.lock().unwrap() = true;
                parker.1.notify_one();
            }
        }
    }

    impl Waiter {
        /// Waits for the verdict.
        pub(crate) fn wait(
            &self,
            _: &'static crate::park::Reason,
            deadline: Option<std::time::Instant>,
        ) -> Result<u32, Stopped> {
            loop {
                if let Some(verdict) = self.verdict() {
                    return Ok(verdict);
                }
                // In models every deadline has passed.
                if deadline.is_some() {
                    return Err(Stopped::TimedOut);
                }
                let mut token = self.who.0.lock().unwrap();
                while !*token {
                    token = self.who.1.wait(token).unwrap();
                }
                *token = false;
            }
        }

        pub(crate) fn wait_uninterrupted(&self, reason: &'static crate::park::Reason) -> u32 {
            self.wait(reason, None).unwrap_or_else(|_| unreachable!())
        }
    }
}
#[cfg(greenwood_loom)]
use modelled::{Caller as _, Debt, Who};
