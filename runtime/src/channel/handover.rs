//! What is between two who have met in a select: messages that wait to be fetched, and senders whose message is yet to be made.
//!
//! A select only says which operation is to be done; its caller does it a little later. A message for a selected receiver is kept here
//! until then, under a ticket. A selected sender makes its message only then: it and the receiver that it met are promised to each
//! other, by a ticket that both hold, and their waits are over for everybody else. The receiver then waits in the list [`PROMISED`]. The
//! sender may withdraw, then the receiver starts over; the receiver may go (time-out, cancellation), then the sender sends like any other.

use std::time::Instant;

use super::channel::{Channel, RECEIVE};
use super::state::{Locked, PROMISED, Slot, hand_over, refill};
use super::{RecvTimeoutError, SendError};
use crate::model::atomic::Ordering;
use crate::park::{Place, Stopped, Wakeups};

/// Kept under the channel's lock. Nearly always short.
#[derive(Debug)]
pub(super) struct Handover<T> {
    next: Ticket,
    kept: Vec<(Ticket, Due<T>)>,
}

pub(super) type Ticket = u64;

/// What the holder of a ticket finds. Taken away by the receiver.
#[derive(Debug)]
enum Due<T> {
    Message(T),
    /// The sender has yet to bring it.
    Awaited,
    /// The sender has withdrawn.
    Withdrawn,
}

/// What became of a promise.
pub(super) enum Kept<T> {
    Message(T),
    /// The sender has withdrawn: look again.
    Withdrawn,
    Disconnected,
    Stopped(Stopped),
}

impl<T> Kept<T> {
    /// What the receiver returns. None if it is to look again. Unwinds if it was interrupted.
    pub(super) fn settle(self) -> Option<Result<T, RecvTimeoutError>> {
        match self {
            Kept::Message(message) => Some(Ok(message)),
            Kept::Withdrawn => None,
            Kept::Disconnected => Some(Err(RecvTimeoutError::Disconnected)),
            Kept::Stopped(Stopped::TimedOut) => Some(Err(RecvTimeoutError::Timeout)),
            Kept::Stopped(Stopped::Interrupted(interrupt)) => interrupt.unwind(),
        }
    }
}

impl<T> Handover<T> {
    pub(super) fn new() -> Handover<T> {
        Handover { next: 0, kept: Vec::new() }
    }

    fn issue(&mut self, due: Due<T>) -> Ticket {
        self.next += 1;
        self.kept.push((self.next, due));
        self.next
    }

    /// The ticket that will be issued next.
    pub(super) fn upcoming(&self) -> Ticket {
        self.next + 1
    }

    /// For a message to be fetched.
    pub(super) fn keep(&mut self, message: T) -> Ticket {
        self.issue(Due::Message(message))
    }

    /// For a selected sender and a receiver.
    pub(super) fn promise(&mut self) -> Ticket {
        self.issue(Due::Awaited)
    }

    fn find(&mut self, ticket: Ticket) -> Option<&mut Due<T>> {
        self.kept.iter_mut().find(|(kept, _)| *kept == ticket).map(|(_, due)| due)
    }

    fn take(&mut self, ticket: Ticket) -> Option<Due<T>> {
        let position = self.kept.iter().position(|(kept, _)| *kept == ticket)?;
        Some(self.kept.swap_remove(position).1)
    }

    /// Everything, when nobody is left who could fetch it.
    pub(super) fn take_all(&mut self) -> Vec<T> {
        let kept = std::mem::take(&mut self.kept).into_iter();
        kept.filter_map(|(_, due)| if let Due::Message(m) = due { Some(m) } else { None }).collect()
    }
}

impl<T> Channel<T> {
    /// Waits for the message that was promised to the caller while it waited.
    pub(super) fn fetch_promised(&self, ticket: Ticket, deadline: Option<Instant>) -> Kept<T> {
        let mut locked = self.queue.lock();
        if matches!(locked.handover.find(ticket), Some(Due::Awaited)) && !locked.senders_gone {
            return self.wait_promised(locked, ticket, deadline);
        }
        match locked.handover.take(ticket) {
            Some(Due::Message(message)) => Kept::Message(message),
            Some(Due::Withdrawn) => Kept::Withdrawn,
            _ => Kept::Disconnected,
        }
    }

    /// Waits for the message that has just been promised to the caller.
    pub(super) fn wait_promised(
        &self,
        locked: Locked<'_, T>,
        ticket: Ticket,
        deadline: Option<Instant>,
    ) -> Kept<T> {
        match locked.wait(PROMISED, Place::Back, Slot::Promised(ticket), &RECEIVE, deadline) {
            Ok(Slot::Message(message)) => Kept::Message(message),
            Ok(Slot::Withdrawn) => Kept::Withdrawn,
            Ok(_) => Kept::Disconnected,
            Err((stopped, _, mut locked)) => {
                locked.handover.take(ticket);
                Kept::Stopped(stopped)
            }
        }
    }

    /// Completes a selected sender that was promised a receiver. Waits if that has gone.
    pub(super) fn send_promised(&self, ticket: Ticket, message: T) -> Result<(), SendError<T>> {
        match self.keep_promise(ticket, Due::Message(message)) {
            Some(Due::Message(message)) => {
                self.send(message, None).map_err(|e| SendError(e.into_inner()))
            }
            _ => Ok(()),
        }
    }

    /// A selected sender that was promised a receiver brings nothing.
    pub(super) fn withdraw_promised(&self, ticket: Ticket) {
        self.keep_promise(ticket, Due::Withdrawn);
    }

    /// Lets the receiver have what is due, or returns it if that has gone.
    fn keep_promise(&self, ticket: Ticket, due: Due<T>) -> Option<Due<T>> {
        let mut owed = Wakeups::default();
        let mut locked = self.queue.lock();
        let Some(awaited) = locked.handover.find(ticket) else { return Some(due) };
        *awaited = due;
        let waits = |slot: &Slot<T>| matches!(slot, Slot::Promised(t) if *t == ticket);
        if locked.any(PROMISED, None, waits)
            && let Some(due) = locked.handover.take(ticket)
        {
            let slot = match due {
                Due::Message(message) => Slot::Message(message),
                _ => Slot::Withdrawn,
            };
            let served = locked.serve_where(PROMISED, waits, |waiting| *waiting = slot);
            served.into_iter().for_each(|((), wakeup)| owed.push(wakeup));
        }
        None
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
            Err(message) => {
                self.receivable.store(true, Ordering::Relaxed);
                locked.buffer.push_back(message);
            }
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

    /// Completes a selected receiver for which a message was kept.
    pub(super) fn fetch(&self, ticket: Ticket) -> Option<T> {
        match self.queue.lock().handover.take(ticket) {
            Some(Due::Message(message)) => Some(message),
            _ => None,
        }
    }

    /// A selected receiver does not want its message after all: it is the next one's.
    pub(super) fn put_back(&self, ticket: Ticket) {
        let mut owed = Wakeups::default();
        let mut locked = self.queue.lock();
        if let Some(Due::Message(message)) = locked.handover.take(ticket)
            && let Err(message) = hand_over(&mut locked, message, &mut owed)
        {
            self.receivable.store(true, Ordering::Relaxed);
            locked.buffer.push_front(message);
        }
    }
}
