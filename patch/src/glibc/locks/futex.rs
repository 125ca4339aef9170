//! syscall(2), by which std, parking_lot and most others call futex(2).

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};

use greenwood_runtime::interpose::{self, Call};
use greenwood_runtime::park::Reason;
use greenwood_runtime::{shield, try_offload};
use libc::{c_int, c_long, timespec};

use super::deadline::Deadline;
use super::queue::{self, Ended, Waiter};
use crate::glibc::hook::{instead, keeping_errno, set_errno};

instead! {
    LOCKS;
    fn syscall(number: c_long, a: c_long, b: c_long, c: c_long, d: c_long, e: c_long, f: c_long) -> c_long => system_call;
}

/// Of wake-ups that could go to a coroutine, one in so many goes to a thread if one waits too: an unlock wakes one, and threads are not to wait
/// for ever behind coroutines that come again and again.
const TURNS: u32 = 16;

/// Threads first, when it is 0 modulo [`TURNS`].
static TURN: AtomicU32 = AtomicU32::new(1);

#[inline(always)]
unsafe fn system_call(
    number: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    if number == libc::SYS_futex {
        // SAFETY: as the caller promised libc, here and below.
        return unsafe {
            futex(&Arguments {
                word: a,
                operation: b as c_int,
                value: c,
                time: d,
                word2: e,
                value3: f,
            })
        };
    }
    // SAFETY: as above.
    unsafe { syscall::next(number, a, b, c, d, e, f) }
}

struct Arguments {
    word: c_long,
    operation: c_int,
    value: c_long,
    /// A pointer, or the second count.
    time: c_long,
    word2: c_long,
    value3: c_long,
}

impl Arguments {
    /// The kernel's answer.
    unsafe fn pass(&self) -> c_long {
        // SAFETY: the caller's promise.
        unsafe {
            syscall::next(
                libc::SYS_futex,
                self.word,
                c_long::from(self.operation),
                self.value,
                self.time,
                self.word2,
                self.value3,
            )
        }
    }

    fn is_private(&self) -> bool {
        self.operation & libc::FUTEX_PRIVATE_FLAG != 0
    }

    /// Whether the kernel would take it for a word.
    fn is_word(&self) -> bool {
        self.word != 0 && self.word % 4 == 0
    }

    fn bits(&self, command: c_int) -> u32 {
        match command {
            libc::FUTEX_WAIT_BITSET | libc::FUTEX_WAKE_BITSET => self.value3 as u32,
            _ => queue::ANY,
        }
    }
}

unsafe fn futex(args: &Arguments) -> c_long {
    let command = args.operation & !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME);
    match command {
        // SAFETY: dropped at the end of this.
        libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET => match unsafe { interpose::enter() } {
            // SAFETY: as the caller promised libc, here and below.
            Some(call) if call.has_own_thread_locals() => unsafe { wait(&call, args, command) },
            // SAFETY: as above.
            _ => unsafe { args.pass() },
        },
        // SAFETY: as above.
        libc::FUTEX_WAKE | libc::FUTEX_WAKE_BITSET => unsafe { wake(args, command) },
        libc::FUTEX_REQUEUE | libc::FUTEX_CMP_REQUEUE | libc::FUTEX_WAKE_OP => {
            // SAFETY: as above.
            let answer = unsafe { args.pass() };
            // The kernel may have changed a word. Coroutines are not moved to another: they wake without cause, as futex(2) allows.
            if args.is_private() {
                for word in [args.word, args.word2] {
                    if queue::is_awaited(word as usize) {
                        keeping_errno(|| queue::wake(word as usize, queue::ANY, usize::MAX));
                    }
                }
            }
            answer
        }
        // Those with priority inheritance hand the lock to a thread that the kernel knows.
        // SAFETY: as above.
        _ => unsafe { args.pass() },
    }
}

unsafe fn wait(call: &Call, args: &Arguments, command: c_int) -> c_long {
    if !args.is_private() {
        return wait_elsewhere(args);
    }
    let bits = args.bits(command);
    // What the kernel refuses, it refuses at once.
    if !args.is_word() || bits == 0 {
        // SAFETY: the caller's promise, here and below.
        return unsafe { args.pass() };
    }
    // SAFETY: as above. The kernel takes it at any alignment.
    let time = (args.time != 0).then(|| unsafe { (args.time as *const timespec).read_unaligned() });
    let deadline = match time {
        None => None,
        Some(time) => match deadline(args.operation, command, &time) {
            // SAFETY: as the caller promised libc.
            None => return unsafe { args.pass() },
            deadline => deadline,
        },
    };
    // SAFETY: a word of the caller's that others may change meanwhile.
    let word = unsafe { AtomicU32::from_ptr(args.word as *mut u32) };
    let waiter = pin!(Waiter::new(Some(call), args.word as usize, bits));
    let Some(enlisted) = waiter.enlist(|_| word.load(Ordering::SeqCst) == args.value as u32) else {
        return failed(libc::EAGAIN);
    };
    match enlisted.wait(&Reason("futex"), deadline.as_ref()) {
        Ended::Woken => 0,
        Ended::TimedOut => failed(libc::ETIMEDOUT),
    }
}

/// When the wait is to end. None if the kernel would refuse it.
fn deadline(operation: c_int, command: c_int, time: &timespec) -> Option<Deadline> {
    if time.tv_sec < 0 || !(0..1_000_000_000).contains(&time.tv_nsec) {
        None
    } else if command == libc::FUTEX_WAIT {
        Deadline::after(time)
    } else if operation & libc::FUTEX_CLOCK_REALTIME != 0 {
        Deadline::new(libc::CLOCK_REALTIME, *time)
    } else {
        Deadline::new(libc::CLOCK_MONOTONIC, *time)
    }
}

/// Waits on another thread, for what another process may change and wake.
fn wait_elsewhere(args: &Arguments) -> c_long {
    let args = Arguments { ..*args };
    let waited = move || {
        // SAFETY: the caller's promise; it waits until this returns, so its time-out stays where it is.
        let answer = unsafe { args.pass() };
        (answer, io::Error::last_os_error())
    };
    match shield(|| try_offload(waited)) {
        Ok((-1, error)) => failed(error.raw_os_error().unwrap_or(libc::EINTR)),
        Ok((answer, _)) => answer,
        Err(_) => failed(libc::EINTR),
    }
}

unsafe fn wake(args: &Arguments, command: c_int) -> c_long {
    let bits = args.bits(command);
    let word = args.word as usize;
    // Whom another process may wake waits in the kernel.
    if !args.is_private() || bits == 0 || !args.is_word() || !queue::is_awaited(word) {
        // SAFETY: the caller's promise, here and below.
        return unsafe { args.pass() };
    }
    // The kernel wakes one even if it is asked for none.
    let limit = (args.value as c_int).max(1);
    let coroutines =
        |limit: c_int| keeping_errno(|| queue::wake(word, bits, limit as usize)) as c_int;
    // SAFETY: as above.
    let threads =
        |limit: c_int| unsafe { Arguments { value: c_long::from(limit), ..*args }.pass() };
    if TURN.fetch_add(1, Ordering::Relaxed).is_multiple_of(TURNS) {
        match threads(limit) as c_int {
            woken if 0 <= woken && woken < limit => c_long::from(woken + coroutines(limit - woken)),
            answer => c_long::from(answer),
        }
    } else {
        match coroutines(limit) {
            woken if woken < limit => match threads(limit - woken) {
                -1 if woken > 0 => c_long::from(woken),
                -1 => -1,
                more => more + c_long::from(woken),
            },
            woken => c_long::from(woken),
        }
    }
}

fn failed(code: c_int) -> c_long {
    set_errno(code);
    -1
}
