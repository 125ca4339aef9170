//! Who waits at which address: coroutines, and OS threads where libc's own queue will not do.
//!
//! No wake-up is lost between a waiter's look at the word and a waker's look at the queue. The waiter counts itself, then looks at
//! the word; the waker changes the word, then looks at the count; each with a sequentially consistent fence in between, so at
//! least one of them sees what the other did. A waker that sees the count takes the bucket's lock, under which the waiter counted itself,
//! looked, and was put into the list or gave up.

use std::cell::UnsafeCell;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering, fence};

use greenwood_runtime::interpose::Lock;
use greenwood_runtime::park::{self, Reason, Wake};

use super::deadline::Deadline;
use super::kernel;
use super::list::{List, Target};

pub(super) use super::list::Waiter;

/// Enough for lists to stay short with a hundred thousand waiters, each at a word of its own.
const BUCKETS: usize = 4096;

/// Waiters taken out of a list at a time. Their wake-ups are kept on the stack until the lock is free.
const BATCH: usize = 16;

/// Every waiter, whatever its bits.
pub(super) const ANY: u32 = !0;

#[repr(align(64))]
struct Bucket {
    /// Waiters in the list, and one who is looking whether to join them.
    count: AtomicU32,
    list: Lock<List>,
}

struct Table(UnsafeCell<[Bucket; BUCKETS]>);

// SAFETY: only the child of a fork, which has one thread, gets at it in another way than by shared references.
unsafe impl Sync for Table {}

static TABLE: Table = Table(UnsafeCell::new([const { Bucket::new() }; BUCKETS]));

fn buckets() -> &'static [Bucket; BUCKETS] {
    // SAFETY: as above; and what such a child replaces, nobody in it refers to.
    unsafe { &*TABLE.0.get() }
}

fn bucket(address: usize) -> &'static Bucket {
    // The multiplication makes the upper bits depend on all of the address's.
    let hash = (address as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    &buckets()[(hash >> 52) as usize % BUCKETS]
}

impl Bucket {
    const fn new() -> Bucket {
        Bucket { count: AtomicU32::new(0), list: Lock::new(List::new()) }
    }
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Woken,
    TimedOut,
}

impl Waiter {
    /// Joins the others, unless `joins` finds that there is nothing to wait for. It is told how many wait at the address, and runs
    /// under a lock: it takes no other.
    pub(super) fn enlist(
        self: Pin<&mut Self>,
        joins: impl FnOnce(&Others<'_>) -> bool,
    ) -> Option<Enlisted<'_>> {
        let waiter = self.into_ref().get_ref();
        if !waiter.on_coroutine {
            waiter.target.set(Some(Target::Thread(&raw const waiter.woken)));
        }
        let bucket = bucket(waiter.address);
        let list = bucket.list.lock();
        bucket.count.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if joins(&Others { list: &list, waiter }) {
            list.push(waiter);
            Some(Enlisted { waiter, bucket })
        } else {
            bucket.count.fetch_sub(1, Ordering::Relaxed);
            None
        }
    }
}

/// Those who wait at an address already.
pub(super) struct Others<'a> {
    list: &'a List,
    /// Who looks at them.
    waiter: &'a Waiter,
}

impl Others<'_> {
    pub(super) fn count(&self, bits: u32) -> usize {
        self.list.at(self.waiter.address).filter(|w| w.bits.get() & bits != 0).count()
    }

    /// Lets the caller join them with these bits.
    pub(super) fn join_with(&self, bits: u32) {
        self.waiter.bits.set(bits);
    }

    /// Gives those with one of the bits `from` the bits `to`.
    pub(super) fn mark(&self, from: u32, to: u32) {
        self.list
            .at(self.waiter.address)
            .filter(|w| w.bits.get() & from != 0)
            .for_each(|w| w.bits.set(to));
    }
}

/// A waiter in the list, or taken out of it by who woke it. Leaves the list when dropped.
pub(super) struct Enlisted<'a> {
    waiter: &'a Waiter,
    bucket: &'static Bucket,
}

impl Enlisted<'_> {
    fn is_woken(&self) -> bool {
        self.waiter.woken.load(Ordering::Acquire) != 0
    }

    /// Waits until somebody wakes the caller or the deadline passes. Nothing else ends it: who waits for a lock has no error to return, so a
    /// cancellation is reported by the next call that can fail.
    pub(super) fn wait(&self, reason: &'static Reason, deadline: Option<&Deadline>) -> Ended {
        let timed_out = if self.waiter.on_coroutine {
            greenwood_runtime::shield(|| self.park(reason, deadline))
        } else {
            self.block(deadline)
        };
        if timed_out && self.leave() { Ended::TimedOut } else { Ended::Woken }
    }

    /// True if the deadline has passed.
    fn park(&self, reason: &'static Reason, deadline: Option<&Deadline>) -> bool {
        let mut until = deadline.and_then(Deadline::instant);
        while !self.is_woken() {
            if park::park(reason, until) == Wake::TimedOut {
                match deadline.and_then(Deadline::extended) {
                    None => return true,
                    later => until = later,
                }
            }
        }
        false
    }

    /// [`Enlisted::park`] on an OS thread.
    fn block(&self, deadline: Option<&Deadline>) -> bool {
        while !self.is_woken() {
            if deadline.is_some_and(Deadline::is_over) {
                return true;
            }
            kernel::wait(&self.waiter.woken, 0, deadline);
        }
        false
    }

    /// Leaves the list. False if somebody has woken the caller before.
    pub(super) fn leave(&self) -> bool {
        if self.is_woken() {
            return false;
        }
        let list = self.bucket.list.lock();
        // Only changes under the lock.
        if self.is_woken() {
            return false;
        }
        let target = list.remove(self.waiter);
        self.bucket.count.fetch_sub(1, Ordering::Relaxed);
        self.waiter.woken.store(1, Ordering::Relaxed);
        drop(list);
        drop(target);
        true
    }
}

impl Drop for Enlisted<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Whether anybody may wait at an address. For callers who have changed the word at the address, by whatever store.
#[inline(always)]
pub(super) fn is_awaited(address: usize) -> bool {
    fence(Ordering::SeqCst);
    bucket(address).count.load(Ordering::Relaxed) != 0
}

/// [`is_awaited`] for callers who have changed the word by an atomic read-modify-write.
#[inline(always)]
pub(super) fn is_awaited_after_exchange(address: usize) -> bool {
    // Which is a full fence here, and a second one would cost as much as the whole of an unlock.
    #[cfg(target_arch = "x86_64")]
    std::sync::atomic::compiler_fence(Ordering::SeqCst);
    #[cfg(not(target_arch = "x86_64"))]
    fence(Ordering::SeqCst);
    bucket(address).count.load(Ordering::Relaxed) != 0
}

/// Wakes up to `limit` of those who wait at an address with one of `bits`, the oldest first. The number of those woken.
pub(super) fn wake(address: usize, bits: u32, limit: usize) -> usize {
    let bucket = bucket(address);
    let mut woken = 0;
    // Who joins while this goes on is not among those to be woken.
    let mut end = None;
    while woken < limit {
        let mut batch = [const { None::<Target> }; BATCH];
        let mut taken = 0;
        let list = bucket.list.lock();
        let end = *end.get_or_insert(list.tickets.get());
        let chosen = |w: &&Waiter| w.bits.get() & bits != 0;
        let before = |w: &&Waiter| w.ticket.get() < end;
        for waiter in
            list.at(address).take_while(before).filter(chosen).take(BATCH.min(limit - woken))
        {
            batch[taken] = list.remove(waiter);
            taken += 1;
            bucket.count.fetch_sub(1, Ordering::Relaxed);
            waiter.woken.store(1, Ordering::Release);
        }
        drop(list);
        batch.into_iter().flatten().for_each(Target::wake);
        woken += taken;
        if taken < BATCH {
            break;
        }
    }
    woken
}

/// Wakes everybody. For when it is not known whom.
pub(super) fn wake_everywhere(bits: u32) {
    for bucket in buckets() {
        while bucket.count.load(Ordering::SeqCst) != 0 {
            let address =
                bucket.list.lock().all().find(|w| w.bits.get() & bits != 0).map(|w| w.address);
            match address {
                Some(address) => wake(address, bits, usize::MAX),
                None => break,
            };
        }
    }
}

/// Empties the table in the child of a fork, where none of those in it runs, and whoever held a lock does not either.
///
/// # Safety
/// There is no other thread.
pub(super) unsafe fn forget_all() {
    let first: *mut Bucket = TABLE.0.get().cast();
    for i in 0..BUCKETS {
        // SAFETY: the caller's promise.
        unsafe {
            let bucket = first.add(i);
            // Not all of them: each that is written to costs the child a copy of its page.
            if (*bucket).list.is_locked() || (*bucket).count.load(Ordering::Relaxed) != 0 {
                bucket.write(Bucket::new());
            }
        }
    }
}
