//! flock(2), lockf(3), and the waiting commands of fcntl(2).
//!
//! A lock that somebody else holds is waited for in the kernel, on another thread: in line with other processes, and with the kernel's detection of
//! deadlocks. Those threads are a [share](interruptible) of all; callers beyond it try again and again instead.

use std::io;
use std::time::Duration;

use greenwood_runtime::interpose::Call;
use greenwood_runtime::park::{self, Reason, Wake};
use libc::{c_int, c_long, off64_t};

use super::interruptible;
use crate::glibc::hook::{answer, hooks};

hooks! {
    FILES;
    fn flock(fd: c_int, operation: c_int) -> c_int => lock_file;
    fn lockf(fd: c_int, command: c_int, len: off64_t) -> c_int => lock_section;
    fn lockf64(fd: c_int, command: c_int, len: off64_t) -> c_int => lock_section;
}

/// Between two tries of those for whom there is no thread: at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

unsafe fn lock_file(call: &Call, fd: c_int, operation: c_int) -> c_int {
    // SAFETY: takes numbers.
    let plain = |operation| unsafe { flock::next(fd, operation) };
    if operation & (libc::LOCK_NB | libc::LOCK_UN) != 0 {
        return plain(operation);
    }
    acquire(call, || plain(operation | libc::LOCK_NB), || plain(operation))
}

unsafe fn lock_section(call: &Call, fd: c_int, command: c_int, len: off64_t) -> c_int {
    // SAFETY: takes numbers.
    let plain = |command| unsafe { lockf64::next(fd, command, len) };
    if command != libc::F_LOCK {
        return plain(command);
    }
    acquire(call, || plain(libc::F_TLOCK), || plain(command))
}

/// fcntl(2) with `F_SETLKW` or `F_OFD_SETLKW`; `wait` is the call as it was made.
pub(crate) fn lock_record(
    call: &Call,
    fd: c_int,
    command: c_int,
    argument: c_long,
    wait: &dyn Fn() -> c_int,
) -> c_int {
    let attempt = if command == libc::F_SETLKW { libc::F_SETLK } else { libc::F_OFD_SETLK };
    // SAFETY: the caller's promise: the argument of these commands, which is the same.
    acquire(call, || unsafe { libc::fcntl(fd, attempt, argument) }, wait)
}

/// Takes a lock: `attempt` does not wait for it, `wait` does.
///
/// An interrupted caller has either got it, and is told so, or will not: nothing is ever taken for one who has gone.
fn acquire(call: &Call, attempt: impl Fn() -> c_int, wait: impl Fn() -> c_int) -> c_int {
    if let Err(error) = call.check() {
        return answer(Err(error)) as c_int;
    }
    let mut pause = PAUSE.0;
    loop {
        let code = match attempt() {
            -1 => io::Error::last_os_error().raw_os_error(),
            taken => return taken,
        };
        if !matches!(code, Some(libc::EAGAIN | libc::EACCES)) {
            return -1;
        }
        if let Some(result) = interruptible::call(call, || wait() as isize) {
            return answer(result) as c_int;
        }
        let next = greenwood_runtime::now() + pause;
        if let Wake::Interrupted(interruption) = park::park(&Reason("file lock"), Some(next)) {
            return answer(Err(interruption.into())) as c_int;
        }
        pause = (pause * 2).min(PAUSE.1);
    }
}
