//! The monotonic clock in nanoseconds: what `Instant` shows only as differences, at several times the cost.

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use linux::Monotonic;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) use portable::Monotonic;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::time::Instant;

    #[derive(Debug)]
    pub(crate) struct Monotonic {
        epoch: u64,
    }

    impl Monotonic {
        /// Counts from `epoch` on.
        pub(crate) fn since(epoch: Instant) -> Monotonic {
            // In this order its readings are rather behind those of `Instant` than before them: a timer is never early.
            let passed = epoch.elapsed().as_nanos() as u64;
            Monotonic { epoch: read() - passed }
        }

        #[inline]
        pub(crate) fn nanos(&self) -> u64 {
            read().saturating_sub(self.epoch)
        }
    }

    #[inline]
    fn read() -> u64 {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: writes the structure given. This clock is always there, and the one that `Instant` uses.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    }

    #[cfg(all(test, not(greenwood_loom)))]
    #[test]
    fn keeps_to_instant() {
        let epoch = Instant::now();
        let clock = Monotonic::since(epoch);
        for _ in 0..1000 {
            let before = epoch.elapsed().as_nanos() as u64;
            let reading = clock.nanos();
            let after = epoch.elapsed().as_nanos() as u64;
            assert!(reading <= after && reading + 1_000_000 > before);
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod portable {
    use std::time::Instant;

    #[derive(Debug)]
    pub(crate) struct Monotonic {
        epoch: Instant,
    }

    impl Monotonic {
        pub(crate) fn since(epoch: Instant) -> Monotonic {
            Monotonic { epoch }
        }

        pub(crate) fn nanos(&self) -> u64 {
            self.epoch.elapsed().as_nanos() as u64
        }
    }
}
