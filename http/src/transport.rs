//! A connection's socket with what is still to be written to it.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use crate::connections::Link;
use crate::stream::Stream;

/// Answers gather here up to this size before they are written although more requests wait.
pub(crate) const FLUSH_AT: usize = 64 * 1024;

/// The most memory for output that is kept while a connection waits, or for the next one.
pub(crate) const KEEP: usize = 8 * 1024;

#[derive(Debug)]
pub(crate) struct Transport {
    pub(crate) link: Arc<Link>,
    /// Answers that were not written yet. Empty whenever the connection waits for its peer.
    pub(crate) out: Vec<u8>,
    /// How many bytes the peer's side has taken.
    written: u64,
    write_timeout: Duration,
    /// A write has not been completed: nothing more may follow what the peer has of it.
    broken: bool,
}

/// A point in what is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    written: u64,
    waiting: usize,
}

impl Mark {
    /// How many bytes in `out` come before it.
    #[inline]
    pub(crate) fn waiting(self) -> usize {
        self.waiting
    }
}

impl Transport {
    /// `out` is empty.
    pub(crate) fn new(link: Arc<Link>, out: Vec<u8>, write_timeout: Duration) -> Transport {
        Transport { link, out, written: 0, write_timeout, broken: false }
    }

    /// Where what is added to `out` now begins.
    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark { written: self.written, waiting: self.out.len() }
    }

    /// How many bytes of what was added since have left.
    pub(crate) fn written_since(&self, mark: Mark) -> u64 {
        self.written.saturating_sub(mark.written + mark.waiting as u64)
    }

    /// Takes back what was added since, if nothing of it has left; whether that is so.
    pub(crate) fn rewind(&mut self, mark: Mark) -> bool {
        let kept = self.written == mark.written && !self.broken;
        if kept {
            self.out.truncate(mark.waiting);
        }
        kept
    }

    /// Reads once, for at most `timeout`, after everything in `out` was written: the peer may be
    /// waiting for that before it sends more. Suspends.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when the time has passed.
    pub(crate) fn read(&mut self, into: &mut [u8], timeout: Duration) -> io::Result<usize> {
        self.flush()?;
        match self.link.stream.read(into, Some(timeout)) {
            // TLS that broke off. A request says itself where it ends, so nothing shorter can be taken for one.
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            result => result,
        }
    }

    /// Writes all of `out`. Suspends.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let out = std::mem::take(&mut self.out);
        let result = self.write(&out, Stream::write_all);
        self.out = out;
        self.out.clear();
        result
    }

    /// Writes `bytes` after `out`, without copying what is long. Suspends.
    #[inline]
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.out.len() + bytes.len() <= FLUSH_AT {
            self.out.extend_from_slice(bytes);
            return Ok(());
        }
        self.send_long(bytes)
    }

    fn send_long(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.flush()?;
        self.write(bytes, Stream::write_all)
    }

    /// Writes what is in `out` and then bytes of `file` without copying them: some of the `len` from `offset` on, 0 if the file has none, or
    /// `None` where this cannot be done. Suspends.
    pub(crate) fn send_file(
        &mut self,
        file: BorrowedFd<'_>,
        offset: u64,
        len: usize,
    ) -> io::Result<Option<usize>> {
        if !self.out.is_empty() {
            let out = std::mem::take(&mut self.out);
            let result = self.write(&out, Stream::write_more);
            self.out = out;
            self.out.clear();
            result?;
        }
        let sent = self.whole(|stream, timeout| stream.send_file(file, offset, len, timeout))?;
        self.written += sent.unwrap_or(0) as u64;
        Ok(sent)
    }

    #[inline]
    fn write(
        &mut self,
        mut bytes: &[u8],
        write: impl FnOnce(&Stream, &mut &[u8], Option<Duration>) -> io::Result<()>,
    ) -> io::Result<()> {
        let len = bytes.len();
        let result = self.whole(|stream, timeout| write(stream, &mut bytes, timeout));
        self.written += (len - bytes.len()) as u64;
        result
    }

    /// Lets `write` do its work, and nothing more after one that did not come to its end.
    fn whole<T>(
        &mut self,
        write: impl FnOnce(&Stream, Option<Duration>) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        // Until all of it is written, also if a wait unwinds to a time-out in the handler.
        self.broken = true;
        let result = write(&self.link.stream, Some(self.write_timeout))?;
        self.broken = false;
        Ok(result)
    }

    /// Whether the peer is lost.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Gives memory back that a large answer took.
    pub(crate) fn shrink(&mut self) {
        debug_assert!(self.out.is_empty());
        if self.out.capacity() > KEEP {
            self.out = Vec::new();
        }
    }

    /// The memory for output.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connections::Connections;
    use crate::limits::Limits;
    use crate::request::Request;
    use crate::service::Service;
    use crate::stream::Socket;
    use greenwood_net::{TcpListener, TcpStream};
    use greenwood_runtime::{readiness, timeout};
    use std::os::fd::AsFd;

    /// A time-out in a handler that unwinds out of a write leaves half an answer with the peer: another must not follow it.
    #[test]
    fn nothing_follows_a_write_that_was_left() {
        let check = || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (stream, peer) = listener.accept().unwrap();
            let stream = Stream::Plain(Socket::tcp(stream.into()));
            let connections = Connections::new().unwrap();
            let service = Service::new(connections, 0, Limits::default(), |_: &mut Request<'_>| ());
            let link = Arc::new(Link::new(&Arc::new(service), stream, Some(peer), None));
            let mut transport = Transport::new(link, Vec::new(), Duration::from_secs(3600));
            let (never, _open) = io::pipe().unwrap();
            let bytes = vec![0; 16 << 20];
            let left = timeout(Duration::from_millis(20), || {
                readiness::wait_readable(never.as_fd(), None).unwrap_err();
                transport.send(&bytes)
            });
            assert!(left.is_err());
            transport.out.extend_from_slice(b"another");
            assert_eq!(transport.flush().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        };
        check();
        greenwood_runtime::run(check);
    }
}
