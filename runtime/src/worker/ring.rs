//! A queue of numbers that grows, for one thread: a few instructions to push or pop.

use std::cell::{Cell, UnsafeCell};

/// First in, first out. Its length is at most its room, a power of two.
#[derive(Debug)]
pub(super) struct Ring {
    slots: UnsafeCell<Box<[Cell<u32>]>>,
    /// Counts pops; its place in `slots` is this modulo the room.
    head: Cell<u32>,
    len: Cell<u32>,
}

impl Ring {
    pub(super) fn new() -> Ring {
        Ring { slots: UnsafeCell::new(room(64)), head: Cell::new(0), len: Cell::new(0) }
    }

    #[inline(always)]
    pub(super) fn len(&self) -> u32 {
        self.len.get()
    }

    /// Whether a push has to allocate.
    #[inline(always)]
    pub(super) fn is_full(&self) -> bool {
        self.len() as usize == self.slots().len()
    }

    #[inline(always)]
    pub(super) fn push(&self, number: u32) {
        if self.is_full() {
            self.grow();
        }
        self.slot(self.len()).set(number);
        self.len.set(self.len() + 1);
    }

    #[inline(always)]
    pub(super) fn pop(&self) -> Option<u32> {
        if self.len() == 0 {
            return None;
        }
        let number = self.slot(0).get();
        self.head.set(self.head.get().wrapping_add(1));
        self.len.set(self.len() - 1);
        Some(number)
    }

    /// Takes the one at `index`, whose place the last one gets.
    pub(super) fn swap_remove(&self, index: u32) -> Option<u32> {
        if index >= self.len() {
            return None;
        }
        let last = self.slot(self.len() - 1).get();
        self.len.set(self.len() - 1);
        Some(self.slot(index).replace(last))
    }

    #[inline(always)]
    fn slots(&self) -> &[Cell<u32>] {
        // SAFETY: replaced in `grow` only, which nothing calls that holds this reference; and the type is not `Sync`.
        unsafe { &*self.slots.get() }
    }

    #[inline(always)]
    fn slot(&self, index: u32) -> &Cell<u32> {
        let slots = self.slots();
        // The room is a power of two.
        &slots[self.head.get().wrapping_add(index) as usize & (slots.len() - 1)]
    }

    #[cold]
    fn grow(&self) {
        let more = room(self.slots().len() * 2);
        for (index, slot) in (0..self.len()).zip(&more) {
            slot.set(self.slot(index).get());
        }
        self.head.set(0);
        // SAFETY: no reference into the former slots is left.
        unsafe { *self.slots.get() = more };
    }
}

fn room(numbers: usize) -> Box<[Cell<u32>]> {
    vec![Cell::new(0); numbers].into()
}

#[cfg(all(test, not(greenwood_loom)))]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    #[test]
    fn agrees_with_a_deque() {
        let (ring, mut deque) = (Ring::new(), VecDeque::new());
        let mut x = 1u64;
        for number in 0..20_000 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            match x >> 61 {
                0..=4 => {
                    ring.push(number);
                    deque.push_back(number);
                }
                5 | 6 => assert_eq!(ring.pop(), deque.pop_front()),
                _ => {
                    let index = (x >> 20) as u32 % (ring.len() + 1);
                    assert_eq!(ring.swap_remove(index), deque.swap_remove_back(index as usize));
                }
            }
            assert_eq!(ring.len() as usize, deque.len());
        }
        while let Some(number) = ring.pop() {
            assert_eq!(Some(number), deque.pop_front());
        }
        assert!(deque.is_empty());
    }
}
