//! Making a call that does not wait into one that does: what read(2), recv(2), write(2) and send(2) have in common.

use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

use greenwood_runtime::interpose::Call;
use greenwood_runtime::readiness::{Interest, Mode};
use libc::{c_int, c_short};

use crate::glibc::descriptors::{self, Descriptor, Kind, Slot, option};

/// Calls `op`, a system call on `fd` that does not wait, as a blocking one: until it returns something else than `WouldBlock`, and with what
/// the user has set (`O_NONBLOCK`, `SO_RCVTIMEO`, `SO_SNDTIMEO`). `drained` as in [`Source::perform`](greenwood_runtime::readiness::Source::perform).
#[inline]
pub(crate) fn transfer<T>(
    call: &Call,
    fd: c_int,
    interest: Interest,
    mut op: impl FnMut() -> io::Result<T>,
    drained: impl Fn(&T) -> bool,
) -> io::Result<T> {
    transfer_within(call, fd, interest, |mode| mode, &mut op, drained)
}

/// [`transfer`] with a say in how long it waits: `limit` turns the mode of the descriptor into the call's.
#[inline]
pub(crate) fn transfer_within<T>(
    call: &Call,
    fd: c_int,
    interest: Interest,
    mut limit: impl FnMut(Mode) -> Mode,
    mut op: impl FnMut() -> io::Result<T>,
    drained: impl Fn(&T) -> bool,
) -> io::Result<T> {
    let Some(slot) = descriptors::slot(fd) else { return op() };
    if !slot.is_registered() {
        call.check().map_err(|error| told(slot, fd, error))?;
        match op() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => {
                greenwood_runtime::checkpoint();
                return result;
            }
        }
    }
    wait(slot, fd, interest, &mut limit, &mut op, &drained)
}

/// How long a wait lasts before it makes sure that the reactor watches the right file. A registration goes silently when its file is closed by
/// a way that nobody saw; to look before every wait would cost a system call each.
const PROBATION: Duration = Duration::from_millis(500);

#[inline]
fn wait<T>(
    slot: &Slot,
    fd: c_int,
    interest: Interest,
    limit: &mut impl FnMut(Mode) -> Mode,
    op: &mut impl FnMut() -> io::Result<T>,
    drained: &impl Fn(&T) -> bool,
) -> io::Result<T> {
    let mut deadline = None;
    let mut verified = false;
    loop {
        let descriptor = slot.descriptor(fd)?;
        let mut probation = false;
        let mode = || {
            let Mode::Blocking(timeout) = limit(descriptor.mode(fd, interest)?) else {
                return Ok(Mode::NonBlocking);
            };
            // That of the first wait: what follows is the same call. Without one the clock need not be read.
            let left = match deadline {
                None => {
                    let ends = |t| greenwood_runtime::now().checked_add(t);
                    deadline = Some(timeout.and_then(ends));
                    timeout
                }
                Some(ends) => {
                    ends.map(|d: Instant| d.saturating_duration_since(greenwood_runtime::now()))
                }
            };
            probation = !verified && left.is_none_or(|left| left > PROBATION);
            Ok(Mode::Blocking(if probation { Some(PROBATION) } else { left }))
        };
        let open = descriptors::borrow(fd)?;
        let result = descriptor.source.perform_as(open, interest, mode, &mut *op, drained);
        match result {
            Err(error) if probation && error.kind() == io::ErrorKind::WouldBlock => {
                verified = descriptor.is_of(fd);
                if !verified {
                    slot.replace(fd, &descriptor);
                    // Whether the call began before the number changed its meaning, nobody knows; what comes now may be somebody else's.
                    return Err(io::Error::from_raw_os_error(libc::EBADF));
                }
            }
            Err(error) if Descriptor::is_stale(&error) => slot.replace(fd, &descriptor),
            result => return result.map_err(|error| told(slot, fd, error)),
        }
    }
}

/// An error as the caller is to see it. A cancellation is ECANCELED on a blocking socket. What uses a non-blocking one has a loop of its own, and
/// a list of the errors that end a connection: others it takes for passing ones, and a connection with an unread reply for a good one.
fn told(slot: &Slot, fd: c_int, error: io::Error) -> io::Error {
    if error.raw_os_error() == Some(libc::ECANCELED)
        && slot.kind().is_some_and(Kind::is_socket)
        && matches!(descriptors::is_nonblocking(fd), Ok(true))
    {
        return io::Error::from_raw_os_error(libc::ECONNABORTED);
    }
    error
}

/// Receives on a socket: [`transfer_within`], and where a receive that does not wait says EAGAIN for ever while a blocking one returns at once,
/// `blocking`.
#[inline]
pub(crate) fn receive<T>(
    call: &Call,
    (fd, kind): (c_int, Kind),
    limit: impl FnMut(Mode) -> Mode,
    mut op: impl FnMut() -> io::Result<T>,
    blocking: impl Fn() -> io::Result<T>,
    drained: impl Fn(&T) -> bool,
) -> io::Result<T> {
    let op = || match op() {
        Err(error)
            if kind == Kind::Messages
                && error.kind() == io::ErrorKind::WouldBlock
                && is_read_shut(fd) =>
        {
            blocking()
        }
        result => result,
    };
    transfer_within(call, fd, Interest::Read, limit, op, drained)
}

/// Whether a count proves that the next call would wait.
#[inline]
pub(crate) fn is_drained(kind: Kind, moved: usize, asked: usize) -> bool {
    kind == Kind::Tcp && 0 < moved && moved < asked
}

/// A time-out that spans a whole call, from its first wait on, however many waits there are.
#[derive(Default)]
pub(crate) struct Patience(Option<Option<Instant>>);

impl Patience {
    /// The mode for the next of a call's waits.
    pub(crate) fn limit(&mut self, mode: Mode) -> Mode {
        let Mode::Blocking(Some(timeout)) = mode else { return mode };
        let now = greenwood_runtime::now();
        let deadline = *self.0.get_or_insert_with(|| now.checked_add(timeout));
        Mode::Blocking(deadline.map(|deadline| deadline.saturating_duration_since(now)))
    }
}

/// Sends all of `len` bytes to a stream, as a blocking call does: on a blocking descriptor Linux returns a short count only for a time-out, a
/// signal or an error. `op` is given the number of bytes that have been sent. What sends messages never sends half of one.
#[inline]
pub(crate) fn send_all(
    call: &Call,
    (fd, kind): (c_int, Kind),
    len: usize,
    drained: impl Fn(usize, usize) -> bool,
    mut op: impl FnMut(usize) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut patience = Patience::default();
    let has_waited = Cell::new(false);
    let limit = |mode| {
        has_waited.set(true);
        patience.limit(mode)
    };
    let first_op = || {
        // Who waits in the kernel is told why the peer has gone, before that it has, which comes with a signal.
        if has_waited.get() && kind == Kind::Stream && has_error(fd) {
            match option::<c_int>(fd, libc::SOL_SOCKET, libc::SO_ERROR)? {
                0 => {}
                code => return Err(io::Error::from_raw_os_error(code)),
            }
        }
        op(0)
    };
    let first = transfer_within(call, fd, Interest::Write, limit, first_op, |&n| drained(n, len))?;
    if first >= len || first == 0 || kind == Kind::Messages {
        Ok(first)
    } else {
        send_rest(call, (fd, kind), len, first, patience, &drained, &mut op)
    }
}

#[cold]
fn send_rest(
    call: &Call,
    (fd, kind): (c_int, Kind),
    len: usize,
    mut done: usize,
    mut patience: Patience,
    drained: &dyn Fn(usize, usize) -> bool,
    op: &mut dyn FnMut(usize) -> io::Result<usize>,
) -> io::Result<usize> {
    while done < len {
        // Unix sockets count the time anew for every buffer.
        if kind == Kind::Stream {
            patience = Patience::default();
        }
        let left = len - done;
        let sent = transfer_within(
            call,
            fd,
            Interest::Write,
            |mode| patience.limit(mode),
            // An error is left to the next call, to which the number leads: the kernel would tell it once.
            || if kind.is_socket() && has_failed(fd) { Ok(0) } else { op(done) },
            |&n| drained(n, left),
        );
        match sent {
            Ok(0) => break,
            Ok(n) => done += n,
            // The number tells of the rest. What has closed is found closed again; who cancels is to be heard.
            Err(error) => match error.raw_os_error() {
                Some(libc::ECANCELED | libc::ETIMEDOUT | libc::EBADF) => return Err(error),
                _ => break,
            },
        }
    }
    Ok(done)
}

/// Whether a socket has an error that its next call is to tell.
pub(crate) fn has_error(fd: c_int) -> bool {
    polled(fd, 0) & libc::POLLERR != 0
}

/// Whether a socket has an error, or is closed, which its next call is to tell.
fn has_failed(fd: c_int) -> bool {
    polled(fd, 0) & (libc::POLLERR | libc::POLLHUP) != 0
}

/// Whether receiving was shut down, which a message socket's non-blocking receive does not tell and poll(2) does.
pub(super) fn is_read_shut(fd: c_int) -> bool {
    polled(fd, libc::POLLRDHUP) & libc::POLLRDHUP != 0
}

/// poll(2) for one descriptor, now.
pub(crate) fn polled(fd: c_int, events: c_short) -> c_short {
    let mut poll = libc::pollfd { fd, events, revents: 0 };
    // SAFETY: one structure, and no time.
    match unsafe { libc::poll(&raw mut poll, 1, 0) } {
        1 => poll.revents,
        _ => 0,
    }
}
