//! The constructors.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::channel::Channel;
use super::receiver::Flavor;
use super::timer::Timer;
use super::{Receiver, Sender};

/// A channel without a limit: sending never waits.
///
/// ```
/// let (s, r) = greenwood_runtime::channel::unbounded();
/// s.send(1).unwrap();
/// s.send(2).unwrap();
/// assert_eq!((r.recv(), r.recv()), (Ok(1), Ok(2)));
/// ```
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    with_capacity(usize::MAX)
}

/// A channel that holds up to `capacity` messages; sending waits while it is full. With a capacity of zero, sender and receiver wait for each
/// other (a rendezvous).
///
/// ```
/// # greenwood_runtime::run(|| {
/// let (s, r) = greenwood_runtime::channel::bounded(1);
/// s.send(1).unwrap();
/// // Waits for the first one to be received.
/// let sender = greenwood_runtime::spawn(move || s.send(2));
/// assert_eq!((r.recv(), r.recv()), (Ok(1), Ok(2)));
/// sender.join().unwrap().unwrap();
/// # });
/// ```
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    // What memory could never hold is no limit.
    with_capacity(capacity)
}

fn with_capacity<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let channel = Arc::new(Channel::new(capacity));
    (Sender { channel: channel.clone() }, Receiver { flavor: Flavor::Channel(channel) })
}

/// A receiver that gets one message, the time, `duration` from now (by the clock of [`now`](crate::now)), and is never disconnected.
///
/// Nothing runs for it; whoever receives waits for the time to come.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use std::time::Duration;
/// use greenwood_runtime::channel::{after, select, unbounded};
///
/// let (_s, r) = unbounded::<u8>();
/// let patience = after(Duration::from_millis(2));
/// select! {
///     recv(r) -> _ => unreachable!(),
///     recv(patience) -> at => assert!(at.unwrap() <= greenwood_runtime::now()),
/// }
/// # });
/// ```
pub fn after(duration: Duration) -> Receiver<Instant> {
    crate::now().checked_add(duration).map_or_else(never, at)
}

/// A receiver that gets one message, `when`, at that time. Otherwise as [`after`].
pub fn at(when: Instant) -> Receiver<Instant> {
    timer(Timer::new(when, None))
}

/// A receiver that gets the time each `period`, first one period from now. It holds one message at most: one who comes late gets the next a
/// full period later.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use std::time::Duration;
/// let ticks = greenwood_runtime::channel::tick(Duration::from_millis(1));
/// let (first, second) = (ticks.recv().unwrap(), ticks.recv().unwrap());
/// assert!(second >= first + Duration::from_millis(1));
/// # });
/// ```
pub fn tick(period: Duration) -> Receiver<Instant> {
    let first = crate::now().checked_add(period);
    first.map_or_else(never, |first| timer(Timer::new(first, Some(period))))
}

fn timer(timer: Timer) -> Receiver<Instant> {
    Receiver { flavor: Flavor::Timer(Arc::new(timer)) }
}

/// A receiver that never gets a message and is never disconnected. For an operation of a select that is not wanted now.
///
/// ```
/// # greenwood_runtime::run(|| {
/// use greenwood_runtime::channel::{never, select, unbounded};
///
/// let (s, r) = unbounded();
/// s.send(3).unwrap();
/// let paused = true;
/// let never = never();
/// select! {
///     recv(if paused { &never } else { &r }) -> _ => unreachable!(),
///     default => {}
/// }
/// # });
/// ```
pub const fn never<T>() -> Receiver<T> {
    Receiver { flavor: Flavor::Never }
}
