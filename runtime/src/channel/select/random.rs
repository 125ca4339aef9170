//! A fair choice among ready operations: Marsaglia's xorshift.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

thread_local! {
    /// Without a destructor, so that selects work in those of other locals.
    static STATE: Cell<u32> = const { Cell::new(0) };
}

fn next() -> u32 {
    static SEEDS: AtomicU32 = AtomicU32::new(0x9E37_79B9);
    STATE.with(|state| {
        let mut x = match state.get() {
            // Odd numbers only: zero would stay zero.
            0 => SEEDS.fetch_add(0x9E37_79B9, Ordering::Relaxed) | 1,
            x => x,
        };
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        state.set(x);
        x
    })
}

/// Any one of the bits, each as likely.
#[inline]
pub(super) fn bit(mut bits: u64) -> u64 {
    if !bits.is_power_of_two() {
        for _ in 0..below(bits.count_ones() as usize) {
            bits &= bits - 1;
        }
    }
    bits & bits.wrapping_neg()
}

/// A number below `n`.
fn below(n: usize) -> usize {
    ((u64::from(next()) * n as u64) >> 32) as usize
}

/// Puts the items into any order, each as likely.
pub(super) fn shuffle<T>(items: &mut [T]) {
    for i in (1..items.len()).rev() {
        items.swap(i, below(i + 1));
    }
}

#[cfg(all(test, not(greenwood_loom)))]
#[test]
fn every_order_comes() {
    let mut seen = std::collections::HashMap::new();
    for _ in 0..6000 {
        let mut items = [0, 1, 2];
        shuffle(&mut items);
        *seen.entry(items).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 6);
    assert!(seen.values().all(|n| (700..1300).contains(n)), "{seen:?}");
}

#[cfg(all(test, not(greenwood_loom)))]
#[test]
fn every_bit_comes() {
    let mut seen = std::collections::HashMap::new();
    (0..6000).for_each(|_| *seen.entry(bit(1 << 63 | 0b110)).or_insert(0) += 1);
    assert_eq!(seen.len(), 3);
    assert!(
        seen.iter().all(|(bit, n)| bit.is_power_of_two() && (1700..2300).contains(n)),
        "{seen:?}"
    );
}
