//! Senders and receivers as operations of a select.

use std::sync::Arc;

use super::handle::{Enlisted, Patience, Place, SelectHandle, Token};
use crate::channel::channel::Channel;
use crate::channel::handover::Kept;
use crate::channel::receiver::Flavor;
use crate::channel::state::{self, Locked, RECEIVERS, SENDERS, Slot, State, Taken};
use crate::channel::{Receiver, Sender};
use crate::park::{Entry, Stopped, Waiter, Wakeups};

/// Whether a sender need not wait. The caller's own places in the queue do not count: a select is no peer of itself.
fn send_is_ready<T>(locked: &Locked<'_, T>, me: Option<&Arc<Waiter>>) -> bool {
    locked.receivers_gone
        || locked.has_room()
        || locked.any(RECEIVERS, me, |slot| matches!(slot, Slot::Empty))
}

/// Whether a receiver need not wait.
fn recv_is_ready<T>(locked: &Locked<'_, T>, me: Option<&Arc<Waiter>>) -> bool {
    !locked.buffer.is_empty()
        || locked.senders_gone
        || locked.any(SENDERS, me, |slot| matches!(slot, Slot::Message(_) | Slot::Offer))
}

impl<T> SelectHandle for Sender<T> {
    fn try_select(&self, _: &Patience) -> Option<Token> {
        let mut owed = Wakeups::default();
        let mut locked = self.channel.queue.lock();
        if locked.receivers_gone {
            return Some(Token::Disconnected);
        }
        if locked.has_room() {
            locked.reserved += 1;
            return Some(Token::Reserved);
        }
        let is_receiver = |slot: &Slot<T>| matches!(slot, Slot::Empty);
        let ticket = locked.handover.upcoming();
        let ((), wakeup) =
            locked.serve_where(RECEIVERS, is_receiver, |slot| *slot = Slot::Promised(ticket))?;
        owed.push(wakeup);
        locked.handover.promise();
        Some(Token::Promised(ticket))
    }

    fn enlist<'s>(&'s self, waiter: &Arc<Waiter>, verdict: u32, watch: bool) -> Enlisted<'s> {
        let mut owed = Wakeups::default();
        let mut locked = self.channel.queue.lock();
        if send_is_ready(&locked, Some(waiter)) {
            return Enlisted::Ready;
        }
        let slot = if watch { Slot::Watch } else { Slot::Offer };
        let entry = locked.enlist(SENDERS, waiter, verdict, slot);
        if !watch {
            state::tell(&mut locked, RECEIVERS, &mut owed);
        }
        Enlisted::Waits(Box::new(Sends(entry)))
    }

    fn is_ready(&self) -> bool {
        send_is_ready(&self.channel.queue.lock(), None)
    }

    fn abandon(&self, token: Token) {
        match token {
            Token::Reserved => self.channel.withdraw_reserved(),
            Token::Promised(ticket) => self.channel.withdraw_promised(ticket),
            _ => {}
        }
    }
}

struct Sends<'s, T>(Entry<'s, State<T>, Slot<T>, 3>);

impl<T> Place for Sends<'_, T> {
    fn selected(self: Box<Self>, _: &Patience) -> Option<Token> {
        let (slot, _locked) = self.0.leave();
        Some(match slot {
            Slot::Reserved => Token::Reserved,
            Slot::Promised(ticket) => Token::Promised(ticket),
            _ => Token::Disconnected,
        })
    }
}

impl<T> SelectHandle for Receiver<T> {
    fn try_select(&self, patience: &Patience) -> Option<Token> {
        match &self.flavor {
            Flavor::Channel(channel) => channel.select_recv(patience),
            Flavor::Timer(timed) => {
                let since = patience.since.unwrap_or_else(crate::now);
                timed.timer().take(since).map(Token::Time)
            }
            Flavor::Never => None,
        }
    }

    fn enlist<'s>(&'s self, waiter: &Arc<Waiter>, verdict: u32, watch: bool) -> Enlisted<'s> {
        let channel = match &self.flavor {
            Flavor::Channel(channel) => channel,
            Flavor::Timer(timed) => return Enlisted::At(timed.timer().next()),
            Flavor::Never => return Enlisted::At(None),
        };
        let mut owed = Wakeups::default();
        let mut locked = channel.queue.lock();
        if recv_is_ready(&locked, Some(waiter)) {
            return Enlisted::Ready;
        }
        let slot = if watch { Slot::Watch } else { Slot::Empty };
        let entry = locked.enlist(RECEIVERS, waiter, verdict, slot);
        if !watch {
            state::tell(&mut locked, SENDERS, &mut owed);
        }
        Enlisted::Waits(Box::new(Receives { channel, entry }))
    }

    fn is_ready(&self) -> bool {
        match &self.flavor {
            Flavor::Channel(channel) => recv_is_ready(&channel.queue.lock(), None),
            Flavor::Timer(timed) => timed.timer().is_ready(),
            Flavor::Never => false,
        }
    }

    fn abandon(&self, token: Token) {
        match (&self.flavor, token) {
            (Flavor::Channel(channel), Token::Message(ticket)) => channel.put_back(ticket),
            (Flavor::Timer(timed), Token::Time(at)) => timed.timer().put_back(at),
            _ => {}
        }
    }
}

struct Receives<'s, T> {
    channel: &'s Channel<T>,
    entry: Entry<'s, State<T>, Slot<T>, 3>,
}

impl<T> Place for Receives<'_, T> {
    fn selected(self: Box<Self>, patience: &Patience) -> Option<Token> {
        let Receives { channel, entry } = *self;
        let (slot, mut locked) = entry.leave();
        match slot {
            Slot::Message(message) => Some(Token::Message(locked.handover.keep(message))),
            Slot::Promised(ticket) => {
                drop(locked);
                let kept = channel.fetch_promised(ticket, patience.deadline);
                channel.settle(kept, patience)
            }
            _ => Some(Token::Disconnected),
        }
    }
}

impl<T> Channel<T> {
    fn select_recv(&self, patience: &Patience) -> Option<Token> {
        let mut owed = Wakeups::default();
        let mut locked = self.queue.lock();
        match state::take(&mut locked, &mut owed, patience.offers) {
            Taken::Message(message) => Some(Token::Message(locked.handover.keep(message))),
            Taken::Disconnected => Some(Token::Disconnected),
            Taken::Empty => None,
            Taken::Promise(ticket) => {
                owed.pay();
                let kept = self.wait_promised(locked, ticket, patience.deadline);
                self.settle(kept, patience)
            }
        }
    }

    fn settle(&self, kept: Kept<T>, patience: &Patience) -> Option<Token> {
        match kept {
            Kept::Message(message) => {
                Some(Token::Message(self.queue.lock().handover.keep(message)))
            }
            Kept::Disconnected => Some(Token::Disconnected),
            Kept::Stopped(Stopped::Interrupted(interrupt)) if patience.unwinds => {
                interrupt.unwind()
            }
            Kept::Withdrawn | Kept::Stopped(_) => None,
        }
    }
}
