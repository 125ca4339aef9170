//! Closing such that the peer gets the last answer even if it is still sending.

use std::io;
use std::time::Duration;

use super::{Connection, End};
use crate::observe::CloseReason;

/// How long a closed connection still takes what the peer sends, in all and without a byte. Closing with bytes unread would make
/// the kernel send a reset, which can overtake and destroy the last answer (RFC 9112 section 9.6); and many a client that sends a
/// long body reads no answer before it has sent all of it. No bound in bytes: they cost what those of any request do.
const LINGER: Duration = Duration::from_secs(30);
const LINGER_PAUSE: Duration = Duration::from_secs(2);

impl Connection<'_> {
    pub(super) fn close(&mut self) -> io::Result<End> {
        self.transport.flush()?;
        self.registration.closes(CloseReason::Answered);
        let stream = &self.transport.link.stream;
        stream.finish(Some(self.service.limits.write_progress))?;
        self.registration.set_idle();
        let deadline = greenwood_runtime::now() + LINGER;
        self.input.replace(b"");
        while let Some(left) = deadline.checked_duration_since(greenwood_runtime::now()) {
            if stream.read(self.input.spare(), Some(left.min(LINGER_PAUSE)))? == 0 {
                break;
            }
        }
        Ok(End::Closed)
    }
}
