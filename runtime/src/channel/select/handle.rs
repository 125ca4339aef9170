//! What can be selected.

use std::time::Instant;

use crate::channel::handover::Ticket;
use crate::model::atomic::AtomicBool;
use crate::park::Waiter;

/// An operation of a select, with its place in a queue and what it was selected with. Nothing of it is the user's code, and no message
/// is dropped by it: it may run on another thread than the message may be sent to.
pub(crate) trait Station {
    /// Selects it if it is ready.
    fn try_select(&self, patience: &Patience) -> bool;

    /// Has `waiter` woken, by `verdict`, when the operation has been selected by its peer; or, to `watch`, when it is ready.
    ///
    /// # Safety
    /// This and `waiter` stay where they are until the caller has called `leave`, or dropped what it got.
    unsafe fn enlist(&self, waiter: &Waiter, verdict: u32, watch: bool) -> Enlisted<'_>;

    /// Leaves the queue if it was [`Enlisted::Waits`], with what its peer has selected it with.
    fn leave(&self) {}

    /// Whether its peer stands by what it has been selected with. After `leave`.
    fn settle(&self, _: &Patience) -> bool {
        true
    }

    fn is_ready(&self) -> bool;
}

/// An operation of a [`Select`](crate::channel::Select), in which it stays over many selects.
pub(crate) trait End {
    fn station<'a>(&'a self) -> Box<dyn Selectable + 'a>;

    /// False if the operation is certainly not ready. None where that takes a look.
    fn hint(&self) -> Option<&AtomicBool>;

    /// By which a completion is checked.
    fn address(&self) -> *const u8;

    /// It was selected, and is not going to be completed.
    fn abandon(&self, token: Token);
}

/// One whose completion may come much later.
pub(crate) trait Selectable: Station {
    /// How it is to be completed, after it was selected.
    fn token(&self) -> Token;
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
}

pub(crate) enum Enlisted<'s> {
    /// In the queue, until it leaves.
    Waits,
    /// Until this is dropped.
    Until(Box<dyn Watch + 's>),
    /// It need not wait.
    Ready,
    /// Nobody will select it, but it may be ready at this time.
    At(Option<Instant>),
}

/// Something that will end the wait, unless it is dropped first.
pub(crate) trait Watch {}
