//! Waiting for child processes: [`std::process::Child`]'s waits, which suspend.
//!
//! [`std::process::Command`] and its `Child` are used as they are, and these functions take the place of their methods
//! that wait. Each suspends the calling coroutine, so that the others of its worker run; on an OS thread it blocks that
//! thread.
//!
//! ```
//! use std::process::Command;
//! use greenwood_net::process;
//!
//! # fn main() -> std::io::Result<()> {
//! greenwood_runtime::run(|| {
//!     let output = process::output(Command::new("echo").arg("hello"))?;
//!     assert!(output.status.success());
//!     assert_eq!(output.stdout, b"hello\n");
//!     Ok(())
//! })
//! # }
//! ```
//!
//! # How it waits
//!
//! On Linux from 5.3 for the child's process descriptor (pidfd_open(2)), which becomes readable when the child ends. Where
//! there is none (an older kernel, a sandbox, other systems, no descriptor left), it looks with growing pauses, every 10
//! ms at last. Either way it is `waitpid(2)` of this one child that takes the status. Until then the child's number
//! cannot pass to another process, and neither a time-out nor a cancellation takes the status away from a later wait.
//!
//! A process that ignores SIGCHLD has no statuses to wait for, as with std: the waits return `ECHILD` (waitpid(2)).
//!
//! # What does not suspend
//!
//! `Command::spawn` itself, which takes as long as fork and exec do, and the calls of `ChildStdin`, `ChildStdout` and
//! `ChildStderr`, which block the worker while the pipe is empty or full:
//! [`wait_readable`](greenwood_runtime::readiness::wait_readable) first, or [`wait_with_output`].

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use greenwood_runtime::park::Reason;
use greenwood_runtime::readiness::{Interest, Source, may_block, wait_any};

use crate::{pause, sys};

static CHILD: Reason = Reason("child process");

/// Most bytes read from a child's pipe at a time: as many as a pipe holds (pipe(7)).
const CHUNK: usize = 64 * 1024;

/// Waits until `child` has ended and returns its status: [`Child::wait`], which suspends. Returns the same status when it is
/// called again.
///
/// The child's standard input, if it is a pipe held by `child`, is closed first, as std does it: a child that reads to
/// the end would otherwise wait for its parent.
///
/// # Errors
///
/// ECANCELED if the coroutine is cancelled, ETIMEDOUT if the time of a [`timeout`](greenwood_runtime::timeout) around the call is over; the
/// child runs on then, and can be waited for again. Otherwise those of
/// waitpid(2).
///
/// # Examples
///
/// ```
/// use std::process::Command;
/// use greenwood_net::process;
///
/// let mut child = Command::new("sh").args(["-c", "exit 3"]).spawn()?;
/// assert_eq!(process::wait(&mut child)?.code(), Some(3));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    wait_for(child, None)
}

/// [`wait`] for at most `timeout`; `None` if the child has not ended by then. It runs on, and can be waited for again.
///
/// # Errors
///
/// As for [`wait`].
///
/// # Examples
///
/// ```
/// use std::process::Command;
/// use std::time::Duration;
/// use greenwood_net::process;
///
/// let mut child = Command::new("sleep").arg("1000").spawn()?;
/// if process::wait_timeout(&mut child, Duration::from_millis(10))?.is_none() {
///     child.kill()?;
/// }
/// assert!(!process::wait(&mut child)?.success());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wait_timeout(child: &mut Child, timeout: Duration) -> io::Result<Option<ExitStatus>> {
    match wait_for(child, Some(timeout)) {
        Ok(status) => Ok(Some(status)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// Runs `command` to its end and returns the status: [`Command::status`], which suspends. Streams that were not set are
/// inherited.
///
/// # Errors
///
/// Those of [`Command::spawn`] and of [`wait`]. When it fails after the child was started, or is cancelled, the child is
/// killed, as nobody else could wait for it.
pub fn status(command: &mut Command) -> io::Result<ExitStatus> {
    let mut child = Abandoned(Some(command.spawn()?));
    let status = wait(child.get())?;
    child.keep();
    Ok(status)
}

/// Runs `command` to its end and collects what it writes: [`Command::output`], which suspends. See [`wait_with_output`].
///
/// Unlike std's, which can see what was set, this always captures standard output and error, for later uses of `command` as
/// well, and leaves standard input as it was set: inherited, if it was not. To have it otherwise, spawn the child and call
/// [`wait_with_output`].
///
/// # Errors
///
/// Those of [`Command::spawn`] and of [`wait_with_output`].
pub fn output(command: &mut Command) -> io::Result<Output> {
    wait_with_output(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
}

/// Collects what `child` writes to the pipes that it has, and waits for its end: [`Child::wait_with_output`], which
/// suspends.
///
/// Standard input is closed first. Both pipes are read at the same time, so a child that fills one while the other is
/// waited for does not hang. Like std's, it reads to the end of the pipes, which comes only when all processes that
/// inherited them have closed them.
///
/// # Errors
///
/// ECANCELED if the coroutine is cancelled; those of read(2) and of [`wait`]. When it fails or is cancelled, the child is
/// killed, as nobody else could wait for it.
///
/// # Examples
///
/// ```
/// use std::process::{Command, Stdio};
/// use greenwood_net::process;
///
/// let child = Command::new("sh").args(["-c", "echo bad >&2"]).stderr(Stdio::piped()).spawn()?;
/// assert_eq!(process::wait_with_output(child)?.stderr, b"bad\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wait_with_output(child: Child) -> io::Result<Output> {
    let mut child = Abandoned(Some(child));
    drop(child.get().stdin.take());
    let pipes = [
        child.get().stdout.take().map(OwnedFd::from),
        child.get().stderr.take().map(OwnedFd::from),
    ];
    let [stdout, stderr] = read_to_ends(pipes.map(|pipe| pipe.map(File::from)))?;
    let status = wait(child.get())?;
    child.keep();
    Ok(Output { status, stdout, stderr })
}

/// Reads whichever pipe has something until both have ended.
///
/// No `O_NONBLOCK`, which others may see who hold the pipe: a pipe that poll(2) calls readable does not block the one
/// read that follows.
fn read_to_ends(mut pipes: [Option<File>; 2]) -> io::Result<[Vec<u8>; 2]> {
    let mut collected = [Vec::new(), Vec::new()];
    let mut chunk = vec![0; CHUNK];
    loop {
        let open: Vec<_> = (0..2).filter_map(|i| pipes[i].as_ref().map(|pipe| (i, pipe))).collect();
        if open.is_empty() {
            return Ok(collected);
        }
        let fds: Vec<_> = open.iter().map(|(_, pipe)| (pipe.as_fd(), Interest::Read)).collect();
        let (index, mut pipe) = open[wait_any(&fds, None)?];
        match pipe.read(&mut chunk) {
            Ok(0) => pipes[index] = None,
            Ok(n) => collected[index].extend_from_slice(&chunk[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        greenwood_runtime::checkpoint();
    }
}

/// Waits for `child`; `WouldBlock` when the time-out has passed.
fn wait_for(child: &mut Child, timeout: Option<Duration>) -> io::Result<ExitStatus> {
    drop(child.stdin.take());
    if timeout.is_none() && may_block() {
        return child.wait();
    }
    // A child whose status was taken has no number any more.
    if let Some(status) = child.try_wait()? {
        return Ok(status);
    }
    // Every error here means that there is a way to wait less: what is wrong with the child itself, the next try finds too.
    let Ok(pidfd) = sys::pidfd_open(child.id()) else { return poll(child, timeout) };
    let source = Source::with_reason(&CHILD);
    let op = || ended(child);
    let result = source.perform(pidfd.as_fd(), Interest::Read, timeout, op, |_| false);
    source.close(pidfd.as_fd());
    match result {
        Err(error) if is_unregistrable(&error) => poll(child, timeout),
        result => result,
    }
}

/// Whether the reactor could not take the descriptor: `max_user_watches` reached, no memory, or a kernel whose process
/// descriptors cannot be waited for (epoll_ctl(2)).
fn is_unregistrable(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::ENOMEM | libc::EPERM))
}

/// Looks at the child again and again.
fn poll(child: &mut Child, timeout: Option<Duration>) -> io::Result<ExitStatus> {
    pause::retry(timeout, &CHILD, || ended(child))
}

/// The status of a child that has ended; `WouldBlock` before.
///
/// Called once more after the descriptor was opened, this also shows that the number was the child's at that time: where
/// somebody else takes the statuses, it fails.
fn ended(child: &mut Child) -> io::Result<ExitStatus> {
    child.try_wait()?.ok_or_else(sys::would_block)
}

/// A child that is killed unless it is kept: one whose caller went away before it ended.
struct Abandoned(Option<Child>);

impl Abandoned {
    fn get(&mut self) -> &mut Child {
        self.0.as_mut().expect("taken by `drop` and `keep` only")
    }

    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        let Some(mut child) = self.0.take() else { return };
        // Fails if it has ended already.
        let _ = child.kill();
        if greenwood_runtime::current().is_none() {
            let _ = child.wait();
        } else if !matches!(child.try_wait(), Ok(Some(_))) {
            // Even a killed process may take long to end, in an uninterruptible system call; and a cancelled coroutine cannot
            // wait any more. So another one takes the status. At a runtime's end none starts, and the system takes it.
            let _ = greenwood_runtime::Builder::new().spawn(move || wait(&mut child));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    /// What happens where there is no pidfd.
    #[test]
    fn polling_finds_the_status_and_keeps_it_over_timeout_and_cancellation() {
        greenwood_runtime::Runtime::builder().workers(1).build().unwrap().run(|| {
            let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
            let error = poll(&mut child, Some(Duration::from_millis(5))).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);

            let waiting = greenwood_runtime::spawn(move || {
                let error = poll(&mut child, None).unwrap_err();
                (child, error.raw_os_error())
            });
            while waiting.coroutine().waits_for() != Some("child process") {
                greenwood_runtime::yield_now();
            }
            waiting.cancel();
            let (mut child, error) = waiting.join().unwrap();
            assert_eq!(error, Some(libc::ECANCELED));

            child.kill().unwrap();
            assert_eq!(poll(&mut child, None).unwrap().signal(), Some(libc::SIGKILL));
            assert_eq!(poll(&mut child, None).unwrap().signal(), Some(libc::SIGKILL));
        });
    }
}
