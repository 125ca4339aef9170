//! Closing such that the peer gets the last answer even if it is still sending.

use std::io;
use std::time::Duration;

use super::{Connection, End};

/// How long a closed connection still takes what the peer sends. Closing with bytes unread would
/// make the kernel send a reset, which can overtake and destroy the last answer (RFC 9112 section
/// 9.6).
const LINGER: Duration = Duration::from_secs(2);

/// How much of it. More than the kernels of both sides hold for a connection (`tcp_rmem`, `tcp_wmem`): as much can be on its way
/// before a client that is sending a body sees the answer.
const LINGER_BYTES: usize = 16 * 1024 * 1024;

impl Connection<'_> {
    pub(super) fn close(&mut self) -> io::Result<End> {
        self.transport.flush()?;
        let stream = &self.transport.link.stream;
        stream.finish(Some(self.service.limits.write_progress))?;
        self.registration.set_idle();
        let deadline = greenwood_runtime::now() + LINGER;
        let mut left = LINGER_BYTES;
        let mut sink = [0; 8 * 1024];
        while let Some(time) = deadline.checked_duration_since(greenwood_runtime::now()) {
            match stream.read(&mut sink, Some(time))? {
                n if n > 0 && n <= left => left -= n,
                _ => break,
            }
        }
        Ok(End::Closed)
    }
}
