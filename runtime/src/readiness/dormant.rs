//! Coroutines that start when a descriptor is readable.

use std::io;
use std::os::fd::AsFd;
use std::panic::{Location, resume_unwind};
use std::sync::Arc;
use std::time::Instant;

use super::source::Deadline;
use super::{Interest, Registered, Source};
use crate::cancel::Cancelled;
use crate::context::{self, Current};
use crate::coroutine::{JoinHandle, Placement, launch_in};
use crate::park;
use crate::worker::Target;

/// A descriptor with its [`Source`] beside it, as socket types keep it.
pub trait AsSource: AsFd {
    /// The readiness of the very descriptor that [`AsFd::as_fd`] returns.
    fn as_source(&self) -> &Source;
}

impl<T: AsSource> AsSource for Box<T> {
    fn as_source(&self) -> &Source {
        (**self).as_source()
    }
}

impl<T: AsSource> AsSource for Arc<T> {
    fn as_source(&self) -> &Source {
        (**self).as_source()
    }
}

/// Why a coroutine of [`spawn_when_readable`] has started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// A read may find something: bytes, the end, an error. As with all that says so, there may be nothing after all.
    Ready,
    /// The deadline has passed.
    TimedOut,
}

/// Spawns a coroutine that starts only when `io` can be read, is at its end, has an error or was closed, or when `deadline` has passed. Until then
/// it has no stack: it costs its closure, a control block, and a few words beside `io`'s registration. For servers, whose connections rest
/// most of the time.
///
/// Does not suspend. It starts on the caller's worker, behind those that are ready. Called on an OS thread, or on another worker than `io` was
/// first waited for on, it is like [`spawn`](crate::spawn) of a coroutine that waits. What a call of [`Source::perform`] has left unread counts
/// as readable.
///
/// The handle joins or cancels it as any coroutine's. At the end of the runtime it is cancelled; `io` and `f` are then dropped, as they are when
/// there is an error.
///
/// # Errors
/// As for [`Builder::spawn`](crate::Builder::spawn). If `io` cannot be registered it starts at once, and its first wait reports that.
///
/// ```
/// use std::io::{Read, Write};
/// use std::os::fd::{AsFd, BorrowedFd};
/// use std::os::unix::net::UnixStream;
/// use greenwood_runtime::readiness::{AsSource, Readiness, Source, spawn_when_readable};
///
/// struct Socket(UnixStream, Source);
///
/// impl AsFd for Socket {
///     fn as_fd(&self) -> BorrowedFd<'_> {
///         self.0.as_fd()
///     }
/// }
///
/// impl AsSource for Socket {
///     fn as_source(&self) -> &Source {
///         &self.1
///     }
/// }
///
/// greenwood_runtime::run(|| {
///     let (mut near, far) = UnixStream::pair().unwrap();
///     let socket = Socket(far, Source::new());
///     let handle = spawn_when_readable(socket, None, |socket, why| {
///         assert_eq!(why, Readiness::Ready);
///         let mut word = [0; 5];
///         (&socket.0).read_exact(&mut word).unwrap();
///         word
///     });
///     near.write_all(b"hello").unwrap();
///     assert_eq!(handle.unwrap().join().unwrap(), *b"hello");
/// });
/// ```
#[track_caller]
pub fn spawn_when_readable<S, F, T>(
    io: S,
    deadline: Option<Instant>,
    f: F,
) -> io::Result<JoinHandle<T>>
where
    S: AsSource + Send + 'static,
    F: FnOnce(S, Readiness) -> T + Send + 'static,
    T: Send + 'static,
{
    let spawned_at = Location::caller();
    let here = Target::choose(Placement::Here)?;
    let Some((cx, registered)) = register(&io) else {
        return Ok(launch_in(here, move || wait(io, deadline, f), spawned_at));
    };
    let at = deadline.map(|at| cx.worker().clock.reading(at));
    let run = move || {
        let source = io.as_source();
        source.delist(&park::unparker());
        let over = || at.is_some_and(|at| at <= context::current().map_or(0, latest));
        let timed_out = !source.may_be_readable() && over();
        f(io, if timed_out { Readiness::TimedOut } else { Readiness::Ready })
    };
    let handle = launch_in(Target::Dormant(cx, at), run, spawned_at);
    if !registered.direction(Interest::Read).enlist(handle.unparker()) {
        handle.unparker().unpark();
    }
    Ok(handle)
}

fn latest(cx: Current) -> u64 {
    cx.worker().clock.latest()
}

/// The caller's worker, if `io` is or can be registered with it.
fn register(io: &impl AsSource) -> Option<(Current, Arc<Registered>)> {
    let cx = context::current()?;
    let registered = io.as_source().registered_at(cx, io.as_fd())?;
    Some((cx, registered))
}

/// On a coroutine that has started already.
fn wait<S: AsSource, T>(io: S, deadline: Option<Instant>, f: impl FnOnce(S, Readiness) -> T) -> T {
    let source = io.as_source();
    if source.may_be_readable() {
        return f(io, Readiness::Ready);
    }
    let deadline = deadline.map_or(Deadline::Never, Deadline::At);
    match source.wait_until(io.as_fd(), Interest::Read, deadline) {
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => f(io, Readiness::TimedOut),
        // As one that never started.
        Err(e) if e.raw_os_error() == Some(libc::ECANCELED) => resume_unwind(Box::new(Cancelled)),
        _ => f(io, Readiness::Ready),
    }
}
