//! A connected socket, TCP or Unix: system calls that never block, and the readiness that makes them wait.
//!
//! Not `greenwood_net`'s types, which keep for every socket what its user may set: here nobody sets anything, and idle
//! connections are to be small.

use std::io;
#[cfg(feature = "tls")]
use std::io::IoSlice;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::time::Duration;

use greenwood_runtime::readiness::{Interest, Mode, Source};
use greenwood_runtime::signal::SIGPIPE;
#[cfg(feature = "tls")]
use rustix::net::SendAncillaryBuffer;
use rustix::net::{RecvFlags, SendFlags};

use crate::proxy_header::{self, Origin};
use crate::sys;

#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    source: Source,
    /// Whether a short count proves that there is nothing more. On Unix sockets a receive also stops at a change of ancillary data.
    short_is_all: bool,
    /// Where the peer says that its client is, if it is to say that. Boxed, as most sockets have none.
    origin: Option<Box<OnceLock<Origin>>>,
}

impl Socket {
    pub(crate) fn tcp(fd: OwnedFd) -> Socket {
        Socket { fd, source: Source::new(), short_is_all: true, origin: None }
    }

    pub(crate) fn unix(fd: OwnedFd) -> Socket {
        Socket { fd, source: Source::new(), short_is_all: false, origin: None }
    }

    /// From here on it begins with a PROXY header.
    pub(crate) fn expect_header(&mut self) {
        self.origin = Some(Box::default());
    }

    /// Takes the PROXY header off, if there is to be one. Suspends, for `limit` at most.
    ///
    /// # Errors
    ///
    /// Those of [`proxy_header::receive`].
    pub(crate) fn receive_header(&self, limit: Duration) -> io::Result<()> {
        if let Some(origin) = &self.origin {
            let _ = origin.set(proxy_header::receive(self, limit)?);
        }
        Ok(())
    }

    /// What the header has said of the client.
    pub(crate) fn origin(&self) -> Option<Origin> {
        self.origin.as_ref().and_then(|origin| origin.get().copied())
    }

    /// See [`Stream::read`](super::Stream::read), as for the next six.
    #[inline]
    pub(crate) fn read(&self, into: &mut [u8], timeout: Option<Duration>) -> io::Result<usize> {
        let (asked, short_is_all) = (into.len(), self.short_is_all);
        loop {
            let result = self.source.perform(
                self.fd.as_fd(),
                Interest::Read,
                timeout,
                || receive(&self.fd, into, RecvFlags::empty()),
                |&n| short_is_all && 0 < n && n < asked,
            );
            match result {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Reads, and leaves what was read where it is.
    pub(crate) fn peek(&self, into: &mut [u8], timeout: Option<Duration>) -> io::Result<usize> {
        loop {
            let peek = || receive(&self.fd, into, RecvFlags::PEEK);
            let fd = self.fd.as_fd();
            match self.source.perform(fd, Interest::Read, timeout, peek, |_| false) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    pub(crate) fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        // Through the source, so that it knows that there is nothing before somebody waits on it.
        self.source.perform_as(
            self.fd.as_fd(),
            Interest::Read,
            || Ok(Mode::NonBlocking),
            || receive(&self.fd, into, RecvFlags::empty()),
            |_| false,
        )
    }

    pub(crate) fn wait_readable(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.source.wait(self.fd.as_fd(), Interest::Read, timeout)
    }

    pub(crate) fn write_all(&self, bytes: &mut &[u8], timeout: Option<Duration>) -> io::Result<()> {
        self.send_all(bytes, SendFlags::empty(), timeout)
    }

    pub(crate) fn write_more(
        &self,
        bytes: &mut &[u8],
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        self.send_all(bytes, sys::MORE, timeout)
    }

    fn send_all(
        &self,
        bytes: &mut &[u8],
        flags: SendFlags,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        while !bytes.is_empty() {
            let (asked, short_is_all) = (bytes.len(), self.short_is_all);
            let result = self.source.perform(
                self.fd.as_fd(),
                Interest::Write,
                timeout,
                || {
                    let flags = flags | SendFlags::DONTWAIT | sys::NO_SIGNAL;
                    rustix::net::send(&self.fd, bytes, flags).map_err(io::Error::from)
                },
                |&n| short_is_all && n < asked,
            );
            match result {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => *bytes = &bytes[n..],
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    pub(crate) fn begin_file(&self) -> io::Result<bool> {
        // sendfile(2) takes no flags: a client that has gone raises the signal, which by default ends the process, and whether the call
        // waits is the socket's mode. All other calls here pass flags for both.
        if !SIGPIPE.is_ignored() {
            return Ok(false);
        }
        rustix::io::ioctl_fionbio(&self.fd, true)?;
        Ok(true)
    }

    pub(crate) fn send_file(
        &self,
        file: BorrowedFd<'_>,
        offset: u64,
        len: usize,
        timeout: Option<Duration>,
    ) -> io::Result<Option<usize>> {
        loop {
            let result = self.source.perform(
                self.fd.as_fd(),
                Interest::Write,
                timeout,
                || sys::send_file(self.fd.as_fd(), file, offset, len),
                // The file may be what has ended.
                |_| false,
            );
            match result {
                Ok(n) => return Ok(Some(n)),
                Err(e) if e.kind() == io::ErrorKind::Unsupported => return Ok(None),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Reads what the kernel has, without regard to readiness: for a step of something larger, which `source` repeats.
    #[cfg(feature = "tls")]
    pub(super) fn receive(&self, into: &mut [u8]) -> io::Result<usize> {
        receive(&self.fd, into, RecvFlags::empty())
    }

    /// Whether a read of `n` bytes, where `asked` would have fitted, has shown that there are no more.
    #[cfg(feature = "tls")]
    pub(super) fn is_all(&self, n: usize, asked: usize) -> bool {
        self.short_is_all && n < asked
    }

    /// Writes what the kernel takes, without regard to readiness.
    #[cfg(feature = "tls")]
    pub(super) fn send_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let flags = SendFlags::DONTWAIT | sys::NO_SIGNAL;
        let mut none = SendAncillaryBuffer::default();
        Ok(rustix::net::sendmsg(&self.fd, pieces, &mut none, flags)?)
    }

    /// Ends what is sent, and takes for a while what the peer still sends: closing with bytes unread would make the kernel send a
    /// reset, which can overtake and destroy the last words (RFC 9112 section 9.6). Suspends.
    #[cfg(feature = "tls")]
    pub(super) fn linger(&self) {
        const TIME: Duration = Duration::from_secs(2);
        const BYTES: usize = 64 * 1024;

        let deadline = greenwood_runtime::now() + TIME;
        let mut left = BYTES;
        let mut sink = [0; 1024];
        if self.shutdown(Shutdown::Write).is_err() {
            return;
        }
        while let Some(time) = deadline.checked_duration_since(greenwood_runtime::now()) {
            match self.read(&mut sink, Some(time)) {
                Ok(n) if 0 < n && n <= left => left -= n,
                _ => break,
            }
        }
    }

    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let how = match how {
            Shutdown::Read => rustix::net::Shutdown::Read,
            Shutdown::Write => rustix::net::Shutdown::Write,
            Shutdown::Both => rustix::net::Shutdown::Both,
        };
        Ok(rustix::net::shutdown(&self.fd, how)?)
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }
}

#[inline]
fn receive(fd: &OwnedFd, into: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
    let (n, _) = rustix::net::recv(fd, into, flags | RecvFlags::DONTWAIT)?;
    Ok(n)
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Socket {
    /// Closing the descriptor, the only one of this socket, ends its registration without a further system call.
    fn drop(&mut self) {
        self.source.close_lost();
    }
}
