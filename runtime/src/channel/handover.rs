//! Receivers that have met a sender in a select, whose message is made only after it has been selected.
//!
//! The two are promised to each other: both waits are over for everybody else. The receiver then waits in the list
//! [`PROMISED`]; whichever selected sender completes first serves whichever receiver is first. A sender may withdraw,
//! then one receiver starts over; a receiver may go (time-out, cancellation), then one sender finds none, and sends like any other.

use std::collections::VecDeque;
use std::time::Instant;

use super::SendError;
use super::channel::{Channel, RECEIVE};
use super::state::{Locked, PROMISED, Slot, hand_over, refill};
use super::wakeups::Wakeups;
use crate::park::{Place, Stopped};

/// The counts, under the channel's lock.
#[derive(Debug)]
pub(super) struct Handover<T> {
    /// Selected senders that have been promised a receiver, and have neither completed nor withdrawn.
    senders: usize,
    /// Receivers that have been promised a sender, and wait or are on their way to it. Never more than `senders`.
    receivers: usize,
    /// For receivers on their way: messages that have come before them,
    delivered: VecDeque<T>,
    /// and senders that have withdrawn before they came.
    withdrawn: usize,
}

/// What became of a promise.
pub(super) enum Kept<T> {
    Message(T),
    /// The sender has withdrawn: look again.
    Withdrawn,
    Disconnected,
    Stopped(Stopped),
}

impl<T> Handover<T> {
    pub(super) fn new() -> Handover<T> {
        Handover { senders: 0, receivers: 0, delivered: VecDeque::new(), withdrawn: 0 }
    }

    /// One selected sender and one receiver more.
    pub(super) fn promise(&mut self) {
        self.senders += 1;
        self.receivers += 1;
    }

    /// The messages that nobody will fetch.
    pub(super) fn take_delivered(&mut self) -> VecDeque<T> {
        std::mem::take(&mut self.delivered)
    }
}

impl<T> Channel<T> {
    /// Waits for the message that was promised to the caller while it waited.
    pub(super) fn fetch_promised(&self, deadline: Option<Instant>) -> Kept<T> {
        let mut locked = self.queue.lock();
        if let Some(message) = locked.handover.delivered.pop_front() {
            return Kept::Message(message);
        }
        if locked.handover.withdrawn > 0 {
            locked.handover.withdrawn -= 1;
            return Kept::Withdrawn;
        }
        if locked.senders_gone {
            return Kept::Disconnected;
        }
        self.wait_promised(locked, deadline)
    }

    /// Waits for the message that has just been promised to the caller.
    pub(super) fn wait_promised(
        &self,
        locked: Locked<'_, T>,
        deadline: Option<Instant>,
    ) -> Kept<T> {
        match locked.wait(PROMISED, Place::Back, Slot::Empty, &RECEIVE, deadline) {
            Ok(Slot::Message(message)) => Kept::Message(message),
            Ok(Slot::Withdrawn) => Kept::Withdrawn,
            Ok(_) => Kept::Disconnected,
            Err((stopped, _, mut locked)) => {
                locked.handover.receivers -= 1;
                Kept::Stopped(stopped)
            }
        }
    }

    /// Completes a selected sender that was promised a receiver. Waits if that has gone.
    pub(super) fn send_promised(&self, message: T) -> Result<(), SendError<T>> {
        let mut message = Some(message);
        let mut owed = Wakeups::default();
        let mut locked = self.queue.lock();
        locked.handover.senders -= 1;
        if locked.handover.receivers > 0 {
            locked.handover.receivers -= 1;
            let served = locked
                .serve(PROMISED, |slot| *slot = message.take().map_or(Slot::Empty, Slot::Message));
            match served {
                Some(((), wakeup)) => owed.add(wakeup),
                // It is on its way.
                None => locked.handover.delivered.extend(message.take()),
            }
        }
        drop(locked);
        drop(owed);
        match message {
            None => Ok(()),
            Some(message) => self.send(message, None).map_err(|e| SendError(e.into_inner())),
        }
    }

    /// A selected sender that was promised a receiver brings nothing.
    pub(super) fn withdraw_promised(&self) {
        let mut owed = Wakeups::default();
        let mut locked = self.queue.lock();
        locked.handover.senders -= 1;
        if locked.handover.receivers > locked.handover.senders {
            locked.handover.receivers -= 1;
            match locked.serve(PROMISED, |slot| *slot = Slot::Withdrawn) {
                Some(((), wakeup)) => owed.add(wakeup),
                None => locked.handover.withdrawn += 1,
            }
        }
    }

    /// Completes a selected sender that has room in the buffer.
    pub(super) fn send_reserved(&self, message: T) -> Result<(), SendError<T>> {
        let mut owed = Wakeups::default();
        let mut locked = self.queue.lock();
        locked.reserved -= 1;
        if locked.receivers_gone {
            return Err(SendError(message));
        }
        match hand_over(&mut locked, message, &mut owed) {
            Ok(()) => refill(&mut locked, &mut owed),
            Err(message) => locked.buffer.push_back(message),
        }
        Ok(())
    }

    /// A selected sender that has room in the buffer brings nothing.
    pub(super) fn withdraw_reserved(&self) {
        let mut owed = Wakeups::default();
        let mut locked = self.queue.lock();
        locked.reserved -= 1;
        refill(&mut locked, &mut owed);
    }

    /// Keeps a message for a selected receiver.
    pub(super) fn set_aside(&self, message: T) {
        self.queue.lock().set_aside.push_back(message);
    }

    /// Completes a selected receiver for which a message was set aside.
    pub(super) fn take_aside(&self) -> Option<T> {
        self.queue.lock().set_aside.pop_front()
    }

    /// A selected receiver does not want its message after all: it is the next one's.
    pub(super) fn put_back(&self) {
        let mut owed = Wakeups::default();
        let mut locked = self.queue.lock();
        if let Some(message) = locked.set_aside.pop_front()
            && let Err(message) = hand_over(&mut locked, message, &mut owed)
        {
            locked.buffer.push_front(message);
        }
    }
}
