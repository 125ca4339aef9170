//! Turning the patch on.

use std::error::Error;
use std::fmt;
use std::ops::BitOr;

/// Groups of libc's functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patches(u32);

impl Patches {
    /// Sockets, pipes, terminals: reading, writing, connecting, accepting, and waiting for readiness.
    pub const IO: Patches = Patches(1);
    /// `nanosleep` and its kin, and `sched_yield`.
    pub const SLEEP: Patches = Patches(1 << 1);
    /// `getaddrinfo` and its kin.
    pub const DNS: Patches = Patches(1 << 2);
    /// Waiting for child processes and threads.
    pub const PROCESSES: Patches = Patches(1 << 3);
    /// Locks: those that wait by futex(2), as std's and most crates' do, and pthread's. Takes own thread-locals.
    pub const LOCKS: Patches = Patches(1 << 4);
    /// Regular files, on other threads: syncing, locking, large reads and writes. Not in [`Patches::all`]. The README says which calls, and
    /// that waits for locks take a real-time signal.
    pub const FILES: Patches = Patches(1 << 5);

    /// For functions that do something whatever is installed.
    #[allow(dead_code, reason = "only where libc can be replaced")]
    pub(crate) const ANY: Patches = Patches(u32::MAX);

    /// Everything but [`Patches::FILES`], for which another thread's help is a price to be paid knowingly.
    pub const fn all() -> Patches {
        Self::IO.or(Self::SLEEP).or(Self::DNS).or(Self::PROCESSES).or(Self::LOCKS)
    }

    /// Whether all of `other` is in it.
    pub const fn contains(self, other: Patches) -> bool {
        self.0 & other.0 == other.0
    }

    #[allow(dead_code, reason = "only where libc can be replaced")]
    pub(crate) const fn or(self, other: Patches) -> Patches {
        Patches(self.0 | other.0)
    }

    #[allow(dead_code, reason = "as above")]
    pub(crate) const fn bits(self) -> u32 {
        self.0
    }
}

impl BitOr for Patches {
    type Output = Patches;

    fn bitor(self, other: Patches) -> Patches {
        self.or(other)
    }
}

/// Why [`install`] changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstallError {
    /// There is nothing to patch here: the program is linked statically, or the system is not Linux with glibc.
    Unsupported,
    /// The program's calls of this function do not arrive here: something else in the program defines it, or the executable does not
    /// export it.
    NotReached(&'static str),
    /// [`Patches::LOCKS`] was asked for and coroutines share their threads' locals here, for the reason given. Ask for other groups.
    NoOwnThreadLocals(String),
    /// [`Patches::LOCKS`] was asked for, and this libc's mutexes and condition variables are not laid out as this crate knows them.
    UnknownLocks,
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InstallError::Unsupported => f.write_str(
                "libc's functions can be replaced in dynamically linked programs on Linux with glibc only",
            ),
            InstallError::NotReached(name) => write!(
                f,
                "calls of `{name}` do not reach greenwood-patch: something else defines it, or the executable does not export it"
            ),
            InstallError::NoOwnThreadLocals(why) => write!(
                f,
                "locks can only be patched where coroutines have thread-locals of their own, which is not so here: {why}. Leave Patches::LOCKS out"
            ),
            InstallError::UnknownLocks => f.write_str(
                "this libc's locks are not laid out as greenwood-patch knows them. Leave Patches::LOCKS out",
            ),
        }
    }
}

impl Error for InstallError {}

/// Makes the functions of `patches` yield: from now on, a call on a coroutine that would block suspends the coroutine. On OS threads everything
/// stays as it is.
///
/// Once for the whole process, as a rule at the start of `main`. Groups add up when it is called again; none can be taken back. May be called
/// anywhere, also on a coroutine, and does not suspend; calls that wait already go on as they began.
///
/// # Errors
/// [`InstallError`]; then nothing has changed.
///
/// ```
/// use greenwood_patch::{Patches, install};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), greenwood_patch::InstallError> {
/// install(Patches::all())?;
/// greenwood_runtime::run(|| {
///     let other = greenwood_runtime::spawn(|| std::thread::sleep(Duration::from_millis(1)));
///     std::thread::sleep(Duration::from_millis(1));
///     other.join().unwrap();
/// });
/// # Ok(())
/// # }
/// ```
pub fn install(patches: Patches) -> Result<(), InstallError> {
    #[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
    return crate::glibc::install(patches);
    // There is nothing to stand in front of, or no way to.
    #[cfg(not(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static"))))]
    {
        let _ = patches;
        Err(InstallError::Unsupported)
    }
}
