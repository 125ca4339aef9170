//! What can be selected.

use std::sync::Arc;
use std::time::Instant;

use crate::channel::handover::Ticket;
use crate::park::Waiter;

/// An operation of a select. Nothing of it is the user's code, and no message is dropped by it: it may run on another thread than
/// the message may be sent to.
pub(crate) trait SelectHandle {
    /// Selects it if it is ready.
    fn try_select(&self, patience: &Patience) -> Option<Token>;

    /// Has `waiter` woken, by `verdict`, when the operation has been selected by its peer; or, to `watch`, when it is ready.
    fn enlist<'s>(&'s self, waiter: &Arc<Waiter>, verdict: u32, watch: bool) -> Enlisted<'s>;

    fn is_ready(&self) -> bool;

    /// It was selected, and is not going to be completed.
    fn abandon(&self, token: Token);
}

/// How far an operation that was selected may wait for its peer.
pub(crate) struct Patience {
    /// Whether it may at all.
    pub(super) offers: bool,
    pub(super) deadline: Option<Instant>,
    /// Whether an interrupted caller unwinds.
    pub(super) unwinds: bool,
    /// Since when the caller waits, where there is a timer that wants to know.
    pub(super) since: Option<Instant>,
}

/// How a selected operation is to be completed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Token {
    /// A message is kept for it.
    Message(Ticket),
    /// Room in the buffer is reserved for its message.
    Reserved,
    /// A receiver has been promised to it.
    Promised(Ticket),
    Disconnected,
    /// The time of a timer.
    Time(Instant),
    /// A coroutine has finished.
    Finished,
    /// A descriptor is ready, or there is this error.
    Ready(Option<i32>),
}

pub(crate) enum Enlisted<'s> {
    Waits(Box<dyn Place + 's>),
    /// It need not wait.
    Ready,
    /// Nobody will select it, but it may be ready at this time.
    At(Option<Instant>),
}

/// A place in a queue, given up when dropped.
pub(crate) trait Place {
    /// Gives up the place at which the wait was ended. None if its peer has withdrawn.
    fn selected(self: Box<Self>, patience: &Patience) -> Option<Token>;
}
