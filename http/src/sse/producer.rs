//! A closure that makes events, beside the connection that sends them.

use std::fmt;
use std::io;
use std::time::Duration;

use greenwood_runtime::channel::{self, Sender};
use greenwood_runtime::{CancelToken, Cancelled, JoinHandle, Placement, worker_index};

use super::Event;
use super::stream::{self, Ended};
use crate::response::BodyWriter;

/// Events that are made before the connection has taken one.
const AHEAD: usize = 16;

pub(super) type Produce = dyn FnOnce(&EventSender) -> io::Result<()> + Send;

/// Where a producer sends its events. Clones send into the same stream, which ends when the producer has returned and all of them are gone.
#[derive(Clone, Debug)]
pub struct EventSender(Sender<Event>);

impl EventSender {
    /// Has the event sent. Suspends (blocks the OS thread) while the client does not take those before it.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the event, when the stream has ended: the client has gone, or the server is shutting down. An event that was accepted just
    /// before may not have arrived either.
    pub fn send(&self, event: Event) -> Result<(), SendError> {
        self.0.send(event).map_err(|e| SendError(e.into_inner()))
    }
}

/// The stream has ended, and the event was not sent.
#[derive(Clone, PartialEq, Eq)]
pub struct SendError(pub Event);

impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("SendError(..)")
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stream of events has ended")
    }
}

impl std::error::Error for SendError {}

/// A broken pipe.
impl From<SendError> for io::Error {
    fn from(error: SendError) -> io::Error {
        io::Error::new(io::ErrorKind::BrokenPipe, error)
    }
}

/// Sends what `produce` makes. Suspends.
///
/// # Errors
///
/// Its own, and those of sending.
pub(super) fn serve(
    out: &mut BodyWriter<'_>,
    produce: Box<Produce>,
    keep_alive: Duration,
) -> io::Result<()> {
    let token = CancelToken::new();
    let _ends = CancelOnDrop(&token);
    // Goes before `_ends`: who waits in `send` learns it from there, and only who waits for something else is interrupted.
    let (sender, events) = channel::bounded(AHEAD);
    let running = Running::start(produce, EventSender(sender), token.clone())?;
    match stream::send(out, &events, keep_alive)? {
        Ended::Complete => running.join(),
        Ended::Shutdown => Ok(()),
    }
}

type Outcome = Result<io::Result<()>, Cancelled>;

enum Running {
    Coroutine(JoinHandle<Outcome>),
    Thread(std::thread::JoinHandle<Outcome>),
}

impl Running {
    /// Where the caller is of the same kind: a handler that is kept off coroutines has its reason.
    fn start(produce: Box<Produce>, sender: EventSender, token: CancelToken) -> io::Result<Self> {
        let run = move || token.run(move || produce(&sender));
        let name = "sse-producer";
        if worker_index().is_some() {
            let builder = greenwood_runtime::Builder::new().name(name).placement(Placement::Here);
            builder.spawn(run).map(Running::Coroutine)
        } else {
            let builder = std::thread::Builder::new().name(name.to_owned());
            builder.spawn(run).map(Running::Thread)
        }
    }

    fn join(self) -> io::Result<()> {
        let outcome = match self {
            Running::Coroutine(handle) => handle.join(),
            Running::Thread(handle) => handle.join(),
        };
        match outcome {
            Ok(Ok(result)) => result,
            Ok(Err(Cancelled)) => Err(io::Error::other("the producer of events was cancelled")),
            Err(_) => Err(io::Error::other("the producer of events panicked")),
        }
    }
}

struct CancelOnDrop<'a>(&'a CancelToken);

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
