//! The connection's side of a stream: sends events as they come, and looks after the client while none do.

use std::io::{self, Write};
use std::time::Duration;

use greenwood_runtime::CancelToken;
use greenwood_runtime::channel::{Receiver, RecvTimeoutError, TryRecvError, select};

use super::Event;
use crate::response::BodyWriter;
use crate::stream::Stream;

/// Written while there are no events, to keep the connection in use and to find out that the client has gone.
const COMMENT: &[u8] = b":\n\n";

/// Events that go out in one write.
const BATCH: usize = 64;

/// The first pause between attempts to find out whether the client has gone.
const PROBE: Duration = Duration::from_millis(10);

pub(super) enum Ended {
    /// There are no more events.
    Complete,
    /// There might be more, but the server shuts down.
    Shutdown,
}

/// Sends events until there are no more, or the server shuts down. Suspends.
///
/// # Errors
///
/// Those of writing: the client has gone.
pub(super) fn send(
    out: &mut BodyWriter<'_>,
    events: &Receiver<Event>,
    keep_alive: Duration,
) -> io::Result<Ended> {
    let shutdown = out.link().shutdown_token();
    let mut watch = Watch::new(keep_alive);
    // The client is to see at once that the stream is open, without an event too.
    out.flush()?;
    loop {
        if shutdown.is_cancelled() {
            write(out, events.try_iter().take(events.len()))?;
            return Ok(Ended::Shutdown);
        }
        match events.try_recv() {
            Ok(event) => write(out, [event].into_iter().chain(events.try_iter()).take(BATCH))?,
            Err(TryRecvError::Disconnected) => return Ok(Ended::Complete),
            Err(TryRecvError::Empty) => match watch.wait(&out.link().stream, events, &shutdown) {
                News::Event(event) => {
                    write(out, [event].into_iter().chain(events.try_iter()).take(BATCH))?;
                }
                News::Silence => out.write_all(COMMENT)?,
                News::End => {}
            },
        }
        out.flush()?;
    }
}

fn write(out: &mut BodyWriter<'_>, events: impl Iterator<Item = Event>) -> io::Result<()> {
    for event in events {
        out.write_all(event.as_str().as_bytes())?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

enum News {
    Event(Event),
    /// A comment is due.
    Silence,
    /// Of the events, or of the server: to be looked at.
    End,
}

/// What is known of the client.
///
/// A stream's client has nothing to say. When there is something to read all the same, it is a further request, which waits its turn, or the end
/// of its half of the connection: then the client has gone, or has only closed that half. A write tells the difference, not the first, but one
/// after the peer's answer to it. So a few are made, with longer and longer pauses up to that of `keep_alive`.
struct Watch {
    keep_alive: Duration,
    /// The pause to the next attempt, once there was something to read.
    probe: Option<Duration>,
}

impl Watch {
    fn new(keep_alive: Duration) -> Watch {
        // Without a pause in between, comments would be all that the connection does.
        Watch { keep_alive: keep_alive.max(Duration::from_millis(1)), probe: None }
    }

    /// Waits for whatever comes first. Suspends.
    fn wait(&mut self, client: &Stream, events: &Receiver<Event>, shutdown: &CancelToken) -> News {
        let news = match self.probe {
            None => shutdown.run(|| {
                select! {
                    recv(events) -> event => event.map_or(News::End, News::Event),
                    readable(client) -> _ => {
                        self.probe = Some(PROBE);
                        News::Silence
                    }
                    default(self.keep_alive) => News::Silence,
                }
            }),
            Some(pause) => shutdown.run(|| match events.recv_timeout(pause.min(self.keep_alive)) {
                Ok(event) => News::Event(event),
                Err(RecvTimeoutError::Disconnected) => News::End,
                Err(RecvTimeoutError::Timeout) => {
                    self.probe = Some(pause.saturating_mul(2));
                    News::Silence
                }
            }),
        };
        // Cancelled: by the shutdown.
        news.unwrap_or(News::End)
    }
}
