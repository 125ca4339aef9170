//! Waiting for the first of several operations.

mod descriptor;
mod ends;
mod handle;
mod join;
mod macros;
mod operation;
mod random;
mod run;

use std::fmt;
use std::time::{Duration, Instant};

use super::{
    ReadyTimeoutError, Receiver, SelectTimeoutError, Sender, TryReadyError, TrySelectError,
};
use handle::{End, Selectable, Station};
pub use operation::SelectedOperation;
use run::Until;

/// What the macros expand to.
#[doc(hidden)]
pub mod internal {
    pub use super::descriptor::Watched;
    pub use super::ends::{Receives, Sends};
    pub use super::join::Joined;
    pub use super::run::{Case, select_cases, select_cases_timeout, try_select_cases};
}

/// A list of operations, made at run time, one of which is to be done: the first that is ready. For a list that is known beforehand use
/// [`select!`](crate::channel::select).
///
/// An operation is ready when it need not wait, also if that is because it would fail. Of several that are ready, any is taken, each as likely;
/// with [`Select::new_biased`] the one that was added first. There are two ways to use it:
/// - [`Select::select`] and its like select an operation, which then is to be completed with [`SelectedOperation`]'s methods.
/// - [`Select::ready`] and its like only tell which operation is ready. Others may be faster than who was told.
///
/// All that wait suspend the calling coroutine, or block the calling OS thread; a cancelled caller unwinds.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use greenwood_runtime::channel::{Select, unbounded};
///
/// let channels: Vec<_> = (0..3).map(|_| unbounded()).collect();
/// let sender = channels[1].0.clone();
/// greenwood_runtime::spawn(move || sender.send("hello"));
/// let mut select = Select::new();
/// for (_, r) in &channels {
///     select.recv(r);
/// }
/// let operation = select.select();
/// let index = operation.index();
/// assert_eq!(index, 1);
/// assert_eq!(operation.recv(&channels[index].1), Ok("hello"));
/// # });
/// ```
#[derive(Clone)]
pub struct Select<'a> {
    cases: Vec<Listed<'a>>,
    next: usize,
    biased: bool,
}

struct Listed<'a> {
    end: &'a dyn End,
    /// Of `end`. Not used by a shared `Select`.
    station: Box<dyn Selectable>,
    index: usize,
}

impl<'a> Listed<'a> {
    fn new(end: &'a dyn End, index: usize) -> Listed<'a> {
        let station: Box<dyn Selectable + 'a> = end.station();
        // SAFETY: used beside `end` only. Its drop, which may be after `'a` so that senders and receivers need not outlive the list, looks at
        // nothing that it borrows, and drops no message: what a call has selected it takes out before it returns.
        let station = unsafe {
            std::mem::transmute::<Box<dyn Selectable + 'a>, Box<dyn Selectable>>(station)
        };
        Listed { end, station, index }
    }
}

impl Clone for Listed<'_> {
    fn clone(&self) -> Self {
        Listed::new(self.end, self.index)
    }
}

impl run::Operation for Listed<'_> {
    fn station(&self) -> &dyn Station {
        &*self.station
    }

    fn may_be_ready(&self) -> bool {
        run::says_ready(self.end.hint())
    }
}

// SAFETY: it refers to senders and receivers of messages that may not be sendable, and of these it only moves some from place to place
// under their channel's lock. To get at one takes a sender or receiver.
unsafe impl Send for Select<'_> {}
// SAFETY: as above.
unsafe impl Sync for Select<'_> {}

impl<'a> Select<'a> {
    /// An empty list, for a choice without preference.
    pub fn new() -> Select<'a> {
        Select { cases: Vec::with_capacity(4), next: 0, biased: false }
    }

    /// An empty list, for a choice that prefers what was added first.
    pub fn new_biased() -> Select<'a> {
        Select { biased: true, ..Select::new() }
    }

    /// Adds a send, and returns its index. The message is only asked for when it has been selected.
    pub fn send<T>(&mut self, sender: &'a Sender<T>) -> usize {
        self.add(sender)
    }

    /// Adds a receive, and returns its index.
    pub fn recv<T>(&mut self, receiver: &'a Receiver<T>) -> usize {
        self.add(receiver)
    }

    fn add(&mut self, end: &'a dyn End) -> usize {
        let index = self.next;
        self.cases.push(Listed::new(end, index));
        self.next += 1;
        index
    }

    /// Takes the operation with this index off the list, say because its channel is disconnected. Other indices stay, and none is given out
    /// again.
    ///
    /// # Panics
    /// If there is no such operation.
    pub fn remove(&mut self, index: usize) {
        let position = self.cases.iter().position(|case| case.index == index);
        let position = position.expect("there is no operation with this index");
        if self.biased {
            self.cases.remove(position);
        } else {
            self.cases.swap_remove(position);
        }
    }

    /// Selects an operation that is ready now. Suspends only as [`Receiver::try_recv`] may.
    ///
    /// # Errors
    /// [`TrySelectError`] if there is none.
    pub fn try_select(&mut self) -> Result<SelectedOperation<'a>, TrySelectError> {
        self.select_until(Until::Now).ok_or(TrySelectError)
    }

    /// Waits until an operation is ready, and selects it.
    ///
    /// # Panics
    /// If the list is empty.
    pub fn select(&mut self) -> SelectedOperation<'a> {
        self.assert_not_empty();
        self.select_until(Until::Deadline(None)).expect("waits until there is one")
    }

    /// [`Select::select`] that waits for at most `timeout`. An empty list just takes that time.
    ///
    /// # Errors
    /// [`SelectTimeoutError`] when the time is over.
    pub fn select_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        self.select_until(Until::timeout(timeout)).ok_or(SelectTimeoutError)
    }

    /// [`Select::select`] that waits until `deadline` at most, by the clock of [`now`](crate::now).
    ///
    /// # Errors
    /// [`SelectTimeoutError`] when the time is over.
    pub fn select_deadline(
        &mut self,
        deadline: Instant,
    ) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        let until = Until::Deadline(Some(deadline));
        self.select_until(until).ok_or(SelectTimeoutError)
    }

    /// The index of an operation that is ready now. Does not suspend.
    ///
    /// # Errors
    /// [`TryReadyError`] if there is none.
    pub fn try_ready(&mut self) -> Result<usize, TryReadyError> {
        self.ready_until(Until::Now).ok_or(TryReadyError)
    }

    /// Waits until an operation is ready, and returns its index. It may not be any more when the caller comes to it, so
    /// use the channel's `try_` methods, in a loop.
    ///
    /// # Panics
    /// If the list is empty.
    ///
    /// ```
    /// use greenwood_runtime::channel::{Select, unbounded};
    ///
    /// let (s, r) = unbounded();
    /// s.send(5).unwrap();
    /// let mut select = Select::new();
    /// select.recv(&r);
    /// let message = loop {
    ///     select.ready();
    ///     if let Ok(message) = r.try_recv() {
    ///         break message;
    ///     }
    /// };
    /// assert_eq!(message, 5);
    /// ```
    pub fn ready(&mut self) -> usize {
        self.assert_not_empty();
        self.ready_until(Until::Deadline(None)).expect("waits until there is one")
    }

    /// [`Select::ready`] that waits for at most `timeout`.
    ///
    /// # Errors
    /// [`ReadyTimeoutError`] when the time is over.
    pub fn ready_timeout(&mut self, timeout: Duration) -> Result<usize, ReadyTimeoutError> {
        self.ready_until(Until::timeout(timeout)).ok_or(ReadyTimeoutError)
    }

    /// [`Select::ready`] that waits until `deadline` at most, by the clock of [`now`](crate::now).
    ///
    /// # Errors
    /// [`ReadyTimeoutError`] when the time is over.
    pub fn ready_deadline(&mut self, deadline: Instant) -> Result<usize, ReadyTimeoutError> {
        let until = Until::Deadline(Some(deadline));
        self.ready_until(until).ok_or(ReadyTimeoutError)
    }

    fn select_until(&mut self, until: Until) -> Option<SelectedOperation<'a>> {
        let selected = run::select(&self.cases, until, self.biased)?;
        let Listed { end, ref station, index } = self.cases[selected.index()];
        Some(SelectedOperation::new(end, index, station.token(), selected.charged))
    }

    fn ready_until(&mut self, until: Until) -> Option<usize> {
        run::ready(&self.cases, until, self.biased).map(|position| self.cases[position].index)
    }

    fn assert_not_empty(&self) {
        assert!(!self.cases.is_empty(), "a select without operations would wait for ever");
    }
}

impl Default for Select<'_> {
    fn default() -> Self {
        Select::new()
    }
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Select { .. }")
    }
}
