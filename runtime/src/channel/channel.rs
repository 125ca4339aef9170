//! The channel itself: one state under one lock for every capacity, with queues of those who wait.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

use super::handover::Kept;
use super::state::{self, Locked, RECEIVERS, SENDERS, Slot, State, Taken};
use super::{RecvTimeoutError, SendTimeoutError, TryRecvError, TrySendError};
use crate::context;
use crate::fairness::checkpoint;
use crate::model::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::park::{Place, Queue, Reason, Stopped, Wakeups};

pub(super) const SEND: Reason = Reason("channel send");
pub(super) const RECEIVE: Reason = Reason("channel receive");

/// Shared by all senders and receivers, which count themselves.
#[derive(Debug)]
pub(super) struct Channel<T> {
    pub(super) queue: Queue<State<T>, Slot<T>, 3>,
    /// False if a receiver would have to wait, for selects. Set by whoever makes it so, under the lock; cleared by a select that finds it is
    /// not so, also under the lock. So who has synchronized with a sender finds it set.
    pub(super) receivable: AtomicBool,
    senders: AtomicUsize,
    receivers: AtomicUsize,
}

impl<T> Channel<T> {
    /// With one sender and one receiver.
    pub(super) fn new(capacity: usize) -> Channel<T> {
        Channel {
            queue: Queue::new(State::new(capacity)),
            receivable: AtomicBool::new(false),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
        }
    }

    /// The plain cases by themselves, to be inlined: a receiver waits for just this, or nobody does.
    #[inline(always)]
    pub(super) fn send(
        &self,
        message: T,
        deadline: Option<Instant>,
    ) -> Result<(), SendTimeoutError<T>> {
        {
            // Goes after the lock, and is not moved: it would be read before the processor has put together what was written in parts.
            let _served;
            let mut locked = self.queue.lock();
            match locked.first(RECEIVERS) {
                _ if locked.receivers_gone => return self.send_locked(locked, message, deadline),
                None if locked.has_room() => {
                    self.receivable.store(true, Ordering::Relaxed);
                    locked.buffer.push_back(message);
                }
                None => {
                    self.receivable.store(true, Ordering::Relaxed);
                    let message = Slot::Message(message);
                    return match locked.wait(SENDERS, Place::Back, message, &SEND, deadline) {
                        Ok(Slot::Empty) => Ok(()),
                        outcome => send_else(outcome),
                    };
                }
                Some(Slot::Empty) => {
                    let mut message = Some(message);
                    let waits = |slot: &Slot<T>| matches!(slot, Slot::Empty);
                    _served = locked.serve_where(RECEIVERS, waits, |slot| {
                        *slot = message.take().map_or(Slot::Empty, Slot::Message);
                    });
                    if let Some(message) = message {
                        // All of them were in selects, and got something elsewhere.
                        return self.send_locked(locked, message, deadline);
                    }
                }
                Some(_) => return self.send_locked(locked, message, deadline),
            }
        }
        checkpoint();
        Ok(())
    }

    #[cold]
    fn send_locked(
        &self,
        mut locked: Locked<'_, T>,
        message: T,
        deadline: Option<Instant>,
    ) -> Result<(), SendTimeoutError<T>> {
        let mut owed = Wakeups::default();
        self.receivable.store(true, Ordering::Relaxed);
        let message = match state::put(&mut locked, message, &mut owed) {
            Err(TrySendError::Full(message)) => message,
            sent => {
                drop(locked);
                drop(owed);
                checkpoint();
                return sent.map_err(|e| SendTimeoutError::Disconnected(e.into_inner()));
            }
        };
        owed.pay();
        send_else(locked.wait(SENDERS, Place::Back, Slot::Message(message), &SEND, deadline))
    }

    #[inline]
    pub(super) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let mut owed = Wakeups::default();
        let mut locked = self.queue.lock();
        self.receivable.store(true, Ordering::Relaxed);
        state::put(&mut locked, message, &mut owed)
    }

    /// The plain cases by themselves, to be inlined: there is a message and no sender waits, or nothing at all.
    #[inline(always)]
    pub(super) fn recv(&self, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
        let mut locked = self.queue.lock();
        if !locked.is_empty(SENDERS) {
            return self.recv_locked(locked, Place::Back, deadline);
        }
        if let Some(message) = locked.buffer.pop_front() {
            drop(locked);
            checkpoint();
            return Ok(message);
        }
        if locked.senders_gone {
            return Err(RecvTimeoutError::Disconnected);
        }
        match locked.wait(RECEIVERS, Place::Back, Slot::Empty, &RECEIVE, deadline) {
            Ok(Slot::Message(message)) => Ok(message),
            outcome => self.recv_else(outcome, deadline),
        }
    }

    /// After a wait that did not bring a message.
    #[cold]
    fn recv_else(
        &self,
        outcome: Result<Slot<T>, (Stopped, Slot<T>, Locked<'_, T>)>,
        deadline: Option<Instant>,
    ) -> Result<T, RecvTimeoutError> {
        let kept = match outcome {
            Ok(Slot::Promised(ticket)) => self.fetch_promised(ticket, deadline),
            Ok(_) => Kept::Disconnected,
            Err((stopped, _, locked)) => {
                drop(locked);
                Kept::Stopped(stopped)
            }
        };
        match kept.settle() {
            Some(result) => result,
            // It had its turn.
            None => self.recv_locked(self.queue.lock(), Place::Front, deadline),
        }
    }

    fn recv_locked<'q>(
        &'q self,
        mut locked: Locked<'q, T>,
        mut place: Place,
        deadline: Option<Instant>,
    ) -> Result<T, RecvTimeoutError> {
        loop {
            let mut owed = Wakeups::default();
            let kept = match state::take(&mut locked, &mut owed, true) {
                Taken::Message(message) => {
                    drop(locked);
                    drop(owed);
                    checkpoint();
                    return Ok(message);
                }
                Taken::Disconnected => {
                    drop(locked);
                    checkpoint();
                    return Err(RecvTimeoutError::Disconnected);
                }
                Taken::Promise(ticket) => {
                    owed.pay();
                    self.wait_promised(locked, ticket, deadline)
                }
                Taken::Empty => {
                    owed.pay();
                    match locked.wait(RECEIVERS, place, Slot::Empty, &RECEIVE, deadline) {
                        Ok(Slot::Message(message)) => return Ok(message),
                        Ok(Slot::Promised(ticket)) => self.fetch_promised(ticket, deadline),
                        Ok(_) => Kept::Disconnected,
                        Err((stopped, _, _)) => Kept::Stopped(stopped),
                    }
                }
            };
            if let Some(result) = kept.settle() {
                return result;
            }
            // It had its turn.
            place = Place::Front;
            locked = self.queue.lock();
        }
    }

    #[inline]
    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        loop {
            let mut owed = Wakeups::default();
            let mut locked = self.queue.lock();
            let kept = match state::take(&mut locked, &mut owed, may_wait_for_offers()) {
                Taken::Message(message) => return Ok(message),
                Taken::Disconnected => return Err(TryRecvError::Disconnected),
                Taken::Empty => return Err(TryRecvError::Empty),
                Taken::Promise(ticket) => {
                    owed.pay();
                    self.wait_promised(locked, ticket, None)
                }
            };
            match kept {
                Kept::Message(message) => return Ok(message),
                Kept::Withdrawn => {}
                Kept::Disconnected => return Err(TryRecvError::Disconnected),
                // Not a call that is to be ended: the next one is.
                Kept::Stopped(_) => return Err(TryRecvError::Empty),
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.queue.lock().buffer.len()
    }

    pub(super) fn is_full(&self) -> bool {
        !self.queue.lock().has_room()
    }

    pub(super) fn capacity(&self) -> Option<usize> {
        Some(self.queue.lock().capacity).filter(|capacity| *capacity != usize::MAX)
    }

    // The counts cannot overflow: each sender and receiver holds an `Arc` of this, which would abort before.

    pub(super) fn add_sender(&self) {
        self.senders.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_receiver(&self) {
        self.receivers.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn remove_sender(&self) {
        if self.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            let mut owed = Wakeups::default();
            let mut locked = self.queue.lock();
            locked.senders_gone = true;
            self.receivable.store(true, Ordering::Relaxed);
            state::disconnect(&mut locked, RECEIVERS, &mut owed);
            // Nobody waits there, unless a selected operation has been leaked.
            state::disconnect(&mut locked, state::PROMISED, &mut owed);
        }
    }

    pub(super) fn remove_receiver(&self) {
        if self.receivers.fetch_sub(1, Ordering::AcqRel) == 1 {
            let mut owed = Wakeups::default();
            let mut locked = self.queue.lock();
            locked.receivers_gone = true;
            state::disconnect(&mut locked, SENDERS, &mut owed);
            let left = std::mem::take(&mut locked.buffer);
            let kept = locked.handover.take_all();
            drop(locked);
            drop(owed);
            drop_all(left.into_iter().chain(kept));
        }
    }
}

/// What a sender returns after it had to wait. Unwinds if it was interrupted.
#[cold]
fn send_else<T>(
    outcome: Result<Slot<T>, (Stopped, Slot<T>, Locked<'_, T>)>,
) -> Result<(), SendTimeoutError<T>> {
    let (stopped, slot) = match outcome {
        Ok(Slot::Message(message)) => return Err(SendTimeoutError::Disconnected(message)),
        Ok(_) => return Ok(()),
        Err((stopped, slot, locked)) => {
            drop(locked);
            (stopped, slot)
        }
    };
    match (stopped, slot) {
        (Stopped::TimedOut, Slot::Message(message)) => Err(SendTimeoutError::Timeout(message)),
        (Stopped::TimedOut, _) => unreachable!("only who serves it takes its message"),
        (Stopped::Interrupted(interrupt), slot) => {
            drop(slot);
            interrupt.unwind()
        }
    }
}

/// Drops each message, also after a panic, which goes on afterwards. Later ones have been reported by the hook.
fn drop_all<T>(messages: impl Iterator<Item = T>) {
    let mut panic = Ok(());
    for message in messages {
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(message)));
        match panic {
            Ok(()) => panic = dropped,
            Err(_) => drop(dropped.map_err(std::mem::forget)),
        }
    }
    if let Err(payload) = panic {
        resume_unwind(payload);
    }
}

/// Whether the caller may wait for a selected sender's message in a call that else does not wait. Not where that sender may have to
/// run on the very thread that would be blocked.
pub(super) fn may_wait_for_offers() -> bool {
    context::current().is_none_or(|_| context::may_switch())
}
