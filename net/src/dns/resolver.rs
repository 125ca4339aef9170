//! The threads that look names up, and the table of what is being looked up.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::flight::{Flight, Outcome};

/// How long a thread without work stays: long enough for the next of a series, short enough to leave nothing behind.
const KEEP_IDLE: Duration = Duration::from_secs(5);

type Resolve = dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync;

pub(super) struct Resolver(Arc<Shared>);

struct Shared {
    resolve: Box<Resolve>,
    /// The greatest number of threads.
    limit: usize,
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    /// What is waiting or being looked up, by name. An entry leaves before its flight lands, so that whoever comes
    /// after that starts a new one.
    flights: BTreeMap<Box<str>, Arc<Flight>>,
    queue: VecDeque<Arc<Flight>>,
    threads: usize,
    idle: usize,
}

impl Resolver {
    pub(super) fn new(
        limit: usize,
        resolve: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Resolver {
        Resolver(Arc::new(Shared {
            resolve: Box::new(resolve),
            limit,
            state: Mutex::default(),
            work: Condvar::new(),
        }))
    }

    /// The addresses of `host`, without a port. Joins the look-up of the same name that is under way, if any.
    pub(super) fn lookup(&self, host: &str, timeout: Duration) -> io::Result<Vec<SocketAddr>> {
        let shared = &self.0;
        let (passenger, hire) = {
            let mut state = shared.state.lock();
            if let Some(flight) = state.flights.get(host) {
                (flight.join(), false)
            } else {
                let flight = Arc::new(Flight::new(host));
                // Before the flight is seen by a thread, which drops those without passengers.
                let passenger = flight.join();
                state.flights.insert(host.into(), Arc::clone(&flight));
                state.queue.push_back(flight);
                let hire = state.queue.len() > state.idle && state.threads < shared.limit;
                state.threads += usize::from(hire);
                (passenger, hire)
            }
        };
        if hire {
            shared.hire();
        } else {
            shared.work.notify_one();
        }
        passenger.wait(timeout)
    }
}

impl Shared {
    /// Starts a thread, which is counted already. Without it the others do the work; without any, nobody would, and
    /// those who wait get the error.
    fn hire(self: &Arc<Shared>) {
        let shared = Arc::clone(self);
        let Err(error) =
            std::thread::Builder::new().name("greenwood-dns".into()).spawn(move || shared.work())
        else {
            return;
        };
        let stranded = {
            let mut state = self.state.lock();
            state.threads -= 1;
            if state.threads > 0 {
                self.work.notify_one();
                return;
            }
            state.flights.clear();
            std::mem::take(&mut state.queue)
        };
        for flight in stranded {
            let error = io::Error::from(error.kind());
            flight.land(Outcome::new(&flight.host, Err(error)));
        }
    }

    fn work(&self) {
        while let Some(flight) = self.next() {
            let result = catch_unwind(AssertUnwindSafe(|| (self.resolve)(&flight.host)))
                .unwrap_or_else(|_| Err(io::Error::other("the address look-up panicked")));
            self.state.lock().flights.remove(&flight.host);
            flight.land(Outcome::new(&flight.host, result));
        }
    }

    /// The next flight that somebody still waits for; `None` when the thread has been idle long enough.
    fn next(&self) -> Option<Arc<Flight>> {
        let mut state = self.state.lock();
        loop {
            while let Some(flight) = state.queue.pop_front() {
                if !flight.is_abandoned() {
                    return Some(flight);
                }
                state.flights.remove(&flight.host);
            }
            state.idle += 1;
            let waited = self.work.wait_for(&mut state, KEEP_IDLE);
            state.idle -= 1;
            if waited.timed_out() && state.queue.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }
}
