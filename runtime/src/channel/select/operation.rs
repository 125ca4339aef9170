//! An operation that was selected.

use std::fmt;

use super::handle::{End, Token};
use crate::channel::receiver::Flavor;
use crate::channel::{Receiver, RecvError, SendError, Sender};
use crate::fairness::checkpoint;

/// An operation that was selected and is to be completed, by [`send`](SelectedOperation::send) or [`recv`](SelectedOperation::recv).
///
/// # Panics
/// When it is dropped without having been completed, unless the caller is panicking already. Its peer is not left waiting: a message
/// goes back to where it was, and the next one gets the turn.
#[must_use]
pub struct SelectedOperation<'a> {
    end: &'a dyn End,
    index: usize,
    token: Token,
    /// Whether it counts towards the caller's turn, as it did not wait.
    charged: bool,
}

impl<'a> SelectedOperation<'a> {
    #[inline(always)]
    pub(super) fn new(
        end: &'a dyn End,
        index: usize,
        token: Token,
        charged: bool,
    ) -> SelectedOperation<'a> {
        SelectedOperation { end, index, token, charged }
    }

    /// The index that [`Select::send`](crate::channel::Select::send) or [`Select::recv`](crate::channel::Select::recv) has returned
    /// for it.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Completes a send. It waits only where the receiver that it was selected with has gone in the meantime, as far as the
    /// capacity is zero.
    ///
    /// # Errors
    /// [`SendError`], with the message, if all receivers are gone.
    ///
    /// # Panics
    /// If `sender` is not the very one, at the same address, that was added to the select.
    ///
    /// ```
    /// use greenwood_runtime::channel::{Select, bounded};
    ///
    /// let (s, r) = bounded(1);
    /// let mut select = Select::new();
    /// let send = select.send(&s);
    /// let operation = select.select();
    /// assert_eq!(operation.index(), send);
    /// operation.send(&s, 5).unwrap();
    /// assert_eq!(r.recv(), Ok(5));
    /// ```
    pub fn send<T>(self, sender: &Sender<T>, message: T) -> Result<(), SendError<T>> {
        let same = std::ptr::eq(std::ptr::from_ref(sender).cast(), self.end.address());
        assert!(same, "this is not the sender that was selected");
        let (token, charged) = self.complete();
        let sent = match token {
            Token::Reserved => sender.channel.send_reserved(message),
            Token::Promised(ticket) => sender.channel.send_promised(ticket, message),
            _ => Err(SendError(message)),
        };
        if charged {
            checkpoint();
        }
        sent
    }

    /// Completes a receive. Does not wait.
    ///
    /// # Errors
    /// [`RecvError`] if the channel is empty and all senders are gone.
    ///
    /// # Panics
    /// If `receiver` is not the very one, at the same address, that was added to the select.
    pub fn recv<T>(self, receiver: &Receiver<T>) -> Result<T, RecvError> {
        let same = std::ptr::eq(std::ptr::from_ref(receiver).cast(), self.end.address());
        assert!(same, "this is not the receiver that was selected");
        let (token, charged) = self.complete();
        let received = match (&receiver.flavor, token) {
            (Flavor::Channel(channel), Token::Message(ticket)) => {
                channel.fetch(ticket).ok_or(RecvError)
            }
            (Flavor::Timer(timed), Token::Time(at)) => Ok(timed.message(at)),
            _ => Err(RecvError),
        };
        if charged {
            checkpoint();
        }
        received
    }

    /// From here on nothing is owed to the peer but what the token says.
    fn complete(self) -> (Token, bool) {
        let this = std::mem::ManuallyDrop::new(self);
        (this.token, this.charged)
    }
}

impl Drop for SelectedOperation<'_> {
    fn drop(&mut self) {
        self.end.abandon(self.token);
        if !std::thread::panicking() {
            panic!("a selected operation was dropped without having been completed");
        }
    }
}

impl fmt::Debug for SelectedOperation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("SelectedOperation { .. }")
    }
}
