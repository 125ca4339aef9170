//! From the signal handler to those who wait: a pipe with at most one byte for each signal.

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use mio::unix::pipe;

use super::Signal;

/// Linux has signals 1 to 64 (signal(7)), the BSDs and macOS fewer.
pub(super) const MAX: usize = 64;

/// What has arrived and was not taken yet, in the order of arrival.
///
/// The bytes in the pipe are the signals' numbers. A signal has a byte there from its first arrival until it is taken, and further ones
/// count as the same, as the kernel's own pending signals do (signal(7)). So the pipe, of at least 4,096 bytes, is never full.
#[derive(Debug)]
pub(super) struct Mailbox {
    sender: pipe::Sender,
    receiver: pipe::Receiver,
    /// Which signals have a byte in the pipe, by number.
    pending: [AtomicBool; MAX + 1],
    /// The process whose mailbox this is. A forked child shares the pipe, but not `pending`.
    process: u32,
}

impl Mailbox {
    pub(super) fn new() -> io::Result<Mailbox> {
        let (sender, receiver) = pipe::new()?;
        Ok(Mailbox {
            sender,
            receiver,
            pending: [const { AtomicBool::new(false) }; MAX + 1],
            process: std::process::id(),
        })
    }

    /// False in a forked child.
    pub(super) fn is_ours(&self) -> bool {
        std::process::id() == self.process
    }

    /// Puts a signal in. Async-signal-safe (signal-safety(7)): atomics, `getpid` and `write`, no lock, no allocation, no
    /// panic. May change `errno`.
    pub(super) fn post(&self, signal: Signal) {
        // What is sent to a forked child, not least between fork and exec, is none of the parent's business.
        if !self.is_ours() {
            return;
        }
        let Some(pending) = self.pending.get(signal.as_raw() as usize) else { return };
        if pending.swap(true, Ordering::AcqRel) {
            return;
        }
        let byte = signal.as_raw() as u8;
        // SAFETY: one byte from the stack, to a descriptor that is open as long as `self` is. It does not block.
        let written = unsafe { libc::write(self.sender.as_raw_fd(), (&raw const byte).cast(), 1) };
        if written != 1 {
            // Unheard of; but if so, the next arrival tries again.
            pending.store(false, Ordering::Release);
        }
    }

    /// Takes the signal that arrived first. `WouldBlock` if there is none.
    ///
    /// One that arrives between the read and the swap counts as the one that is taken: the caller acts on it only after this, and sees
    /// what happened before either.
    pub(super) fn take(&self) -> io::Result<Signal> {
        let mut byte = [0];
        if (&self.receiver).read(&mut byte)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(pending) = self.pending.get(usize::from(byte[0])) {
            pending.swap(false, Ordering::AcqRel);
        }
        Ok(Signal::from_raw(byte[0].into()))
    }
}

impl AsFd for Mailbox {
    /// The end that is readable while there is a signal.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }
}
