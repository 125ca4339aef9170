//! Receiving signals.

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use signal_hook_registry::SigId;

use super::mailbox::{self, Mailbox};
use super::{SIGBUS, SIGFPE, SIGILL, SIGKILL, SIGSEGV, SIGSTOP, Signal};
use crate::park::Reason;
use crate::readiness::{Interest, Source};

/// The first two cannot be handled (signal(7)). The others say that an instruction failed: after a handler that only makes a
/// note it would run, and fail, again, for ever; and the report on overflown stacks needs two of them.
const REFUSED: [Signal; 6] = [SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL];

/// A queue of the signals that it was made for.
///
/// Signals are kept from [`Signals::new`] on, whether or not somebody waits. The same signal that arrives again before it was
/// received counts once, as in the kernel (signal(7)); different ones are received in the order of their arrival. Each of several
/// `Signals` gets every signal. Of several coroutines or threads that wait on the same one, one gets it.
///
/// Belongs to the process that made it. In a forked child it stays silent and its calls return an error; a child can make its own.
pub struct Signals {
    mailbox: Arc<Mailbox>,
    source: Source,
    handlers: Vec<(Signal, SigId)>,
}

impl Signals {
    /// Starts to receive `signals`, whose default actions end herewith for the whole process: see the [module](super). Does
    /// not suspend.
    ///
    /// # Errors
    /// `InvalidInput`, with the signal's name, for SIGKILL and SIGSTOP, which cannot be handled, for SIGSEGV, SIGBUS, SIGFPE and SIGILL,
    /// which report a failed instruction, and for what is no signal; what the OS says if there is no descriptor left.
    ///
    /// ```
    /// use greenwood_runtime::signal::{SIGINT, SIGKILL, SIGTERM, Signals};
    ///
    /// let signals = Signals::new([SIGINT, SIGTERM])?;
    /// assert_eq!(signals.try_recv()?, None);
    ///
    /// let error = Signals::new([SIGKILL]).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    /// assert_eq!(error.to_string(), "cannot receive SIGKILL");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(signals: impl IntoIterator<Item = Signal>) -> io::Result<Signals> {
        let mut this = Signals {
            mailbox: Arc::new(Mailbox::new()?),
            source: Source::with_reason(&Reason("signal")),
            handlers: Vec::new(),
        };
        for signal in signals {
            this.add(signal)?;
        }
        Ok(this)
    }

    fn add(&mut self, signal: Signal) -> io::Result<()> {
        let refused =
            || io::Error::new(io::ErrorKind::InvalidInput, format!("cannot receive {signal}"));
        let known = usize::try_from(signal.as_raw()).is_ok_and(|n| (1..=mailbox::MAX).contains(&n));
        if !known || REFUSED.contains(&signal) {
            return Err(refused());
        }
        if self.handlers.iter().any(|(added, _)| *added == signal) {
            return Ok(());
        }
        let mailbox = Arc::clone(&self.mailbox);
        // SAFETY: `post` is async-signal-safe, and the registry keeps `errno` over it. The registry drops the closure, and with it
        // perhaps the mailbox, when no handler runs it, and outside of handlers.
        let handler = unsafe {
            signal_hook_registry::register(signal.as_raw(), move || mailbox.post(signal))
        };
        // glibc keeps two numbers for itself (nptl(7)).
        let handler = handler.map_err(|e| match e.raw_os_error() {
            Some(libc::EINVAL) => refused(),
            _ => e,
        })?;
        self.handlers.push((signal, handler));
        Ok(())
    }

    /// Takes the next signal. Suspends the calling coroutine until there is one; on an OS thread, blocks that thread.
    ///
    /// # Errors
    /// `ECANCELED` if the coroutine was cancelled, `ETIMEDOUT` if the time of a [`timeout`](crate::timeout) around the call is over; no signal
    /// is lost by that. An error in a forked child.
    pub fn recv(&self) -> io::Result<Signal> {
        self.receive(None)
    }

    /// [`recv`](Signals::recv) for at most `timeout`; `None` if no signal came.
    ///
    /// # Errors
    /// As for [`recv`](Signals::recv).
    ///
    /// ```
    /// use std::time::Duration;
    /// use greenwood_runtime::signal::{SIGUSR1, Signals};
    ///
    /// let signals = Signals::new([SIGUSR1])?;
    /// assert_eq!(signals.recv_timeout(Duration::from_millis(1))?, None);
    /// SIGUSR1.raise()?;
    /// assert_eq!(signals.recv_timeout(Duration::from_secs(10))?, Some(SIGUSR1));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> io::Result<Option<Signal>> {
        some_or_none(self.receive(Some(timeout)))
    }

    /// Takes the next signal if there is one. Does not suspend.
    ///
    /// # Errors
    /// In a forked child.
    pub fn try_recv(&self) -> io::Result<Option<Signal>> {
        self.check_process()?;
        some_or_none(self.mailbox.take())
    }

    /// An iterator that never ends, over what [`recv`](Signals::recv) returns. Each step may suspend.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self)
    }

    fn receive(&self, timeout: Option<Duration>) -> io::Result<Signal> {
        self.check_process()?;
        let fd = self.mailbox.as_fd();
        // A byte says nothing about the next one: there may be more signals.
        self.source.perform(fd, Interest::Read, timeout, || self.mailbox.take(), |_| false)
    }

    fn check_process(&self) -> io::Result<()> {
        match self.mailbox.is_ours() {
            true => Ok(()),
            false => Err(io::Error::other("these signals are received by the parent process")),
        }
    }
}

fn some_or_none(result: io::Result<Signal>) -> io::Result<Option<Signal>> {
    match result {
        Ok(signal) => Ok(Some(signal)),
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(e) => Err(e),
    }
}

impl Drop for Signals {
    /// The handlers stay and do nothing: the default action, put back, would come as a surprise to whoever installed
    /// another handler meanwhile.
    fn drop(&mut self) {
        // A forked child has the parent's epoll instances, from which closing the source would remove the parent's
        // registration; and the registry's lock, which may have been held at the fork.
        if !self.mailbox.is_ours() {
            return;
        }
        for (_, handler) in &self.handlers {
            signal_hook_registry::unregister(*handler);
        }
        self.source.close(self.mailbox.as_fd());
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.handlers.iter().map(|(signal, _)| signal)).finish()
    }
}

/// What [`Signals::iter`] returns.
#[derive(Debug)]
pub struct Iter<'a>(&'a Signals);

impl Iterator for Iter<'_> {
    type Item = io::Result<Signal>;

    fn next(&mut self) -> Option<io::Result<Signal>> {
        Some(self.0.recv())
    }
}

impl<'a> IntoIterator for &'a Signals {
    type Item = io::Result<Signal>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}
