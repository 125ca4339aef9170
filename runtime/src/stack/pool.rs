//! A worker's own stacks: the last one used comes first, as its pages are in the cache.

use std::io;

use super::{Stack, depot};

/// Stacks a pool keeps of one size. What is more goes to the depot, half a pool at a time.
const KEEP: usize = 256;

/// Stacks taken from the depot at a time.
const REFILL: usize = 32;

/// Every so many returns, the returned stack is trimmed: what one deep call touched does not stay for ever, and the
/// system call's cost is spread thin.
const TRIM_EVERY: u32 = 64;

/// A worker's free stacks.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    /// One list a size; there are hardly ever more than two sizes.
    lists: Vec<(usize, Vec<Stack>)>,
    returns: u32,
}

impl Pool {
    /// A stack that is at hand, without lock, system call or allocation.
    #[inline]
    pub(crate) fn get_at_hand(&mut self, reserved: usize) -> Option<Stack> {
        self.lists.iter_mut().find(|(size, _)| *size == reserved)?.1.pop()
    }

    /// Whether the next [`Pool::put`] of such a stack needs no lock, no system call and no allocation.
    #[inline]
    pub(crate) fn has_room(&mut self, reserved: usize) -> bool {
        let trims = (self.returns + 1).is_multiple_of(TRIM_EVERY);
        let list = self.lists.iter().find(|(size, _)| *size == reserved);
        !trims && list.is_some_and(|(_, list)| list.len() < KEEP.min(list.capacity()))
    }

    /// A stack with `reserved` bytes (see [`super::reservation`]).
    pub(crate) fn get(&mut self, reserved: usize) -> io::Result<Stack> {
        let list = self.list(reserved);
        depot::take(reserved, REFILL, list)?;
        Ok(list.pop().expect("the depot gave one"))
    }

    /// Takes a stack back on which nothing runs or lives any more.
    #[inline]
    pub(crate) fn put(&mut self, mut stack: Stack) {
        self.returns = (self.returns + 1) % TRIM_EVERY;
        if self.returns == 0 {
            stack.trim();
        }
        let reserved = stack.reserved;
        let list = self.list(reserved);
        list.push(stack);
        if list.len() > KEEP {
            depot::put(reserved, list.drain(..KEEP / 2));
        }
    }

    #[inline]
    fn list(&mut self, reserved: usize) -> &mut Vec<Stack> {
        let found = self.lists.iter().position(|(size, _)| *size == reserved);
        let index = found.unwrap_or_else(|| {
            self.lists.push((reserved, Vec::new()));
            self.lists.len() - 1
        });
        &mut self.lists[index].1
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for (reserved, list) in &mut self.lists {
            depot::put(*reserved, list.drain(..));
        }
    }
}
