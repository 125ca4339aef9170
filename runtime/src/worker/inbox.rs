//! A worker's letterbox and the bell that rouses it. The protocol, and why no wake-up is lost, is in this folder's README.

use crate::model::Mutex;
use crate::model::atomic::{AtomicBool, AtomicU8, Ordering, fence};

/// Tells a worker that is going to sleep, or asleep, that there is something to do.
#[derive(Debug)]
pub(crate) struct Bell(AtomicU8);

const AWAKE: u8 = 0;
const ASLEEP: u8 = 1;
/// Asleep still, but somebody has rung.
const RUNG: u8 = 2;

impl Bell {
    pub(crate) fn new() -> Bell {
        Bell(AtomicU8::new(AWAKE))
    }

    /// The worker: announces that it will sleep. It must look at every source of work once more after this.
    pub(crate) fn prepare_to_sleep(&self) {
        self.0.store(ASLEEP, Ordering::Relaxed);
        // Pairs with the fence in `ring`: see "the crossing" in the README.
        fence(Ordering::SeqCst);
    }

    /// The worker: it is up again.
    pub(crate) fn awake(&self) {
        self.0.store(AWAKE, Ordering::Relaxed);
    }

    /// Anybody, after having made work visible: calls `wake` if the worker sleeps and nobody has rung yet. Says whether it did.
    pub(crate) fn ring(&self, wake: impl FnOnce()) -> bool {
        fence(Ordering::SeqCst);
        let rings = self.0.load(Ordering::Relaxed) == ASLEEP
            && self.0.compare_exchange(ASLEEP, RUNG, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if rings {
            wake();
        }
        rings
    }
}

/// Messages for one worker, from anybody.
#[derive(Debug)]
pub(crate) struct Inbox<T> {
    letters: Mutex<Letters<T>>,
    /// Whether `letters` has any, to be asked without the lock.
    pending: AtomicBool,
}

#[derive(Debug)]
struct Letters<T> {
    items: Vec<T>,
    open: bool,
}

impl<T> Inbox<T> {
    pub(crate) fn new() -> Inbox<T> {
        Inbox {
            letters: Mutex::new(Letters { items: Vec::new(), open: true }),
            pending: AtomicBool::new(false),
        }
    }

    /// Adds a message. The caller rings the bell afterwards.
    ///
    /// # Errors
    /// Gives it back if the inbox is closed.
    pub(crate) fn push(&self, item: T) -> Result<(), T> {
        let mut letters = self.letters.lock();
        if !letters.open {
            return Err(item);
        }
        letters.items.push(item);
        self.pending.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Whether there is anything to take.
    #[inline]
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.load(Ordering::Relaxed)
    }

    /// Takes everything, in order. `into` is empty, and lends its memory to the inbox.
    pub(crate) fn take(&self, into: &mut Vec<T>) {
        let mut letters = self.letters.lock();
        std::mem::swap(&mut letters.items, into);
        self.pending.store(false, Ordering::Relaxed);
    }

    /// Takes up to `count` of the oldest.
    pub(crate) fn take_some(&self, count: impl FnOnce(usize) -> usize, mut each: impl FnMut(T)) {
        let mut letters = self.letters.lock();
        let count = count(letters.items.len()).min(letters.items.len());
        letters.items.drain(..count).for_each(&mut each);
        self.pending.store(!letters.items.is_empty(), Ordering::Relaxed);
    }

    /// Refuses messages from now on, and returns those that nobody has taken.
    pub(crate) fn close(&self) -> Vec<T> {
        let mut letters = self.letters.lock();
        letters.open = false;
        self.pending.store(false, Ordering::Relaxed);
        std::mem::take(&mut letters.items)
    }

    /// Accepts messages again. What came for a worker that never started is forgotten.
    pub(crate) fn reopen(&self) {
        let mut letters = self.letters.lock();
        letters.items.clear();
        letters.open = true;
        self.pending.store(false, Ordering::Relaxed);
    }
}
