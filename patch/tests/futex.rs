//! futex(2) as the manual has it: counts, bits, time-outs, other processes.

mod common;

use std::io;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use common::{Others, patched, until};
use greenwood_runtime::{JoinHandle, spawn};
use libc::{c_int, c_long, timespec};

const A_WHILE: Duration = Duration::from_millis(30);

fn futex(
    word: *const AtomicU32,
    operation: c_int,
    value: u32,
    time: *const timespec,
    word2: *const AtomicU32,
    value3: u32,
) -> Result<c_long, c_int> {
    // SAFETY: what the tests pass, the kernel may read, or refuses.
    match unsafe { libc::syscall(libc::SYS_futex, word, operation, value, time, word2, value3) } {
        -1 => Err(io::Error::last_os_error().raw_os_error().unwrap()),
        n => Ok(n),
    }
}

const WAIT: c_int = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
const WAKE: c_int = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
const WAIT_BITSET: c_int = libc::FUTEX_WAIT_BITSET | libc::FUTEX_PRIVATE_FLAG;
const WAKE_BITSET: c_int = libc::FUTEX_WAKE_BITSET | libc::FUTEX_PRIVATE_FLAG;

fn wake(word: &AtomicU32, count: u32) -> Result<c_long, c_int> {
    futex(word, WAKE, count, ptr::null(), ptr::null(), 0)
}

/// Coroutines that wait at the word, in this order.
fn waiters(word: &Arc<AtomicU32>, bits: &[u32]) -> Vec<JoinHandle<Result<c_long, c_int>>> {
    let waiters = bits.iter().map(|&bits| {
        let word = word.clone();
        let waiter = spawn(move || futex(&*word, WAIT_BITSET, 0, ptr::null(), ptr::null(), bits));
        until(|| waiter.coroutine().waits_for() == Some("futex"));
        waiter
    });
    waiters.collect()
}

#[test]
fn the_oldest_wake_first_and_are_counted() {
    patched(|| {
        let word = Arc::new(AtomicU32::new(0));
        let waiters = waiters(&word, &[!0; 40]);
        // Once in a while threads come first; there are none.
        for n in [1, 2, 0] {
            assert_eq!(wake(&word, n), Ok(c_long::from(n.max(1))));
        }
        until(|| waiters.iter().filter(|w| w.is_finished()).count() == 4);
        assert!(waiters[..4].iter().all(|w| w.is_finished()));
        assert_eq!(wake(&word, 1000), Ok(36));
        assert_eq!(wake(&word, 1000), Ok(0));
        assert!(waiters.into_iter().all(|w| w.join().unwrap() == Ok(0)));
    });
}

#[test]
fn threads_and_coroutines_are_counted_together() {
    patched(|| {
        let word = Arc::new(AtomicU32::new(0));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let word = word.clone();
                std::thread::spawn(move || {
                    while word.load(Ordering::Relaxed) == 0 {
                        let _ = futex(&*word, WAIT, 0, ptr::null(), ptr::null(), 0);
                    }
                })
            })
            .collect();
        let waiters = waiters(&word, &[!0; 5]);
        // Wakes coroutines and threads one by one until all eight were counted: no wake-up goes to nobody.
        let mut count = 0;
        word.store(1, Ordering::Relaxed);
        while count < 5 || !threads.iter().all(|t| t.is_finished()) {
            let woken = wake(&word, 1).unwrap();
            assert!(woken <= 1);
            count += woken;
            assert!(count <= 8);
            greenwood_runtime::yield_now();
        }
        assert!(waiters.into_iter().all(|w| w.join().unwrap() == Ok(0)));
    });
}

#[test]
fn bits_choose() {
    patched(|| {
        let word = Arc::new(AtomicU32::new(0));
        let waiters = waiters(&word, &[1, 2, 3, 4]);
        let wake = |bits| futex(&*word, WAKE_BITSET, 10, ptr::null(), ptr::null(), bits);
        assert_eq!(wake(0), Err(libc::EINVAL));
        assert_eq!(wake(8), Ok(0));
        assert_eq!(wake(2), Ok(2));
        until(|| waiters[1].is_finished() && waiters[2].is_finished());
        assert!(!waiters[0].is_finished() && !waiters[3].is_finished());
        assert_eq!(wake(!0), Ok(2));
        assert!(waiters.into_iter().all(|w| w.join().unwrap() == Ok(0)));
    });
}

#[test]
fn what_cannot_be_waited_for() {
    patched(|| {
        let word = AtomicU32::new(0);
        let never = ptr::null();
        assert_eq!(futex(&word, WAIT, 1, never, ptr::null(), 0), Err(libc::EAGAIN));
        assert_eq!(futex(&word, WAIT_BITSET, 0, never, ptr::null(), 0), Err(libc::EINVAL));
        let wrong = timespec { tv_sec: 0, tv_nsec: 1_000_000_000 };
        assert_eq!(futex(&word, WAIT, 0, &raw const wrong, ptr::null(), 0), Err(libc::EINVAL));
        let wrong = timespec { tv_sec: -1, tv_nsec: 0 };
        assert_eq!(futex(&word, WAIT, 0, &raw const wrong, ptr::null(), 0), Err(libc::EINVAL));
        assert_eq!(futex(&word, 127, 0, never, ptr::null(), 0), Err(libc::ENOSYS));
    });
}

#[test]
fn time_outs_by_each_clock() {
    patched(|| {
        let others = Others::new();
        let word = AtomicU32::new(0);
        let begun = Instant::now();
        let time = timespec { tv_sec: 0, tv_nsec: A_WHILE.subsec_nanos().into() };
        others.run_during(|| {
            let result = futex(&word, WAIT, 0, &raw const time, ptr::null(), 0);
            assert_eq!(result, Err(libc::ETIMEDOUT));
        });
        assert!(begun.elapsed() >= A_WHILE);
        for (clock, flag) in
            [(libc::CLOCK_MONOTONIC, 0), (libc::CLOCK_REALTIME, libc::FUTEX_CLOCK_REALTIME)]
        {
            let begun = Instant::now();
            let mut at = timespec { tv_sec: 0, tv_nsec: 0 };
            // SAFETY: writes one structure.
            unsafe { libc::clock_gettime(clock, &raw mut at) };
            // Over already, then not yet.
            let past = futex(&word, WAIT_BITSET | flag, 0, &raw const at, ptr::null(), !0);
            assert_eq!(past, Err(libc::ETIMEDOUT));
            let sum = at.tv_nsec + i64::from(A_WHILE.subsec_nanos());
            (at.tv_sec, at.tv_nsec) = (at.tv_sec + sum / 1_000_000_000, sum % 1_000_000_000);
            others.run_during(|| {
                let result = futex(&word, WAIT_BITSET | flag, 0, &raw const at, ptr::null(), !0);
                assert_eq!(result, Err(libc::ETIMEDOUT));
            });
            assert!(begun.elapsed() >= A_WHILE);
        }
        assert_eq!(wake(&word, 1), Ok(0), "who has timed out is not in the queue");
    });
}

#[test]
fn what_the_kernel_changes_wakes_too() {
    patched(|| {
        let (word, other) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let private = libc::FUTEX_PRIVATE_FLAG;
        // Sets the second to 1, and wakes there if it was 0.
        let first = waiters(&word, &[!0]);
        let second = waiters(&other, &[!0]);
        let set = 1 << 12;
        let wakes = futex(
            &*word,
            libc::FUTEX_WAKE_OP | private,
            1,
            ptr::without_provenance(1),
            &*other,
            set,
        );
        assert!(wakes.is_ok());
        assert_eq!(other.load(Ordering::Relaxed), 1);
        assert!(first.into_iter().chain(second).all(|w| w.join().unwrap() == Ok(0)));
        // Moved to another word: woken instead.
        let moved = waiters(&word, &[!0, !0]);
        let command = libc::FUTEX_CMP_REQUEUE | private;
        assert!(futex(&*word, command, 1, ptr::without_provenance(10), &*other, 0).is_ok());
        assert!(moved.into_iter().all(|w| w.join().unwrap() == Ok(0)));
    });
}

/// Words that other processes may change are the kernel's, on another thread.
#[test]
fn a_word_of_several_processes() {
    patched(|| {
        let others = Others::new();
        let word = Arc::new(AtomicU32::new(0));
        let pause = others.pause();
        let waker = std::thread::spawn({
            let word = word.clone();
            move || {
                pause.wait();
                word.store(1, Ordering::SeqCst);
                futex(&*word, libc::FUTEX_WAKE, 1, ptr::null(), ptr::null(), 0)
            }
        });
        let wait = |value| futex(&*word, libc::FUTEX_WAIT, value, ptr::null(), ptr::null(), 0);
        others.run_during(|| while word.load(Ordering::SeqCst) == 0 && wait(0).is_ok() {});
        assert_eq!(wait(0), Err(libc::EAGAIN));
        until(|| waker.is_finished());
        let time = timespec { tv_sec: 0, tv_nsec: A_WHILE.subsec_nanos().into() };
        others.run_during(|| {
            let result = futex(&*word, libc::FUTEX_WAIT, 1, &raw const time, ptr::null(), 0);
            assert_eq!(result, Err(libc::ETIMEDOUT));
        });
    });
}

/// A forked child has none of its parent's waiters, and whatever it wakes wakes nobody.
#[test]
fn a_forked_child() {
    patched(|| {
        let word = Arc::new(AtomicU32::new(0));
        let waiters = waiters(&word, &[!0; 3]);
        // SAFETY: the child calls what is async-signal-safe, and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let woken = wake(&word, 10);
            let mut time = timespec { tv_sec: 0, tv_nsec: 1_000_000 };
            let waited = futex(&*word, WAIT, 0, &raw mut time, ptr::null(), 0);
            let as_it_should = woken == Ok(0) && waited == Err(libc::ETIMEDOUT);
            // SAFETY: ends this process.
            unsafe { libc::_exit(if as_it_should { 0 } else { 1 }) };
        }
        let mut status = 0;
        // SAFETY: writes one number.
        until(|| unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == child);
        assert_eq!(status, 0);
        assert!(waiters.iter().all(|w| !w.is_finished()));
        assert_eq!(wake(&word, 10), Ok(3));
        assert!(waiters.into_iter().all(|w| w.join().unwrap() == Ok(0)));
    });
}
