//! A hierarchical timing wheel: constant-time insert and cancel, no lock, no allocation once warm.
//!
//! Eight levels of 64 slots. A timer sits in the level of the highest bits in which its tick differs from the
//! current one, and moves down as time comes closer. Within a slot, timers keep the order of their insertion.

/// Nanoseconds in a tick, as a power of two: 32.8 µs. Timers within one tick share one wake-up.
const TICK_BITS: u32 = 15;

const LEVEL_BITS: u32 = 6;
const SLOTS: usize = 1 << LEVEL_BITS;
const LEVELS: usize = (64 - TICK_BITS as usize).div_ceil(LEVEL_BITS as usize);
const NIL: u32 = u32::MAX;

/// Names a timer that has neither fired nor been cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(u32);

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// In ticks, rounded up: a timer is never early.
    tick: u64,
    previous: u32,
    /// In a free entry, the next free one.
    next: u32,
    list: u32,
    owner: u32,
}

#[derive(Clone, Copy, Debug)]
struct List {
    head: u32,
    tail: u32,
}

/// Timers of one worker. An owner is a number that means something to the caller.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// The last tick that has been processed.
    now: u64,
    /// A bit for each slot in use.
    occupied: [u64; LEVELS],
    lists: Box<[List]>,
    entries: Vec<Entry>,
    free: u32,
    len: usize,
}

/// In ticks, rounded up: a timer is never early.
fn tick(deadline: u64) -> u64 {
    (deadline >> TICK_BITS) + u64::from(deadline & ((1 << TICK_BITS) - 1) != 0)
}

impl Wheel {
    pub(crate) fn new() -> Wheel {
        Wheel {
            now: 0,
            occupied: [0; LEVELS],
            lists: vec![List { head: NIL, tail: NIL }; LEVELS * SLOTS].into(),
            entries: Vec::new(),
            free: NIL,
            len: 0,
        }
    }

    /// Adds a timer for `deadline`, in nanoseconds of the clock that [`Wheel::advance`] gets.
    pub(crate) fn insert(&mut self, deadline: u64, owner: u32) -> Key {
        let entry = Entry { tick: tick(deadline), previous: NIL, next: NIL, list: 0, owner };
        let index = if self.free == NIL {
            self.entries.push(entry);
            (self.entries.len() - 1) as u32
        } else {
            let index = self.free;
            self.free = self.entries[index as usize].next;
            self.entries[index as usize] = entry;
            index
        };
        self.len += 1;
        self.link(index);
        Key(index)
    }

    /// Whether a pending timer fires at `deadline` at the latest.
    #[inline]
    pub(crate) fn fires_by(&self, key: Key, deadline: u64) -> bool {
        self.entries[key.0 as usize].tick <= tick(deadline)
    }

    /// Makes room for `more` timers.
    pub(crate) fn reserve(&mut self, more: usize) {
        self.entries.reserve(more);
    }

    /// Removes a timer that has not fired.
    pub(crate) fn cancel(&mut self, key: Key) {
        let Entry { previous, next, list, .. } = self.entries[key.0 as usize];
        match previous {
            NIL => self.lists[list as usize].head = next,
            p => self.entries[p as usize].next = next,
        }
        match next {
            NIL => self.lists[list as usize].tail = previous,
            n => self.entries[n as usize].previous = previous,
        }
        if self.lists[list as usize].head == NIL {
            self.occupied[list as usize / SLOTS] &= !(1 << (list as usize % SLOTS));
        }
        self.release(key.0);
    }

    /// Fires every timer whose deadline is at or before `now` (nanoseconds), in order of their ticks.
    pub(crate) fn advance(&mut self, now: u64, mut fire: impl FnMut(u32)) {
        let now = now >> TICK_BITS;
        while let Some((level, slot, start)) = self.next_slot() {
            if start > now {
                break;
            }
            self.now = self.now.max(start);
            let list = level * SLOTS + slot;
            self.occupied[level] &= !(1 << slot);
            let mut index =
                std::mem::replace(&mut self.lists[list], List { head: NIL, tail: NIL }).head;
            while index != NIL {
                let Entry { tick, next, owner, .. } = self.entries[index as usize];
                if tick <= self.now {
                    self.release(index);
                    fire(owner);
                } else {
                    self.link(index);
                }
                index = next;
            }
        }
        self.now = self.now.max(now);
    }

    /// When [`Wheel::advance`] has something to do next, in nanoseconds. For a far timer that may be before its deadline.
    pub(crate) fn next_expiry(&self) -> Option<u64> {
        self.next_slot().map(|(.., start)| start.saturating_mul(1 << TICK_BITS))
    }

    /// How many timers are pending.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The earliest slot in use: level, slot, and its first tick. Lower levels always come before higher ones.
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        (0..LEVELS).find(|&l| self.occupied[l] != 0).map(|level| {
            let shift = level as u32 * LEVEL_BITS;
            let here = (self.now >> shift) as usize % SLOTS;
            let ahead = self.occupied[level].rotate_right(here as u32).trailing_zeros() as u64;
            let slot = (here + ahead as usize) % SLOTS;
            let start = ((self.now >> shift) + ahead) << shift;
            (level, slot, start)
        })
    }

    fn link(&mut self, index: u32) {
        // What is already due goes into the slot that is processed next.
        let tick = self.entries[index as usize].tick.max(self.now);
        let differing = (tick ^ self.now) | (SLOTS as u64 - 1);
        let level = ((63 - differing.leading_zeros()) / LEVEL_BITS) as usize;
        let slot = (tick >> (level as u32 * LEVEL_BITS)) as usize % SLOTS;
        let list = level * SLOTS + slot;
        let tail = self.lists[list].tail;
        let entry = &mut self.entries[index as usize];
        (entry.list, entry.previous, entry.next) = (list as u32, tail, NIL);
        match tail {
            NIL => self.lists[list].head = index,
            t => self.entries[t as usize].next = index,
        }
        self.lists[list].tail = index;
        self.occupied[level] |= 1 << slot;
    }

    fn release(&mut self, index: u32) {
        self.entries[index as usize].next = self.free;
        self.free = index;
        self.len -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: u64 = 1 << TICK_BITS;

    fn fired(wheel: &mut Wheel, now: u64) -> Vec<u32> {
        let mut out = Vec::new();
        wheel.advance(now, |owner| out.push(owner));
        out
    }

    #[test]
    fn is_never_early_and_at_most_a_tick_late() {
        let mut wheel = Wheel::new();
        wheel.insert(10 * TICK + 1, 1);
        assert!(fired(&mut wheel, 11 * TICK - 1).is_empty());
        assert_eq!(fired(&mut wheel, 11 * TICK), [1]);
        assert_eq!(wheel.len(), 0);
    }

    #[test]
    fn equal_deadlines_fire_in_the_order_of_insertion() {
        let mut wheel = Wheel::new();
        (0..100).for_each(|owner| {
            wheel.insert(5000 * TICK, owner);
        });
        assert_eq!(fired(&mut wheel, 5000 * TICK), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_deadline_in_the_past_fires_at_once() {
        let mut wheel = Wheel::new();
        fired(&mut wheel, 1_000_000 * TICK);
        wheel.insert(3, 7);
        assert_eq!(fired(&mut wheel, 1_000_000 * TICK), [7]);
    }

    #[test]
    fn cancelled_timers_do_not_fire() {
        let mut wheel = Wheel::new();
        let keys: Vec<_> = (0..10).map(|owner| wheel.insert(700 * TICK, owner)).collect();
        for i in [0, 4, 5, 9] {
            wheel.cancel(keys[i]);
        }
        assert_eq!(fired(&mut wheel, 700 * TICK), [1, 2, 3, 6, 7, 8]);
        assert_eq!(wheel.next_expiry(), None);
    }

    #[test]
    fn the_farthest_deadline_is_kept() {
        let mut wheel = Wheel::new();
        wheel.insert(u64::MAX, 1);
        wheel.insert(u64::MAX - TICK, 2);
        assert!(fired(&mut wheel, u64::MAX / 2).is_empty());
        assert_eq!(wheel.len(), 2);
    }

    /// Against a sorted list, over many magnitudes, with cancels: each fires exactly once, never early, and `next_expiry`
    /// never oversleeps.
    #[test]
    fn agrees_with_a_sorted_list() {
        let mut state = 0x9E37_79B9_7F4A_7C15u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let mut wheel = Wheel::new();
        let mut model: std::collections::BTreeMap<u32, (u64, Key)> = Default::default();
        let mut now = 0u64;
        for owner in 0..50_000 {
            let deadline = now + (random() >> (random() % 50 + 14));
            model.insert(owner, (deadline, wheel.insert(deadline, owner)));
            if random() % 3 == 0 {
                let victim = random() as u32 % (owner + 1);
                if let Some((_, key)) = model.remove(&victim) {
                    wheel.cancel(key);
                }
            }
            if random() % 4 == 0 {
                now += random() >> (random() % 45 + 19);
                wheel.advance(now, |owner| {
                    let (deadline, _) =
                        model.remove(&owner).expect("fires once, and only if not cancelled");
                    assert!(deadline <= now, "early");
                });
                let due = now >> TICK_BITS << TICK_BITS;
                assert!(model.values().all(|(deadline, _)| *deadline > due), "late");
                let earliest = model.values().map(|(d, _)| *d).min();
                assert_eq!(wheel.next_expiry().is_some(), earliest.is_some());
                if let (Some(next), Some(earliest)) = (wheel.next_expiry(), earliest) {
                    assert!(next < earliest.saturating_add(TICK), "would oversleep");
                }
            }
            assert_eq!(wheel.len(), model.len());
        }
    }
}
