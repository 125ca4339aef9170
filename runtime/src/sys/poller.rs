//! Waiting for readiness with a time-out finer than a millisecond.
//!
//! mio's `poll` rounds its time-out up to milliseconds. On Linux 5.11+ we wait on mio's own epoll instance by
//! `epoll_pwait2`, which takes nanoseconds; elsewhere, and where the kernel lacks the call, by mio itself.

use std::io;
use std::time::Duration;

use mio::Poll;

/// What one event says of a descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// No more will come: every read from now on succeeds at once (data, end of file, or an error).
    pub(crate) read_closed: bool,
    /// Every write from now on fails at once.
    pub(crate) write_closed: bool,
}

/// Events taken from the kernel at a time.
const CAPACITY: usize = 256;

/// A `mio::Poll` with a finer clock.
#[derive(Debug)]
pub(crate) struct Poller {
    poll: Poll,
    events: mio::Events,
    #[cfg(target_os = "linux")]
    raw: Option<linux::Raw>,
}

impl Poller {
    /// `portable` waits through mio even where there is something finer.
    pub(crate) fn new(portable: bool) -> io::Result<Poller> {
        let poll = Poll::new()?;
        #[cfg(not(target_os = "linux"))]
        let _ = portable;
        Ok(Poller {
            #[cfg(target_os = "linux")]
            raw: (!portable && linux::available(&poll)).then(linux::Raw::default),
            poll,
            events: mio::Events::with_capacity(CAPACITY),
        })
    }

    pub(crate) fn registry(&self) -> &mio::Registry {
        self.poll.registry()
    }

    /// Waits for at most `timeout` (for ever without) and reports each event's token. An interrupted wait reports none.
    pub(crate) fn wait(
        &mut self,
        timeout: Option<Duration>,
        mut report: impl FnMut(usize, Ready),
    ) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        if let Some(raw) = &mut self.raw {
            for event in raw.wait(&self.poll, timeout)? {
                report(event.u64 as usize, linux::ready(event.events));
            }
            return Ok(());
        }
        match self.poll.poll(&mut self.events, timeout) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(()),
            r => r?,
        }
        for event in &self.events {
            let ready = Ready {
                readable: event.is_readable(),
                writable: event.is_writable(),
                read_closed: event.is_read_closed() || event.is_error(),
                write_closed: event.is_write_closed() || event.is_error(),
            };
            report(event.token().0, ready);
        }
        Ok(())
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::os::fd::AsRawFd;
    use std::time::Duration;

    use mio::Poll;

    use super::{CAPACITY, Ready};

    /// What the finer wait needs beside mio's epoll instance.
    #[derive(Debug)]
    pub(super) struct Raw {
        events: Vec<libc::epoll_event>,
        /// How much later than asked the kernel may wake this thread (50 µs by default, see timerslack in prctl(2)). Without anything else
        /// to wake up for it uses all of it.
        slack: Option<Duration>,
    }

    impl Default for Raw {
        fn default() -> Raw {
            Raw { events: vec![libc::epoll_event { events: 0, u64: 0 }; CAPACITY], slack: None }
        }
    }

    impl Raw {
        /// Waits, aiming at the end of the kernel's slack rather than its beginning. A wake-up may therefore come up to that much
        /// early; the caller, who finds nothing due, waits again.
        pub(super) fn wait(
            &mut self,
            poll: &Poll,
            timeout: Option<Duration>,
        ) -> io::Result<&[libc::epoll_event]> {
            // Asked by the thread that waits: the slack is each thread's own.
            let slack = *self.slack.get_or_insert_with(|| {
                // SAFETY: reads a number of the calling thread.
                let nanos = unsafe { libc::prctl(libc::PR_GET_TIMERSLACK) };
                Duration::from_nanos(nanos.max(0) as u64)
            });
            let timeout = timeout.map(|t| match t {
                Duration::ZERO => t,
                t => t.saturating_sub(slack).max(Duration::from_nanos(1)),
            });
            let n = wait(poll, &mut self.events, timeout)?;
            Ok(&self.events[..n])
        }
    }

    pub(super) fn available(poll: &Poll) -> bool {
        wait(poll, &mut [libc::epoll_event { events: 0, u64: 0 }], Some(Duration::ZERO)).is_ok()
    }

    pub(super) fn wait(
        poll: &Poll,
        into: &mut [libc::epoll_event],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        // A time-out that would overflow the kernel's type waits as good as for ever.
        let timeout = timeout.map(|t| libc::timespec {
            tv_sec: t.as_secs().min(i32::MAX as u64) as _,
            tv_nsec: t.subsec_nanos() as libc::c_long,
        });
        let timeout = timeout.as_ref().map_or(std::ptr::null(), |t| t as *const _);
        // SAFETY: the buffer and the time-out live over the call; no signal mask is passed.
        let n = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                poll.as_raw_fd(),
                into.as_mut_ptr(),
                into.len() as libc::c_int,
                timeout,
                std::ptr::null::<libc::sigset_t>(),
                0usize,
            )
        };
        if n >= 0 {
            return Ok(n as usize);
        }
        match io::Error::last_os_error() {
            e if e.kind() == io::ErrorKind::Interrupted => Ok(0),
            e => Err(e),
        }
    }

    pub(super) fn ready(events: u32) -> Ready {
        let any = |mask: libc::c_int| events & mask as u32 != 0;
        let broken = any(libc::EPOLLERR) || any(libc::EPOLLHUP);
        Ready {
            readable: any(libc::EPOLLIN) || any(libc::EPOLLPRI) || broken || any(libc::EPOLLRDHUP),
            writable: any(libc::EPOLLOUT) || broken,
            read_closed: broken || any(libc::EPOLLRDHUP),
            write_closed: broken,
        }
    }
}
