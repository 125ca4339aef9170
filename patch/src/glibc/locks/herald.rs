//! A thread that wakes coroutines on behalf of signal handlers, who reach it through a pipe.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use greenwood_runtime::interpose::Lock;
use libc::{c_int, c_long};

use super::futex::syscall;
use super::queue;
use crate::glibc::hook::errno;

/// Those who wait for the herald are marked by this bit.
pub(super) const BITS: u32 = 1 << 31;

/// The end of the pipe to write to. Negative while there is no herald.
static PIPE: AtomicI32 = AtomicI32::new(-1);

/// An address did not fit into the pipe.
static OVERFLOWN: AtomicBool = AtomicBool::new(false);

/// Makes sure that there is a herald. False if there cannot be one.
pub(super) fn is_there() -> bool {
    static STARTING: Lock<()> = Lock::new(());
    if PIPE.load(Ordering::Acquire) >= 0 {
        return true;
    }
    // Others may be about to start one as well; the lock is not for such long work, so the loser's pipe and thread go again.
    let Ok(writer) = start() else { return false };
    let mut unused = Some(writer);
    {
        let _alone = STARTING.lock();
        if PIPE.load(Ordering::Relaxed) < 0
            && let Some(writer) = unused.take()
        {
            PIPE.store(writer.into_raw_fd(), Ordering::SeqCst);
        }
    }
    drop(unused);
    true
}

fn start() -> io::Result<OwnedFd> {
    let mut ends: [c_int; 2] = [-1; 2];
    // SAFETY: writes two numbers.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both are new and nobody else's.
    let [reader, writer] = ends.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
    // SAFETY: an open descriptor. Who announces does not wait; the herald does.
    if unsafe { libc::fcntl(ends[1], libc::F_SETFL, libc::O_NONBLOCK) } != 0 {
        return Err(io::Error::last_os_error());
    }
    without_signals(|| {
        std::thread::Builder::new()
            .name("greenwood-herald".into())
            .spawn(move || serve(File::from(reader)))
    })?;
    Ok(writer)
}

/// Runs `f` with all signals blocked, so that a thread that it starts handles none.
fn without_signals<T>(f: impl FnOnce() -> T) -> T {
    let mut all = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sets that these functions initialise.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
    }
    let value = f();
    // SAFETY: initialised above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    value
}

/// Until the other end closes.
fn serve(mut pipe: File) {
    let mut address = [0; size_of::<usize>()];
    while pipe.read_exact(&mut address).is_ok() {
        queue::wake(usize::from_ne_bytes(address), BITS, 1);
        if OVERFLOWN.swap(false, Ordering::SeqCst) {
            queue::wake_everywhere(BITS);
        }
    }
}

/// Has one of those woken who wait at an address. Async-signal-safe.
pub(super) fn announce(address: usize) {
    let pipe = PIPE.load(Ordering::SeqCst);
    if pipe < 0 {
        return;
    }
    loop {
        let bytes = address.to_ne_bytes();
        let (at, len) = (bytes.as_ptr() as c_long, bytes.len() as c_long);
        // SAFETY: reads that many bytes, all or none of which enter the pipe.
        let written = unsafe { syscall::next(libc::SYS_write, pipe.into(), at, len, 0, 0, 0) };
        match (written, errno()) {
            (-1, libc::EINTR) => {}
            (-1, _) => {
                // The pipe is full, so the herald has yet to read, and looks here after that. But it may just have emptied it.
                if OVERFLOWN.swap(true, Ordering::SeqCst) {
                    return;
                }
            }
            _ => return,
        }
    }
}

/// In the child of a fork there is no herald, and the pipe is the parent's.
pub(super) fn forget() {
    PIPE.store(-1, Ordering::Relaxed);
}
