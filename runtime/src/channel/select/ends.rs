//! Senders and receivers as operations of a select.

use std::cell::Cell;

use super::handle::{End, Enlisted, Patience, Selectable, Station, Token};
use super::operation::SelectedOperation;
use super::run::Selected;
use crate::channel::channel::Channel;
use crate::channel::handover::{Kept, Ticket};
use crate::channel::receiver::Flavor;
use crate::channel::state::{self, Locked, RECEIVERS, SENDERS, Slot, Taken};
use crate::channel::{Receiver, RecvError, Sender};
use crate::fairness::checkpoint;
use crate::model::atomic::{AtomicBool, Ordering};
use crate::park::{Seat, Stopped, Waiter, Wakeups};

/// Whether a sender need not wait. The caller's own places in the queue do not count: a select is no peer of itself.
fn send_is_ready<T>(locked: &Locked<'_, T>, me: Option<&Waiter>) -> bool {
    locked.receivers_gone
        || locked.has_room()
        || locked.any(RECEIVERS, me, |slot| matches!(slot, Slot::Empty))
}

/// Whether a receiver need not wait.
#[inline]
fn recv_is_ready<T>(locked: &Locked<'_, T>, me: Option<&Waiter>) -> bool {
    !locked.buffer.is_empty()
        || locked.senders_gone
        || locked.any(SENDERS, me, |slot| matches!(slot, Slot::Message(_) | Slot::Offer))
}

/// A send.
#[allow(missing_debug_implementations)] // Not for users.
pub struct Sends<'a, T> {
    sender: &'a Sender<T>,
    seat: Seat<Slot<T>>,
    token: Cell<Token>,
}

impl<'a, T> Sends<'a, T> {
    #[doc(hidden)]
    #[inline(always)]
    pub fn new(sender: &'a Sender<T>) -> Sends<'a, T> {
        Sends { sender, seat: Seat::new(), token: Cell::new(Token::Disconnected) }
    }

    #[inline(always)]
    pub(super) fn hint(&self) -> Option<&'a AtomicBool> {
        None
    }

    /// The operation, to be completed.
    #[doc(hidden)]
    #[inline(always)]
    pub fn operation(&self, selected: Selected) -> SelectedOperation<'a> {
        let token = self.token.replace(Token::Disconnected);
        SelectedOperation::new(self.sender, selected.index(), token, selected.charged)
    }
}

impl<T> Station for Sends<'_, T> {
    fn try_select(&self, _: &Patience) -> bool {
        let mut owed = Wakeups::default();
        let mut locked = self.sender.channel.queue.lock();
        if locked.receivers_gone {
            self.token.set(Token::Disconnected);
            return true;
        }
        if locked.has_room() {
            locked.reserved += 1;
            self.token.set(Token::Reserved);
            return true;
        }
        let is_receiver = |slot: &Slot<T>| matches!(slot, Slot::Empty);
        let ticket = locked.handover.upcoming();
        let served =
            locked.serve_where(RECEIVERS, is_receiver, |slot| *slot = Slot::Promised(ticket));
        let Some(((), wakeup)) = served else { return false };
        owed.push(wakeup);
        locked.handover.promise();
        self.token.set(Token::Promised(ticket));
        true
    }

    unsafe fn enlist(&self, waiter: &Waiter, verdict: u32, watch: bool) -> Enlisted<'_> {
        let mut owed = Wakeups::default();
        let mut locked = self.sender.channel.queue.lock();
        if send_is_ready(&locked, Some(waiter)) {
            return Enlisted::Ready;
        }
        let slot = if watch { Slot::Watch } else { Slot::Offer };
        // SAFETY: the caller's promise.
        unsafe { locked.enlist(SENDERS, &self.seat, waiter, verdict, slot) };
        if !watch {
            self.sender.channel.receivable.store(true, Ordering::Relaxed);
            state::tell(&mut locked, RECEIVERS, &mut owed);
        }
        Enlisted::Waits
    }

    fn leave(&self) {
        // SAFETY: enlisted in this list, if at all.
        let slot = unsafe { self.sender.channel.queue.leave(SENDERS, &self.seat) };
        self.token.set(match slot {
            None => return,
            Some(Slot::Reserved) => Token::Reserved,
            Some(Slot::Promised(ticket)) => Token::Promised(ticket),
            Some(_) => Token::Disconnected,
        });
    }

    fn is_ready(&self) -> bool {
        send_is_ready(&self.sender.channel.queue.lock(), None)
    }
}

impl<T> Selectable for Sends<'_, T> {
    fn token(&self) -> Token {
        self.token.get()
    }
}

impl<T> End for Sender<T> {
    fn station<'a>(&'a self) -> Box<dyn Selectable + 'a> {
        Box::new(Sends::new(self))
    }

    fn hint(&self) -> Option<&AtomicBool> {
        None
    }

    fn address(&self) -> *const u8 {
        std::ptr::from_ref(self).cast()
    }

    fn abandon(&self, token: Token) {
        match token {
            Token::Reserved => self.channel.withdraw_reserved(),
            Token::Promised(ticket) => self.channel.withdraw_promised(ticket),
            _ => {}
        }
    }
}

/// A receive.
#[allow(missing_debug_implementations)] // Not for users.
pub struct Receives<'a, T> {
    receiver: &'a Receiver<T>,
    seat: Seat<Slot<T>>,
    got: Cell<Got<T>>,
}

/// What a receive was selected with.
enum Got<T> {
    Message(T),
    Time(std::time::Instant),
    /// A message that is yet to come.
    Promise(Ticket),
    Disconnected,
}

impl<'a, T> Receives<'a, T> {
    #[doc(hidden)]
    #[inline(always)]
    pub fn new(receiver: &'a Receiver<T>) -> Receives<'a, T> {
        Receives { receiver, seat: Seat::new(), got: Cell::new(Got::Disconnected) }
    }

    #[inline(always)]
    pub(super) fn hint(&self) -> Option<&'a AtomicBool> {
        self.receiver.hint()
    }

    /// Completes it.
    #[doc(hidden)]
    #[inline(always)]
    pub fn complete(&self, selected: Selected) -> Result<T, RecvError> {
        let received = match (self.got.replace(Got::Disconnected), &self.receiver.flavor) {
            (Got::Message(message), _) => Ok(message),
            (Got::Time(at), Flavor::Timer(timed)) => Ok(timed.message(at)),
            _ => Err(RecvError),
        };
        if selected.charged {
            checkpoint();
        }
        received
    }

    /// Whether it has been selected. Unwinds if the caller was interrupted.
    #[cold]
    fn keep(&self, kept: Kept<T>, patience: &Patience) -> bool {
        self.got.set(match kept {
            Kept::Message(message) => Got::Message(message),
            Kept::Disconnected => Got::Disconnected,
            Kept::Stopped(Stopped::Interrupted(interrupt)) if patience.unwinds => {
                interrupt.unwind()
            }
            Kept::Withdrawn | Kept::Stopped(_) => return false,
        });
        true
    }
}

impl<T> Station for Receives<'_, T> {
    fn try_select(&self, patience: &Patience) -> bool {
        let channel = match &self.receiver.flavor {
            Flavor::Channel(channel) => channel,
            Flavor::Timer(timed) => {
                let since = patience.since.unwrap_or_else(crate::now);
                let taken = timed.timer().take(since);
                return taken.is_some_and(|at| {
                    self.got.set(Got::Time(at));
                    true
                });
            }
            Flavor::Never => return false,
        };
        let mut owed = Wakeups::default();
        let mut locked = channel.queue.lock();
        match state::take(&mut locked, &mut owed, patience.offers) {
            Taken::Message(message) => self.got.set(Got::Message(message)),
            Taken::Disconnected => self.got.set(Got::Disconnected),
            Taken::Empty => {
                channel.note(&locked);
                return false;
            }
            Taken::Promise(ticket) => {
                owed.pay();
                let kept = channel.wait_promised(locked, ticket, patience.deadline);
                return self.keep(kept, patience);
            }
        }
        channel.note(&locked);
        true
    }

    unsafe fn enlist(&self, waiter: &Waiter, verdict: u32, watch: bool) -> Enlisted<'_> {
        let channel = match &self.receiver.flavor {
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
        // SAFETY: the caller's promise.
        unsafe { locked.enlist(RECEIVERS, &self.seat, waiter, verdict, slot) };
        if !watch {
            state::tell(&mut locked, SENDERS, &mut owed);
        }
        Enlisted::Waits
    }

    fn leave(&self) {
        let Flavor::Channel(channel) = &self.receiver.flavor else { return };
        // SAFETY: enlisted in this list, if at all.
        let slot = unsafe { channel.queue.leave(RECEIVERS, &self.seat) };
        match slot {
            Some(Slot::Message(message)) => self.got.set(Got::Message(message)),
            Some(Slot::Promised(ticket)) => self.got.set(Got::Promise(ticket)),
            _ => {}
        }
    }

    fn settle(&self, patience: &Patience) -> bool {
        let Flavor::Channel(channel) = &self.receiver.flavor else { return true };
        match self.got.replace(Got::Disconnected) {
            Got::Promise(ticket) => {
                self.keep(channel.fetch_promised(ticket, patience.deadline), patience)
            }
            got => {
                self.got.set(got);
                true
            }
        }
    }

    fn is_ready(&self) -> bool {
        match &self.receiver.flavor {
            Flavor::Channel(channel) => recv_is_ready(&channel.queue.lock(), None),
            Flavor::Timer(timed) => timed.timer().is_ready(),
            Flavor::Never => false,
        }
    }
}

impl<T> Selectable for Receives<'_, T> {
    fn token(&self) -> Token {
        match (self.got.replace(Got::Disconnected), &self.receiver.flavor) {
            (Got::Message(message), Flavor::Channel(channel)) => {
                Token::Message(channel.queue.lock().handover.keep(message))
            }
            (Got::Time(at), _) => Token::Time(at),
            _ => Token::Disconnected,
        }
    }
}

impl<T> End for Receiver<T> {
    fn station<'a>(&'a self) -> Box<dyn Selectable + 'a> {
        Box::new(Receives::new(self))
    }

    #[inline(always)]
    fn hint(&self) -> Option<&AtomicBool> {
        match &self.flavor {
            Flavor::Channel(channel) => Some(&channel.receivable),
            _ => None,
        }
    }

    fn address(&self) -> *const u8 {
        std::ptr::from_ref(self).cast()
    }

    fn abandon(&self, token: Token) {
        match (&self.flavor, token) {
            (Flavor::Channel(channel), Token::Message(ticket)) => channel.put_back(ticket),
            (Flavor::Timer(timed), Token::Time(at)) => timed.timer().put_back(at),
            _ => {}
        }
    }
}

impl<T> Channel<T> {
    /// Notes that a receiver would have to wait, if so.
    #[inline]
    fn note(&self, locked: &Locked<'_, T>) {
        if locked.buffer.is_empty() && locked.is_empty(SENDERS) && !locked.senders_gone {
            self.receivable.store(false, Ordering::Relaxed);
        }
    }
}
