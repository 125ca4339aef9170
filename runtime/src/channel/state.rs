//! What a channel holds under its lock, and how messages move between those who wait, the buffer, and an arriving caller.

use std::collections::VecDeque;

use super::TrySendError;
use super::handover::{Handover, Ticket};
use crate::park::{self, Wakeups};

/// The lists of waiters.
pub(super) const SENDERS: usize = 0;
pub(super) const RECEIVERS: usize = 1;
/// Receivers to whom a selected sender has been promised, see [`Handover`](super::handover::Handover).
pub(super) const PROMISED: usize = 2;

pub(super) type Locked<'q, T> = park::Locked<'q, State<T>, Slot<T>, 3>;

/// While a receiver waits, the buffer is empty and no sender waits; while a sender waits, there is no room and no receiver waits.
#[derive(Debug)]
pub(super) struct State<T> {
    pub(super) buffer: VecDeque<T>,
    /// `usize::MAX` if unbounded.
    pub(super) capacity: usize,
    /// Room that selected senders have been given for the messages they will bring.
    pub(super) reserved: usize,
    pub(super) handover: Handover<T>,
    pub(super) senders_gone: bool,
    pub(super) receivers_gone: bool,
}

/// What a waiter brings, and finds when its wait is over.
#[derive(Debug)]
pub(super) enum Slot<T> {
    /// A receiver that waits; one whose senders have gone; a sender whose message was taken.
    Empty,
    /// A sender's, waiting or with its receivers gone; a receiver's that was served.
    Message(T),
    /// A sender in a select, whose message is made only once it is selected; or one whose receivers have gone.
    Offer,
    /// A selected sender has room in the buffer.
    Reserved,
    /// A selected sender and a receiver have been promised to each other; or a receiver waits for that.
    Promised(Ticket),
    /// The sender that was promised has withdrawn.
    Withdrawn,
    /// Somebody who wants to know of readiness only.
    Watch,
}

/// What an arriving receiver finds.
pub(super) enum Taken<T> {
    Message(T),
    /// A sender in a select, from which it will get a message.
    Promise(Ticket),
    Empty,
    Disconnected,
}

impl<T> State<T> {
    pub(super) fn new(capacity: usize) -> State<T> {
        State {
            buffer: VecDeque::new(),
            capacity,
            reserved: 0,
            handover: Handover::new(),
            senders_gone: false,
            receivers_gone: false,
        }
    }

    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.buffer.len() + self.reserved < self.capacity
    }
}

/// Hands `message` to the first receiver that waits, or puts it into the buffer.
#[inline]
pub(super) fn put<T>(
    locked: &mut Locked<'_, T>,
    message: T,
    owed: &mut Wakeups,
) -> Result<(), TrySendError<T>> {
    if locked.receivers_gone {
        return Err(TrySendError::Disconnected(message));
    }
    let Err(message) = hand_over(locked, message, owed) else { return Ok(()) };
    if !locked.has_room() {
        return Err(TrySendError::Full(message));
    }
    locked.buffer.push_back(message);
    Ok(())
}

/// Hands `message` to the first receiver that waits. Those before it that only watch are told.
#[inline]
pub(super) fn hand_over<T>(
    locked: &mut Locked<'_, T>,
    message: T,
    owed: &mut Wakeups,
) -> Result<(), T> {
    let mut message = Some(message);
    while message.is_some() {
        let served = locked.serve(RECEIVERS, |slot| {
            if !matches!(slot, Slot::Watch) {
                *slot = message.take().map_or(Slot::Empty, Slot::Message);
            }
        });
        let Some(((), wakeup)) = served else { break };
        owed.push(wakeup);
    }
    message.map_or(Ok(()), Err)
}

/// Takes the first message: from the buffer, or else from a sender that waits, where with `offers` one in a select will do.
#[inline]
pub(super) fn take<T>(locked: &mut Locked<'_, T>, owed: &mut Wakeups, offers: bool) -> Taken<T> {
    if let Some(message) = locked.buffer.pop_front() {
        refill(locked, owed);
        return Taken::Message(message);
    }
    let acceptable = |slot: &Slot<T>| offers || !matches!(slot, Slot::Offer);
    loop {
        let ticket = locked.handover.upcoming();
        let served = locked.serve_where(SENDERS, acceptable, |slot| match slot {
            Slot::Offer => {
                *slot = Slot::Promised(ticket);
                Some(Taken::Promise(ticket))
            }
            Slot::Watch => None,
            _ => match std::mem::replace(slot, Slot::Empty) {
                Slot::Message(message) => Some(Taken::Message(message)),
                _ => None,
            },
        });
        let Some((taken, wakeup)) = served else { break };
        owed.push(wakeup);
        if let Some(Taken::Promise(_)) = taken {
            locked.handover.promise();
        }
        if let Some(taken) = taken {
            return taken;
        }
    }
    if locked.senders_gone { Taken::Disconnected } else { Taken::Empty }
}

/// Gives room that has become free to the senders that wait for it.
#[inline]
pub(super) fn refill<T>(locked: &mut Locked<'_, T>, owed: &mut Wakeups) {
    while !locked.is_empty(SENDERS) && locked.has_room() {
        let served = locked.serve(SENDERS, |slot| match slot {
            Slot::Offer => {
                *slot = Slot::Reserved;
                None
            }
            Slot::Watch => Some(None),
            _ => match std::mem::replace(slot, Slot::Empty) {
                Slot::Message(message) => Some(Some(message)),
                _ => Some(None),
            },
        });
        let Some((brought, wakeup)) = served else { return };
        owed.push(wakeup);
        match brought {
            None => locked.reserved += 1,
            Some(message) => locked.buffer.extend(message),
        }
    }
}

/// Wakes those in `list` that only want to know whether its operation is ready.
pub(super) fn tell<T>(locked: &mut Locked<'_, T>, list: usize, owed: &mut Wakeups) {
    while let Some(((), wakeup)) =
        locked.serve_where(list, |slot| matches!(slot, Slot::Watch), |_| ())
    {
        owed.push(wakeup);
    }
}

/// Ends all waits in `list`, which find their slots as they left them: their peers are gone.
pub(super) fn disconnect<T>(locked: &mut Locked<'_, T>, list: usize, owed: &mut Wakeups) {
    while let Some(((), wakeup)) = locked.serve(list, |_| ()) {
        owed.push(wakeup);
    }
}
