//! Signal handlers on coroutines: they block where they always did, and everybody sees the handlers that were set.
//!
//! Signals are the process's, so all of it is one test.

mod common;

use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use common::{patched, until};
use greenwood_patch::{Patches, install};
use greenwood_runtime::spawn;
use libc::{SIG_DFL, SIG_IGN, c_int, c_void, sighandler_t, siginfo_t};

static CALLS: AtomicU32 = AtomicU32::new(0);
/// The turns of others when a handler began and ended.
static BEGUN_AT: AtomicUsize = AtomicUsize::new(0);
static ENDED_AT: AtomicUsize = AtomicUsize::new(0);
static TURNS: AtomicUsize = AtomicUsize::new(0);
static FD: AtomicI32 = AtomicI32::new(-1);
static INSIDE: AtomicBool = AtomicBool::new(false);
/// What a handler calls.
static CALL: AtomicUsize = AtomicUsize::new(0);
static MAY_SWITCH: AtomicBool = AtomicBool::new(false);
const FULL: usize = 1 << 20;

extern "C" fn counts(_: c_int) {
    CALLS.fetch_add(1, Ordering::SeqCst);
}

extern "C" fn counts_with_info(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel's record.
    assert_eq!(unsafe { (*info).si_signo }, signal);
    assert!(!context.is_null());
    CALLS.fetch_add(1, Ordering::SeqCst);
}

/// Makes the call number `CALL`, which has to wait for a helper thread.
extern "C" fn waits(_: c_int) {
    BEGUN_AT.store(TURNS.load(Ordering::SeqCst), Ordering::SeqCst);
    MAY_SWITCH.fetch_or(greenwood_runtime::may_switch(), Ordering::SeqCst);
    INSIDE.store(true, Ordering::SeqCst);
    let fd = FD.load(Ordering::SeqCst);
    let mut byte = 0u8;
    // SAFETY: plain system calls with memory of this frame.
    unsafe {
        match CALL.load(Ordering::SeqCst) {
            0 => assert_eq!(libc::read(fd, (&raw mut byte).cast(), 1), 1),
            1 => assert_eq!(libc::write(fd, (&raw const byte).cast(), 1), 1),
            2 => assert_eq!(libc::recv(fd, (&raw mut byte).cast(), 1, 0), 1),
            3 => assert_eq!(libc::send(fd, (&raw const byte).cast(), 1, 0), 1),
            4 => {
                let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
                assert_eq!(libc::poll(&raw mut poll, 1, -1), 1);
            }
            _ => {
                let time = libc::timespec { tv_sec: 0, tv_nsec: 3_000_000 };
                assert_eq!(libc::nanosleep(&raw const time, ptr::null_mut()), 0);
            }
        }
        *libc::__errno_location() = libc::EXDEV;
    }
    CALLS.fetch_add(1, Ordering::SeqCst);
    ENDED_AT.store(TURNS.load(Ordering::SeqCst), Ordering::SeqCst);
}

extern "C" fn nests(_: c_int) {
    // SAFETY: async-signal-safe.
    unsafe { libc::raise(libc::SIGUSR2) };
    CALLS.fetch_add(1, Ordering::SeqCst);
    MAY_SWITCH.fetch_or(greenwood_runtime::may_switch(), Ordering::SeqCst);
}

fn address(handler: extern "C" fn(c_int)) -> sighandler_t {
    handler as *const () as sighandler_t
}

fn set(signal: c_int, handler: sighandler_t, flags: c_int) -> libc::sigaction {
    // SAFETY: all zeros are an action with an empty mask.
    let mut new: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    (new.sa_sigaction, new.sa_flags) = (handler, flags);
    // SAFETY: a mask of ours.
    unsafe { libc::sigaddset(&mut new.sa_mask, libc::SIGHUP) };
    let mut old = MaybeUninit::uninit();
    // SAFETY: two structures; the second is filled when it succeeds.
    unsafe {
        assert_eq!(libc::sigaction(signal, &new, old.as_mut_ptr()), 0);
        old.assume_init()
    }
}

fn now(signal: c_int) -> libc::sigaction {
    let mut old = MaybeUninit::uninit();
    // SAFETY: filled when it succeeds.
    unsafe {
        assert_eq!(libc::sigaction(signal, ptr::null(), old.as_mut_ptr()), 0);
        old.assume_init()
    }
}

fn raise(signal: c_int) {
    // SAFETY: a number.
    assert_eq!(unsafe { libc::raise(signal) }, 0);
}

fn calls(f: impl FnOnce()) -> u32 {
    let before = CALLS.load(Ordering::SeqCst);
    f();
    CALLS.load(Ordering::SeqCst) - before
}

#[test]
fn handlers() {
    let early = set(libc::SIGUSR1, address(waits), libc::SA_RESTART);
    assert_eq!(early.sa_sigaction, SIG_DFL);
    patched(move || {
        // Set before `install`, and wrapped by it.
        let kept = now(libc::SIGUSR1);
        assert_eq!(kept.sa_sigaction, address(waits));
        assert_ne!(kept.sa_flags & libc::SA_RESTART, 0);
        let other = spawn(|| {
            loop {
                TURNS.fetch_add(1, Ordering::SeqCst);
                greenwood_runtime::sleep(Duration::from_micros(50));
            }
        });
        waiting_in_a_handler();
        other.cancel();
        round_trips();
        by_signal();
        flags();
        nesting();
        libraries();
        assert_ne!(now(libc::SIGSEGV).sa_sigaction, SIG_DFL, "the runtime's own");
    });
}

fn waiting_in_a_handler() {
    for call in 0..6 {
        let (stream, mut peer) = std::os::unix::net::UnixStream::pair().unwrap();
        let (mut from, mut to) = std::io::pipe().unwrap();
        let fd = match call {
            0 | 4 => from.as_raw_fd(),
            1 => to.as_raw_fd(),
            _ => stream.as_raw_fd(),
        };
        if matches!(call, 1 | 3) {
            fill(fd);
        }
        CALL.store(call, Ordering::SeqCst);
        FD.store(fd, Ordering::SeqCst);
        INSIDE.store(false, Ordering::SeqCst);
        let helper = std::thread::spawn(move || {
            while !INSIDE.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            std::thread::sleep(Duration::from_millis(5));
            match call {
                0 | 4 => to.write_all(&[1]).unwrap(),
                1 => drop(from.read(&mut vec![0; FULL]).unwrap()),
                2 => peer.write_all(&[1]).unwrap(),
                3 => drop(peer.read(&mut vec![0; FULL]).unwrap()),
                _ => {}
            }
            (from, to, peer)
        });
        let called = calls(|| raise(libc::SIGUSR1));
        // SAFETY: this coroutine's own.
        let errno = unsafe { *libc::__errno_location() };
        assert_eq!((called, errno), (1, libc::EXDEV), "call {call}: errno is the handler's");
        let (begun, ended) = (BEGUN_AT.load(Ordering::SeqCst), ENDED_AT.load(Ordering::SeqCst));
        assert_eq!(begun, ended, "call {call} let others run in the middle of a handler");
        until(|| helper.is_finished());
        let _ends = helper.join().unwrap();
        // Afterwards all is as before.
        let mut stream = stream;
        stream.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        if call == 5 {
            stream.read(&mut [0]).unwrap_err();
            assert!(TURNS.load(Ordering::SeqCst) > ended, "nobody else runs any more");
        }
    }
    assert!(!MAY_SWITCH.load(Ordering::SeqCst));
}

fn fill(fd: RawFd) {
    let set = |on: bool| {
        let mut on = c_int::from(on);
        // SAFETY: one number.
        assert_eq!(unsafe { libc::ioctl(fd, libc::FIONBIO, &raw mut on) }, 0);
    };
    set(true);
    let bytes = [0; 4096];
    for len in [bytes.len(), 1] {
        // SAFETY: a buffer of ours.
        while unsafe { libc::write(fd, bytes.as_ptr().cast(), len) } > 0 {}
    }
    set(false);
}

fn round_trips() {
    let before = set(libc::SIGUSR1, address(counts), libc::SA_NODEFER);
    assert_eq!(before.sa_sigaction, address(waits));
    let info = counts_with_info as *const () as sighandler_t;
    let before = set(libc::SIGUSR1, info, libc::SA_SIGINFO);
    assert_eq!(before.sa_sigaction, address(counts));
    assert_ne!(before.sa_flags & libc::SA_NODEFER, 0);
    // SAFETY: a mask of ours.
    assert_eq!(unsafe { libc::sigismember(&before.sa_mask, libc::SIGHUP) }, 1);
    assert_eq!(calls(|| raise(libc::SIGUSR1)), 1);
    // In and out of one structure.
    let mut both = before;
    // SAFETY: libc reads it before it writes.
    assert_eq!(unsafe { libc::sigaction(libc::SIGUSR1, &raw const both, &raw mut both) }, 0);
    assert_eq!(both.sa_sigaction, info);
    assert_eq!(now(libc::SIGUSR1).sa_sigaction, address(counts));
    // What is no handler goes to the kernel as it is.
    assert_eq!(set(libc::SIGUSR1, SIG_IGN, 0).sa_sigaction, address(counts));
    assert_eq!(calls(|| raise(libc::SIGUSR1)), 0);
    assert_eq!(set(libc::SIGUSR1, SIG_DFL, 0).sa_sigaction, SIG_IGN);
    assert_eq!(now(libc::SIGUSR1).sa_sigaction, SIG_DFL);
    // What fails changes nothing.
    set(libc::SIGUSR1, address(counts), 0);
    for signal in [0, -1, 65, 1000, libc::SIGKILL] {
        // SAFETY: a structure that is read.
        let result = unsafe { libc::sigaction(signal, &now(libc::SIGUSR1), ptr::null_mut()) };
        // SAFETY: this coroutine's own.
        assert_eq!((result, unsafe { *libc::__errno_location() }), (-1, libc::EINVAL));
    }
    assert_eq!(now(libc::SIGUSR1).sa_sigaction, address(counts));
}

unsafe extern "C" {
    fn sysv_signal(signal: c_int, handler: sighandler_t) -> sighandler_t;
    fn sigset(signal: c_int, handler: sighandler_t) -> sighandler_t;
}

fn by(
    f: unsafe extern "C" fn(c_int, sighandler_t) -> sighandler_t,
    signal: c_int,
    handler: sighandler_t,
) -> sighandler_t {
    // SAFETY: handlers of ours, or none.
    unsafe { f(signal, handler) }
}

fn by_signal() {
    let before = by(libc::signal, libc::SIGUSR2, address(counts));
    assert_eq!(before, SIG_DFL);
    assert_eq!(now(libc::SIGUSR2).sa_sigaction, address(counts));
    assert_eq!(calls(|| raise(libc::SIGUSR2)), 1);
    assert_eq!(by(libc::signal, libc::SIGUSR2, address(nests)), address(counts));
    assert_eq!(by(libc::signal, libc::SIGUSR2, SIG_IGN), address(nests));
    assert_eq!(by(libc::signal, libc::SIGUSR2, address(counts)), SIG_IGN);
    assert_eq!(by(libc::signal, libc::SIGKILL, address(counts)), libc::SIG_ERR);
    assert_eq!(by(libc::signal, -1, address(counts)), libc::SIG_ERR);
    assert_eq!(by(sysv_signal, libc::SIGUSR2, address(counts)), address(counts));
    assert_eq!(calls(|| raise(libc::SIGUSR2)), 1);
    assert_eq!(now(libc::SIGUSR2).sa_sigaction, SIG_DFL, "reset by its first signal");
    assert_eq!(by(sigset, libc::SIGUSR2, address(counts)), SIG_DFL);
    assert_eq!(calls(|| raise(libc::SIGUSR2)), 1);
    const SIG_HOLD: sighandler_t = 2;
    assert_eq!(by(sigset, libc::SIGUSR2, SIG_HOLD), address(counts));
    assert_eq!(by(sigset, libc::SIGUSR2, address(counts)), SIG_HOLD);
    assert_eq!(calls(|| raise(libc::SIGUSR2)), 1);
}

fn flags() {
    set(libc::SIGUSR1, address(counts), libc::SA_RESETHAND);
    assert_eq!(calls(|| raise(libc::SIGUSR1)), 1);
    assert_eq!(now(libc::SIGUSR1).sa_sigaction, SIG_DFL);

    // With SA_NODEFER it may interrupt itself.
    static DEEP: AtomicU32 = AtomicU32::new(0);
    extern "C" fn itself(signal: c_int) {
        let depth = DEEP.fetch_add(1, Ordering::SeqCst);
        if depth < 3 {
            raise(signal);
            assert!(DEEP.load(Ordering::SeqCst) > depth + 1, "ran in the middle of this one");
        }
        assert!(!greenwood_runtime::may_switch());
    }
    set(libc::SIGUSR1, address(itself), libc::SA_NODEFER);
    raise(libc::SIGUSR1);
    assert_eq!(DEEP.load(Ordering::SeqCst), 4);
    assert!(greenwood_runtime::may_switch());
}

fn nesting() {
    set(libc::SIGUSR1, address(nests), 0);
    set(libc::SIGUSR2, address(counts), 0);
    assert_eq!(calls(|| raise(libc::SIGUSR1)), 2);
    assert!(!MAY_SWITCH.load(Ordering::SeqCst));
    assert!(greenwood_runtime::may_switch());
}

fn libraries() {
    // Chained: signal-hook calls what was there before.
    set(libc::SIGUSR2, address(counts), 0);
    let flag = Arc::new(AtomicBool::new(false));
    let id = signal_hook::flag::register(libc::SIGUSR2, flag.clone()).unwrap();
    assert_eq!(calls(|| raise(libc::SIGUSR2)), 1);
    assert!(flag.load(Ordering::SeqCst));
    signal_hook::low_level::unregister(id);
    // The runtime's own.
    let signals = greenwood_runtime::signal::Signals::new([
        greenwood_runtime::signal::SIGUSR2,
        greenwood_runtime::signal::SIGHUP,
    ])
    .unwrap();
    let sender = spawn(|| raise(libc::SIGHUP));
    assert_eq!(signals.recv().unwrap(), greenwood_runtime::signal::SIGHUP);
    sender.join().unwrap();
    // Installed again, nothing is wrapped twice.
    install(Patches::all()).unwrap();
    assert_eq!(calls(|| raise(libc::SIGUSR2)), 1);
    assert_eq!(signals.recv().unwrap(), greenwood_runtime::signal::SIGUSR2);
}
