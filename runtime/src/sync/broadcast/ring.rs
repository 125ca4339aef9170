//! The values that somebody has not received yet.

use std::collections::VecDeque;
use std::sync::Arc;

/// Values in the order in which they were sent, each with the number of receivers that are still to get it.
#[derive(Debug)]
pub(super) struct Ring<T> {
    slots: VecDeque<Slot<T>>,
    /// The position of the first slot: how many values were sent before it.
    first: u64,
    capacity: usize,
}

#[derive(Debug)]
struct Slot<T> {
    value: Arc<T>,
    awaited: usize,
}

/// What a receiver finds at its position.
pub(super) enum Found<T> {
    Value(Arc<T>),
    /// So many values were overwritten.
    Lagged(u64),
    Nothing,
}

impl<T> Ring<T> {
    pub(super) fn new(capacity: usize) -> Ring<T> {
        Ring { slots: VecDeque::new(), first: 0, capacity }
    }

    /// How many values were sent.
    pub(super) fn end(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Adds a value for `awaited` receivers, and returns the one that it overwrites.
    pub(super) fn push(&mut self, value: Arc<T>, awaited: usize) -> Option<Arc<T>> {
        let overwritten = match self.slots.len() == self.capacity {
            true => self.pop(),
            false => None,
        };
        self.slots.push_back(Slot { value, awaited });
        overwritten
    }

    /// Receives at position `next`, and moves it on.
    pub(super) fn take(&mut self, next: &mut u64) -> Found<T> {
        let Some(index) = next.checked_sub(self.first) else {
            let lost = self.first - *next;
            *next = self.first;
            return Found::Lagged(lost);
        };
        let Some(slot) = self.slots.get_mut(index as usize) else { return Found::Nothing };
        *next += 1;
        slot.awaited -= 1;
        if slot.awaited > 0 {
            return Found::Value(slot.value.clone());
        }
        // Who is to get a value is to get all that were sent since: the first of those that nobody awaits is the first of all.
        debug_assert_eq!(index, 0);
        self.pop().map_or(Found::Nothing, Found::Value)
    }

    /// Takes back what a receiver at position `next` will not receive, and returns the values that nobody else awaits.
    pub(super) fn leave(&mut self, next: u64) -> Vec<Arc<T>> {
        let index = next.saturating_sub(self.first) as usize;
        self.slots.iter_mut().skip(index).for_each(|slot| slot.awaited -= 1);
        let unwanted = self.slots.iter().take_while(|slot| slot.awaited == 0).count();
        self.first += unwanted as u64;
        self.slots.drain(..unwanted).map(|slot| slot.value).collect()
    }

    fn pop(&mut self) -> Option<Arc<T>> {
        let slot = self.slots.pop_front()?;
        self.first += 1;
        Some(slot.value)
    }
}
