//! The socket as rustls reads and writes it: without waiting.

use std::io::{self, IoSlice, Read, Write};

use crate::stream::Socket;

/// One step's view of a socket.
pub(super) struct Wire<'a> {
    socket: &'a Socket,
    short: bool,
    first: Option<u8>,
}

impl<'a> Wire<'a> {
    pub(super) fn new(socket: &'a Socket) -> Wire<'a> {
        Wire { socket, short: false, first: None }
    }

    /// Whether the last read has shown that the kernel has no more.
    pub(super) fn is_short(&self) -> bool {
        self.short
    }

    /// The first byte that was read.
    pub(super) fn first(&self) -> Option<u8> {
        self.first
    }
}

impl Read for Wire<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.socket.receive(into)?;
        self.short = self.socket.is_all(n, into.len());
        self.first = self.first.or(into[..n].first().copied());
        Ok(n)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.send_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.send_vectored(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
