//! One look-up that is under way, and those who wait for it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use greenwood_runtime::park::{Reason, Unparker, Wake, park, unparker};
use parking_lot::Mutex;

/// What a look-up came to, in a form that every waiter gets a copy of.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Found(Arc<[SocketAddr]>),
    /// The operating system's own error, which has no copy but by its number.
    Os(i32),
    Failed(io::ErrorKind, Arc<str>),
}

impl Outcome {
    pub(super) fn new(host: &str, result: io::Result<Vec<SocketAddr>>) -> Outcome {
        match result {
            Ok(addrs) => Outcome::Found(addrs.into()),
            Err(error) => match error.raw_os_error() {
                Some(code) => Outcome::Os(code),
                None => Outcome::Failed(error.kind(), format!("{host}: {error}").into()),
            },
        }
    }

    fn into_result(self) -> io::Result<Vec<SocketAddr>> {
        match self {
            Outcome::Found(addrs) => Ok(addrs.to_vec()),
            Outcome::Os(code) => Err(io::Error::from_raw_os_error(code)),
            Outcome::Failed(kind, text) => Err(io::Error::new(kind, &*text)),
        }
    }
}

#[derive(Debug)]
pub(super) struct Flight {
    pub(super) host: Box<str>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    outcome: Option<Outcome>,
    waiters: Vec<(u64, Unparker)>,
    next_id: u64,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("outcome", &self.outcome)
            .field("waiters", &self.waiters.len())
            .finish()
    }
}

impl Flight {
    pub(super) fn new(host: &str) -> Flight {
        Flight { host: host.into(), state: Mutex::new(State::default()) }
    }

    /// Signs the caller up. The passenger leaves by being dropped, however its wait ends: return, panic or
    /// cancellation.
    pub(super) fn join(self: &Arc<Flight>) -> Passenger {
        let unparker = unparker();
        let mut state = self.state.lock();
        let id = state.next_id;
        state.next_id += 1;
        state.waiters.push((id, unparker));
        Passenger { flight: Arc::clone(self), id }
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.state.lock().waiters.is_empty()
    }

    /// Hands the outcome to all who wait.
    pub(super) fn land(&self, outcome: Outcome) {
        let waiters = {
            let mut state = self.state.lock();
            state.outcome = Some(outcome);
            std::mem::take(&mut state.waiters)
        };
        for (_, waiter) in waiters {
            waiter.unpark();
        }
    }

    fn outcome(&self) -> Option<Outcome> {
        self.state.lock().outcome.clone()
    }
}

/// One who waits for a flight.
#[derive(Debug)]
pub(super) struct Passenger {
    flight: Arc<Flight>,
    id: u64,
}

impl Passenger {
    /// Suspends until the flight has landed, `timeout` at most.
    pub(super) fn wait(self, timeout: Duration) -> io::Result<Vec<SocketAddr>> {
        let deadline = greenwood_runtime::now().checked_add(timeout);
        loop {
            if let Some(outcome) = self.flight.outcome() {
                return outcome.into_result();
            }
            match park(&Reason("dns"), deadline) {
                Wake::Unparked => {}
                // The outcome may have come in between; then it counts.
                Wake::TimedOut => {
                    return self
                        .flight
                        .outcome()
                        .map_or_else(|| Err(self.timed_out(timeout)), Outcome::into_result);
                }
                Wake::Interrupted(interruption) => return Err(interruption.into()),
            }
        }
    }

    fn timed_out(&self, timeout: Duration) -> io::Error {
        let text =
            format!("{}: no answer to the address look-up within {timeout:?}", self.flight.host);
        io::Error::new(io::ErrorKind::TimedOut, text)
    }
}

impl Drop for Passenger {
    fn drop(&mut self) {
        self.flight.state.lock().waiters.retain(|(id, _)| *id != self.id);
    }
}
