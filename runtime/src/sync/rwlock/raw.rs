//! The lock itself: a word for the fast path, and a queue of readers and writers, first come, first served.
//!
//! While anybody is in the queue, who comes joins it, and who leaves lets in the first: one writer, or all readers up to the next writer.
//! So neither kind can keep the other out.

use std::time::Instant;

use crate::model::atomic::{AtomicUsize, Ordering};
use crate::model::const_fn;
use crate::park::{Locked, Place, Queue, Reason, Stopped, Wakeup};

const WRITER: usize = 1;
/// Somebody is in the queue. Changes under the queue's lock. While it is set, only `admit` lets anybody in.
const QUEUED: usize = 2;
/// One reader.
const READER: usize = 4;
/// More than there can be, unless guards are leaked; far enough from the word's end for those who wait.
const MAX_READERS: usize = usize::MAX / 2;

const REASON: &Reason = &Reason("rwlock");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
}

impl Kind {
    /// What its holder adds to the state.
    fn share(self) -> usize {
        match self {
            Kind::Read => READER,
            Kind::Write => WRITER,
        }
    }

    /// Whether there is room for it beside those who hold the lock.
    fn fits(self, state: usize) -> bool {
        match self {
            Kind::Read => state & WRITER == 0,
            Kind::Write => state & !QUEUED == 0,
        }
    }
}

#[derive(Debug)]
pub(super) struct RawRwLock {
    state: AtomicUsize,
    queue: Queue<(), Kind>,
}

impl RawRwLock {
    const_fn! {
        pub(super) fn new() -> RawRwLock {
            RawRwLock { state: AtomicUsize::new(0), queue: Queue::new(()) }
        }
    }

    #[inline]
    pub(super) fn try_lock(&self, kind: Kind) -> bool {
        self.enter(kind, self.state.load(Ordering::Relaxed)).is_ok()
    }

    /// # Errors
    /// What ended the wait instead.
    #[inline]
    pub(super) fn lock(&self, kind: Kind, deadline: Option<Instant>) -> Result<(), Stopped> {
        match self.enter(kind, self.state.load(Ordering::Relaxed)) {
            Ok(()) => Ok(()),
            Err(_) => self.lock_contended(kind, deadline),
        }
    }

    /// Called by a reader.
    #[inline]
    pub(super) fn unlock_read(&self) {
        // The last one, with somebody in the queue.
        if self.state.fetch_sub(READER, Ordering::Release) == READER | QUEUED {
            self.admit_next();
        }
    }

    /// Called by the writer.
    #[inline]
    pub(super) fn unlock_write(&self) {
        let writer = self.state.compare_exchange(WRITER, 0, Ordering::Release, Ordering::Relaxed);
        if writer.is_err() {
            // With the writer's bit set and somebody in the queue, who leaves it changes the other bit only.
            self.state.fetch_and(!WRITER, Ordering::Release);
            self.admit_next();
        }
    }

    /// The writer becomes a reader, and lets in those who are next if they are readers.
    pub(super) fn downgrade(&self) {
        // A difference: the queue's bit may change meanwhile.
        if self.state.fetch_add(READER - WRITER, Ordering::Release) & QUEUED != 0 {
            self.admit_next();
        }
    }

    /// Takes the lock if there is room and nobody is before. The error is the state in which there is none.
    #[inline]
    fn enter(&self, kind: Kind, mut state: usize) -> Result<(), usize> {
        while kind.fits(state) && state & QUEUED == 0 {
            assert!(state < MAX_READERS, "too many readers");
            match self.state.compare_exchange_weak(
                state,
                state + kind.share(),
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(now) => state = now,
            }
        }
        Err(state)
    }

    #[cold]
    fn lock_contended(&self, kind: Kind, deadline: Option<Instant>) -> Result<(), Stopped> {
        let queue = self.queue.lock();
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let Err(taken) = self.enter(kind, state) else { return Ok(()) };
            // From here on who leaves comes for the queue. If it is set already, the last to leave may be on its way there, and
            // lets in the first then.
            match self.state.compare_exchange_weak(
                taken,
                taken | QUEUED,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
        match queue.wait(0, Place::Back, kind, REASON, deadline) {
            Ok(_) => Ok(()),
            Err((stopped, _, mut queue)) => {
                // Those behind may fit now.
                let admitted = self.admit(&mut queue);
                drop(queue);
                drop(admitted);
                Err(stopped)
            }
        }
    }

    /// Whether nothing is left of those who used it.
    #[cfg(all(test, greenwood_loom))]
    pub(super) fn is_as_new(&self) -> bool {
        self.queue.lock().is_empty(0) && self.state.load(Ordering::Relaxed) == 0
    }

    #[cold]
    fn admit_next(&self) {
        let mut queue = self.queue.lock();
        let admitted = self.admit(&mut queue);
        drop(queue);
        drop(admitted);
    }

    /// Lets in from the queue whoever fits, in order. To be called whenever somebody left, the lock or the queue; once too often does no
    /// harm.
    fn admit(&self, queue: &mut Locked<'_, (), Kind>) -> Vec<Wakeup> {
        let mut admitted = Vec::new();
        while let Some(&kind) = queue.first(0) {
            // Other bits can only be cleared meanwhile: by a reader, who then comes here.
            if !kind.fits(self.state.load(Ordering::Acquire)) {
                return admitted;
            }
            self.state.fetch_add(kind.share(), Ordering::Relaxed);
            admitted.extend(queue.serve(0, |_| ()).map(|((), wakeup)| wakeup));
        }
        self.state.fetch_and(!QUEUED, Ordering::Relaxed);
        admitted
    }
}
