//! Calls that wait in the kernel on another thread, for as long as it takes, and that can be called off.
//!
//! What the kernel waits for, it stops waiting for when a signal comes. So that a caller who is interrupted knows whether its call has had an
//! effect, it has the thread sent one, and then waits for the result, whichever it is.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::time::Duration;

use greenwood_runtime::interpose::{Call, Lock};
use greenwood_runtime::park::{self, Reason};
use greenwood_runtime::{shield, try_offload};
use libc::c_int;

/// Threads that may wait at a time. Each is one of those that offloaded calls share, and who waits here may wait for one of the others.
const SHARE: usize = 64;

/// Between two signals: one that comes just before the thread enters the kernel is lost.
const REPEAT: Duration = Duration::from_millis(1);

static WAITING: AtomicUsize = AtomicUsize::new(0);

/// A call's way.
enum State {
    /// No thread has taken it yet.
    New,
    /// On the thread with this number.
    Running(libc::pid_t),
    /// As above, and the caller would not have it go on.
    CalledOff(libc::pid_t),
    Ended(io::Result<usize>),
    /// Its caller has gone: it will not be made.
    Never,
}

/// A closure on the stack of a caller who waits.
struct Borrowed(*const dyn Fn() -> isize);

// SAFETY: used only while the caller waits, and only by the thread that it is for.
unsafe impl Send for Borrowed {}

/// Makes a call of libc's on another thread and suspends the calling coroutine meanwhile. None, without having made it, if too many do so
/// already, or there is no signal to be had.
///
/// # Errors
/// The call's own; `ECANCELED` or `ETIMEDOUT` if the wait was interrupted before the call had any effect.
pub(super) fn call(_: &Call, f: impl Fn() -> isize) -> Option<io::Result<usize>> {
    let signal = signal()?;
    let _place = Place::take()?;
    let state = Arc::new(Lock::new(State::New));
    let f: *const (dyn Fn() -> isize + '_) = &raw const f;
    // SAFETY: only the lifetime changes. The thread is done with it before this returns, or never begins.
    let f = Borrowed(unsafe {
        std::mem::transmute::<*const (dyn Fn() -> isize + '_), *const (dyn Fn() -> isize + 'static)>(
            f,
        )
    });
    let shared = state.clone();
    let waited = try_offload(move || run(&shared, f, signal));
    if let Err(interruption) = waited {
        if !call_off(&state, signal) {
            return Some(Err(interruption.into()));
        }
        return match take(&state) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                Some(Err(interruption.into()))
            }
            result => Some(result),
        };
    }
    Some(take(&state))
}

fn take(state: &Lock<State>) -> io::Result<usize> {
    match std::mem::replace(&mut *state.lock(), State::Never) {
        State::Ended(result) => result,
        _ => Err(io::ErrorKind::Interrupted.into()),
    }
}

/// Makes the call, on a thread of its own.
fn run(state: &Lock<State>, f: Borrowed, signal: c_int) {
    {
        let mut state = state.lock();
        if !matches!(*state, State::New) {
            return;
        }
        // SAFETY: takes nothing, returns a number.
        *state = State::Running(unsafe { libc::gettid() });
    }
    unblock(signal);
    let result = loop {
        // SAFETY: the caller waits until this has ended.
        let result = match unsafe { (*f.0)() } {
            -1 => Err(io::Error::last_os_error()),
            n => Ok(n as usize),
        };
        let is_signal = matches!(&result, Err(e) if e.kind() == io::ErrorKind::Interrupted);
        // Other signals of the process are none of the call's.
        if !is_signal || matches!(*state.lock(), State::CalledOff(_)) {
            break result;
        }
    };
    *state.lock() = State::Ended(result);
    // A signal that was sent before that is handled on the way back from here, and does not disturb the thread's next call.
    // SAFETY: takes nothing.
    unsafe { libc::syscall(libc::SYS_getppid) };
}

/// Has the call end, and waits for it. False if it had not begun.
fn call_off(state: &Lock<State>, signal: c_int) -> bool {
    shield(|| {
        loop {
            {
                let mut state = state.lock();
                match *state {
                    State::New => {
                        *state = State::Never;
                        return false;
                    }
                    State::Running(thread) | State::CalledOff(thread) => {
                        *state = State::CalledOff(thread);
                        // Under the lock: so long the thread is the call's.
                        send(signal, thread);
                    }
                    State::Ended(_) | State::Never => return true,
                }
            }
            park::park(&Reason("offload"), Some(greenwood_runtime::now() + REPEAT));
        }
    })
}

/// One of the [`SHARE`].
struct Place;

impl Place {
    fn take() -> Option<Place> {
        let more = |n| (n < SHARE).then_some(n + 1);
        WAITING.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}

extern "C" fn nothing(_: c_int) {}

/// The signal: the last one that nobody else has used. None if there is none.
fn signal() -> Option<c_int> {
    /// Not known yet, there is none, or its number.
    static SIGNAL: AtomicI32 = AtomicI32::new(0);
    static CHOOSING: Lock<()> = Lock::new(());

    let known = || Some(SIGNAL.load(Ordering::Acquire)).filter(|&signal| signal != 0);
    let signal = known().unwrap_or_else(|| {
        let _alone = CHOOSING.lock();
        known().unwrap_or_else(|| {
            let free = (libc::SIGRTMIN()..=libc::SIGRTMAX()).rev().find(|&signal| claim(signal));
            let chosen = free.unwrap_or(-1);
            SIGNAL.store(chosen, Ordering::Release);
            chosen
        })
    });
    (signal > 0).then_some(signal)
}

fn claim(signal: c_int) -> bool {
    if handler(signal) != Some(libc::SIG_DFL) {
        return false;
    }
    // SAFETY: all zeros are a valid value; without SA_RESTART, so that calls end.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = nothing as *const () as usize;
    action.sa_flags = libc::SA_ONSTACK;
    // SAFETY: the handler does nothing.
    unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) == 0 }
}

fn handler(signal: c_int) -> Option<libc::sighandler_t> {
    // SAFETY: all zeros are a valid value, to be overwritten.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: only asks.
    let known = unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut action) } == 0;
    known.then_some(action.sa_sigaction)
}

fn send(signal: c_int, thread: libc::pid_t) {
    // If the program has taken it over since, the call goes on until it ends by itself.
    if handler(signal) == Some(nothing as *const () as usize) {
        // SAFETY: takes numbers.
        unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, signal) };
    }
}

fn unblock(signal: c_int) {
    // SAFETY: all zeros are a valid value, and the functions fill it as they should.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
    }
}
