//! A lock in one word, over futex(2).

use std::sync::atomic::{AtomicU32, Ordering};

const FREE: u32 = 0;
const TAKEN: u32 = 1;
/// Taken, and somebody may be asleep.
const AWAITED: u32 = 2;

/// Looks at a taken lock before going to sleep: what it guards takes less time than two system calls.
const SPINS: u32 = 100;

/// One word: free, taken, or taken and awaited.
#[allow(missing_debug_implementations)]
#[repr(transparent)]
pub struct RawLock(AtomicU32);

// SAFETY: only the caller whose exchange turned the word from `FREE` has the lock, until it turns it back.
unsafe impl lock_api::RawMutex for RawLock {
    #[allow(clippy::declare_interior_mutable_const)]
    const INIT: RawLock = RawLock(AtomicU32::new(FREE));
    type Guard = lock_api::GuardNoSend;

    #[inline]
    fn lock(&self) -> lock_api::GuardNoSend {
        if !self.take() {
            self.take_contended();
        }
        lock_api::GuardNoSend::new()
    }

    #[inline]
    fn try_lock(&self) -> Option<lock_api::GuardNoSend> {
        self.take().then(lock_api::GuardNoSend::new)
    }

    #[inline]
    unsafe fn unlock(&self, _: lock_api::GuardNoSend) {
        if self.0.swap(FREE, Ordering::Release) == AWAITED {
            wake_one(&self.0);
        }
    }

    fn is_locked(&self) -> bool {
        self.0.load(Ordering::Relaxed) != FREE
    }
}

impl RawLock {
    /// Whether somebody else sleeps, or has slept, until it is free.
    #[allow(dead_code)] // For own thread-locals.
    pub(crate) fn is_awaited(&self) -> bool {
        self.0.load(Ordering::Relaxed) == AWAITED
    }

    #[inline]
    fn take(&self) -> bool {
        self.0.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    fn take_contended(&self) {
        for _ in 0..SPINS {
            std::hint::spin_loop();
            match self.0.load(Ordering::Relaxed) {
                FREE if self.take() => return,
                FREE | TAKEN => {}
                _ => break,
            }
        }
        // Who comes by here cannot know whether others sleep, and so wakes one more at the end than there may be.
        while self.0.swap(AWAITED, Ordering::Acquire) != FREE {
            wait_while(&self.0, AWAITED);
        }
    }
}

/// Sleeps while the word is `value`, or returns without cause.
fn wait_while(word: &AtomicU32, value: u32) {
    futex(word, libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG, value);
}

fn wake_one(word: &AtomicU32) {
    futex(word, libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1);
}

/// futex(2) without a time-out. Leaves `errno` alone: its errors are those of a wait that need not have been.
#[inline(always)]
fn futex(word: &AtomicU32, operation: i32, value: u32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the kernel reads the word, which lives over the call, and clobbers what is declared.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") libc::SYS_futex => _,
            in("rdi") word.as_ptr(),
            in("rsi") operation,
            in("rdx") value,
            in("r10") 0,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        std::arch::asm!(
            "svc 0",
            in("x8") libc::SYS_futex,
            inlateout("x0") word.as_ptr() => _,
            in("x1") operation,
            in("x2") value,
            in("x3") 0,
            options(nostack),
        );
    }
}

#[cfg(all(test, not(greenwood_loom)))]
mod tests {
    use crate::sys::lock::Mutex;

    #[test]
    fn holders_take_turns() {
        const EACH: usize = 20_000;
        let count = Mutex::new(0);
        std::thread::scope(|s| {
            for _ in 0..8 {
                s.spawn(|| {
                    for i in 0..EACH {
                        let mut count = count.lock();
                        let before = *count;
                        if i % 1_000 == 0 {
                            std::thread::yield_now();
                        }
                        *count = before + 1;
                    }
                });
            }
        });
        assert_eq!(count.into_inner(), 8 * EACH);
    }
}
