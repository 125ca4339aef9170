//! Waiting for what the client sends.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use super::Connection;
use crate::buffer;

/// How long an idle connection keeps its coroutine and buffers, and with them its next request's speed.
const WARM: Duration = Duration::from_secs(1);

/// The same with more connections than [`MANY`] on a worker. Of so many most do nothing most of the time, and what each keeps adds up.
const WARM_AMONG_MANY: Duration = Duration::from_millis(2);

/// The same for one that has shown itself to be among the busy ones, by [`BUSY`] requests.
const WARM_WHEN_BUSY: Duration = Duration::from_millis(100);

const MANY: usize = 64;
const BUSY: u32 = 8;

pub(super) enum Received {
    Bytes,
    /// The peer has ended its half.
    End,
    /// The time is up.
    Late,
    /// The connection may rest until the time given.
    Nothing(Instant),
}

/// The point in time when `limit` has passed. One beyond what the clock can tell is as good as never.
fn after(limit: Duration) -> Instant {
    greenwood_runtime::now() + limit.min(Duration::from_secs(u32::MAX.into()))
}

impl Connection<'_> {
    /// Reads more: the rest of a head by its deadline, or whatever comes next.
    #[inline]
    pub(super) fn receive(&mut self) -> io::Result<Received> {
        if self.input.is_empty() {
            self.registration.set_idle();
            let received = self.wait_for_request()?;
            if let Received::Bytes = received {
                self.registration.set_busy();
                self.idle_deadline = None;
            }
            return Ok(received);
        }
        let limit = self.service.limits.head_deadline;
        let deadline = *self.head_deadline.get_or_insert_with(|| after(limit));
        match deadline.checked_duration_since(greenwood_runtime::now()) {
            None | Some(Duration::ZERO) => Ok(Received::Late),
            Some(left) => self.read(left),
        }
    }

    /// Waits with coroutine and buffers for a while, if that is worth it.
    #[inline]
    fn wait_for_request(&mut self) -> io::Result<Received> {
        let idle = match self.idle_deadline {
            // It has rested, and been woken by what is no byte of a request.
            Some(deadline) => deadline.saturating_duration_since(greenwood_runtime::now()),
            None => self.service.limits.idle,
        };
        self.input.shrink(buffer::INITIAL);
        self.transport.shrink();
        let Some(live) = self.registration.neighbours() else {
            // On an OS thread, which stays for as long as the connection does.
            return self.read(idle);
        };
        let warm = match live {
            ..=MANY => idle.min(WARM),
            _ if self.registration.requests() < BUSY => idle.min(WARM_AMONG_MANY),
            _ => idle.min(WARM_WHEN_BUSY),
        };
        match self.read(warm)? {
            Received::Late if warm < idle => {
                let deadline = self.idle_deadline.unwrap_or_else(|| after(idle - warm));
                Ok(Received::Nothing(deadline))
            }
            received => Ok(received),
        }
    }

    fn read(&mut self, timeout: Duration) -> io::Result<Received> {
        match self.transport.link.stream.read(self.input.spare(), Some(timeout)) {
            Ok(0) => Ok(Received::End),
            Ok(n) => {
                self.input.commit(n);
                Ok(Received::Bytes)
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Ok(Received::Late)
            }
            // TLS that broke off. A request says itself where it ends, so nothing shorter can be taken for one.
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => Ok(Received::End),
            Err(e) => Err(e),
        }
    }
}
