//! A line for each exchange, once it is over.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::line::{Line, RequestLine};
use super::queue::Queue;
use super::{Connection, Exchange, Observer};
use crate::date::{DateCache, SharedDate};
use crate::error::RequestError;

/// How long the end of a server waits for the last lines to be written.
const LAST: Duration = Duration::from_secs(2);

/// An [`Observer`] that writes a line for each exchange, when it is over, in the *combined* format of many servers with two fields behind it:
///
/// ```text
/// 192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] "GET /tree?leaf HTTP/1.1" 200 512 "-" "curl/8.5" 0.001234 +
/// ```
///
/// The first is the time that the exchange took, in seconds: [`Exchange::duration`]. The other is what Apache httpd's log knows as `%X`: `+` if the connection
/// could stay open for another request, `-` if it was closed after the answer, and `X` if the answer broke off. The length is that of the
/// body as far as it was written: [`Exchange::body_bytes_sent`]. A request that was [refused](Observer::request_refused) has a line too, with
/// `"-"` in place of what it asked for.
///
/// What the client sent is escaped: quotes, backslashes, and all bytes that are not visible ASCII or spaces appear as `\xhh`, so
/// a request is always one line, and no part of it looks like another field.
///
/// # A writer that is slow
///
/// Lines are written by an OS thread of their own, together with those that come within 10 ms, always whole. Connections never wait for it: when it
/// lags behind by a mebibyte of lines, as when nobody reads the pipe that it writes to, further ones are lost, and
/// [counted](AccessLog::lost), as are those that the writer fails to write. At the end of the server, [`serve`](crate::Server::serve) waits for
/// the last lines for two seconds.
///
/// The middleware [`access_log`](crate::middleware::access_log) has a say over which routes are logged, but does not see what becomes of its answers.
///
/// ```
/// use greenwood_http::Server;
/// use greenwood_http::observe::AccessLog;
///
/// # fn main() -> std::io::Result<()> {
/// let log = AccessLog::new(std::io::stderr())?;
/// let server = Server::builder().observer(log).bind("127.0.0.1:0")?;
/// # Ok(())
/// # }
/// ```
pub struct AccessLog {
    queue: Queue,
    date: Mutex<DateCache>,
}

impl AccessLog {
    /// Writes to `out`: a file that was opened for appending, [`stderr`](std::io::stderr), a pipe. It is flushed after each write.
    ///
    /// # Errors
    ///
    /// When the thread cannot be started.
    pub fn new(out: impl Write + Send + 'static) -> io::Result<AccessLog> {
        Ok(AccessLog { queue: Queue::new(out)?, date: Mutex::new(DateCache::new()) })
    }

    /// How many lines were lost so far.
    pub fn lost(&self) -> u64 {
        self.queue.lost()
    }
}

impl Observer for AccessLog {
    fn exchange_finished(&self, exchange: &Exchange<'_>) {
        let (peer, date) = (exchange.connection().peer_addr(), self.date());
        let request = RequestLine {
            method: exchange.method(),
            target: exchange.target(),
            version: exchange.version(),
            headers: exchange.headers(),
        };
        self.queue.add(|out| {
            let line = Line {
                peer,
                date: &date,
                request: Some(request),
                status: exchange.status().map(|status| status.as_u16()),
                length: Some(exchange.body_bytes_sent()),
                took: Some(exchange.duration()),
            };
            line.write(out);
            out.push_str(match (exchange.is_complete(), exchange.keeps_alive()) {
                (false, _) => " X\n",
                (true, true) => " +\n",
                (true, false) => " -\n",
            });
        });
    }

    fn request_refused(&self, connection: &Connection<'_>, error: RequestError) {
        let (peer, date) = (connection.peer_addr(), self.date());
        self.queue.add(|out| {
            let line = Line {
                peer,
                date: &date,
                request: None,
                status: Some(error.status().as_u16()),
                length: None,
                took: None,
            };
            line.write(out);
            out.push_str(" -\n");
        });
    }

    fn server_stopped(&self) {
        self.queue.drain(LAST);
    }
}

impl AccessLog {
    /// Now, as an IMF-fixdate.
    fn date(&self) -> [u8; 29] {
        let mut date = [0; 29];
        let mut cache = self.date.lock().unwrap_or_else(PoisonError::into_inner);
        date.copy_from_slice(&cache.line(&SharedDate::default())[6..35]);
        date
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog").field("lost", &self.lost()).finish_non_exhaustive()
    }
}
