//! Numbers that are the same for the same seed, and what is chosen by them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Marsaglia's xorshift.
pub struct Random(u64);

/// How long an operation waits.
#[derive(Clone, Copy)]
pub enum Patience {
    None,
    Short(Duration),
    Endless,
}

impl Random {
    pub fn new(seed: u64) -> Random {
        // Zero would stay zero.
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..4 {
            random.next();
        }
        random
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 8
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn short(&mut self) -> Duration {
        match self.below(4) {
            0 => Duration::ZERO,
            1 => Duration::from_nanos(self.below(3_000)),
            _ => Duration::from_micros(self.below(150)),
        }
    }

    pub fn patience(&mut self) -> Patience {
        match self.below(6) {
            0 | 1 => Patience::None,
            2..=4 => Patience::Short(self.short()),
            _ => Patience::Endless,
        }
    }

    /// Lets others in, in one of the ways there are.
    pub fn pause(&mut self) {
        match self.below(6) {
            0 | 1 => greenwood_runtime::yield_now(),
            2 => greenwood_runtime::sleep(self.short()),
            3 => greenwood_runtime::checkpoint(),
            _ => {}
        }
    }
}

/// Counts the caller among those who wait for something, until it goes.
pub struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    pub fn counted(counter: &'a AtomicUsize) -> Waits<'a> {
        counter.fetch_add(1, Ordering::SeqCst);
        Waits(counter)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

pub fn any(counter: &AtomicUsize) -> bool {
    counter.load(Ordering::SeqCst) > 0
}

pub fn count(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::SeqCst);
}

pub fn read(counter: &AtomicUsize) -> usize {
    counter.load(Ordering::SeqCst)
}
