//! Signals by number and name, and what they do to a process that does not handle them.

use std::ffi::c_int;
use std::fmt;
use std::io;
use std::mem::MaybeUninit;

/// The number of a signal. [`Display`](fmt::Display) gives its name.
///
/// ```
/// use greenwood_runtime::signal::{SIGTERM, Signal};
///
/// assert_eq!(SIGTERM.to_string(), "SIGTERM");
/// assert_eq!(Signal::from_raw(SIGTERM.as_raw()), SIGTERM);
/// assert_eq!(Signal::from_raw(40).to_string(), "signal 40");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signal(c_int);

macro_rules! signals {
    ($($name:ident $what:literal,)*) => {
        $(
            #[doc = concat!($what, ".")]
            pub const $name: Signal = Signal(libc::$name);
        )*
        const NAMES: &[(Signal, &str)] = &[$(($name, stringify!($name)),)*];
    };
}

// POSIX's (signal.h), which every Unix has.
signals! {
    SIGABRT "Abort, from `abort(3)`",
    SIGALRM "Timer, from `alarm(2)`",
    SIGBUS "Access to memory that its file does not back",
    SIGCHLD "A child process ended, stopped or went on",
    SIGCONT "Go on after a stop",
    SIGFPE "Erroneous arithmetic",
    SIGHUP "The terminal was closed; by custom, read the configuration again",
    SIGILL "Illegal instruction",
    SIGINT "Interrupt from the keyboard: Ctrl-C",
    SIGKILL "Kill; cannot be handled",
    SIGPIPE "Write to a pipe that nobody reads",
    SIGPROF "Profiling timer",
    SIGQUIT "Quit from the keyboard: Ctrl-\\",
    SIGSEGV "Invalid access to memory",
    SIGSTOP "Stop; cannot be handled",
    SIGSYS "Bad system call",
    SIGTERM "End, as `kill` sends it",
    SIGTRAP "Breakpoint",
    SIGTSTP "Stop from the keyboard: Ctrl-Z",
    SIGTTIN "A background process reads its terminal",
    SIGTTOU "A background process writes to its terminal",
    SIGURG "Urgent data on a socket",
    SIGUSR1 "For the program's own use",
    SIGUSR2 "For the program's own use",
    SIGVTALRM "Timer of the process's own CPU time",
    SIGWINCH "The terminal's window changed its size",
    SIGXCPU "More CPU time than `setrlimit(2)` allows",
    SIGXFSZ "A larger file than `setrlimit(2)` allows",
}

impl Signal {
    /// The signal with this number, as `ExitStatusExt::signal` gives it. Any number will do; [`Signals::new`](super::Signals::new)
    /// checks it.
    pub const fn from_raw(number: c_int) -> Signal {
        Signal(number)
    }

    /// The number.
    pub const fn as_raw(self) -> c_int {
        self.0
    }

    /// Sends the signal to the calling OS thread, as `raise(3)` does: handlers have run when this returns. Does not suspend.
    ///
    /// # Errors
    /// `InvalidInput` if there is no such signal.
    pub fn raise(self) -> io::Result<()> {
        // SAFETY: takes a number and checks it.
        match unsafe { libc::raise(self.0) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Does what the signal does to a process that does not handle it (signal(7)): ends the process with the signal as its
    /// status, stops it, or nothing. Does not suspend.
    ///
    /// For the second Ctrl-C of somebody who does not want to wait for an orderly end. Returns, but for the signals that end a
    /// process. Where the kernel spares the process, which as number 1 of a PID namespace has no default actions, it exits with
    /// the status 128 + number, as shells show it. No destructors and no exit handlers run.
    ///
    /// # Errors
    /// `InvalidInput` if there is no such signal.
    pub fn default_action(self) -> io::Result<()> {
        match self {
            SIGCHLD | SIGCONT | SIGURG | SIGWINCH => Ok(()),
            // The others that stop have a handler by now, or may have.
            SIGSTOP | SIGTSTP | SIGTTIN | SIGTTOU => SIGSTOP.raise(),
            _ => self.end_process(),
        }
    }

    /// Whether the process ignores the signal, as Rust's `main` has it for SIGPIPE. Does not suspend.
    ///
    /// For calls that cannot keep the kernel from sending one, like sendfile(2) on a socket. False if there is no such signal.
    ///
    /// ```
    /// use greenwood_runtime::signal::{SIGPIPE, SIGTERM};
    ///
    /// assert!(SIGPIPE.is_ignored());
    /// assert!(!SIGTERM.is_ignored());
    /// ```
    pub fn is_ignored(self) -> bool {
        // SAFETY: zero is a value of the structure, which lives over the call; that only asks.
        unsafe {
            let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            libc::sigaction(self.0, std::ptr::null(), &mut action) == 0
                && action.sa_sigaction == libc::SIG_IGN
        }
    }

    fn end_process(self) -> io::Result<()> {
        // SAFETY: the structures are plain data for which zero is a value, made before they are passed, and live over the calls. To put
        // the default action in place of a handler is sound: what called that handler is not told, and the process ends here.
        unsafe {
            let mut default = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            default.sa_sigaction = libc::SIG_DFL;
            // KILL has its default action always, and the kernel refuses to be told so.
            if self != SIGKILL && libc::sigaction(self.0, &default, std::ptr::null_mut()) != 0 {
                return Err(io::Error::last_os_error());
            }
            let mut set = MaybeUninit::<libc::sigset_t>::zeroed().assume_init();
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, self.0);
            libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
            libc::raise(self.0);
            libc::_exit(128 + self.0);
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(signal, _)| signal == self) {
            Some((_, name)) => f.pad(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
