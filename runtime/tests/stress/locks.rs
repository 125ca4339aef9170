//! Mutual exclusion, by flags and counters that are changed step by step with others let in between.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use greenwood_runtime::sync::{Condvar, LazyLock, Mutex, Once, OnceLock, RwLock};

use crate::random::{Patience, Random, Waits, any, count, read};

#[derive(Default)]
pub struct Locks {
    mutex: Mutex<usize>,
    in_mutex: AtomicBool,
    mutex_count: AtomicUsize,
    rwlock: RwLock<usize>,
    readers: AtomicUsize,
    writing: AtomicBool,
    write_count: AtomicUsize,
    tokens: Mutex<usize>,
    token_came: Condvar,
    takers: AtomicUsize,
    brought: AtomicUsize,
    taken: AtomicUsize,
    once: RwLock<OnceCase>,
}

/// Made anew now and then.
#[derive(Default)]
struct OnceCase {
    cell: OnceLock<usize>,
    once: Once,
    lazy: Option<LazyLock<usize>>,
    runs: AtomicUsize,
    runs_of_once: AtomicUsize,
}

/// A flag that one at a time may raise.
struct Raised<'a>(&'a AtomicBool);

impl<'a> Raised<'a> {
    fn new(flag: &'a AtomicBool) -> Raised<'a> {
        assert!(!flag.swap(true, Ordering::Relaxed), "somebody else is in");
        Raised(flag)
    }
}

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        assert!(self.0.swap(false, Ordering::Relaxed));
    }
}

impl Locks {
    pub fn act(&self, random: &mut Random) {
        match random.below(5) {
            0 | 1 => self.mutex(random),
            2 => self.rwlock(random),
            3 => self.condvar(random),
            _ => self.once(random),
        }
    }

    fn mutex(&self, random: &mut Random) {
        let guard = match random.patience() {
            Patience::None => self.mutex.try_lock().ok(),
            Patience::Short(time) => self.mutex.try_lock_for(time),
            Patience::Endless => Some(self.mutex.lock()),
        };
        let Some(mut guard) = guard else { return };
        let _in = Raised::new(&self.in_mutex);
        let before = *guard;
        random.pause();
        *guard = before + 1;
        count(&self.mutex_count);
    }

    fn rwlock(&self, random: &mut Random) {
        if random.below(3) > 0 {
            let guard = match random.patience() {
                Patience::None => self.rwlock.try_read().ok(),
                Patience::Short(time) => self.rwlock.try_read_for(time),
                Patience::Endless => Some(self.rwlock.read()),
            };
            let Some(guard) = guard else { return };
            self.read(*guard, random);
            return;
        }
        let guard = match random.patience() {
            Patience::None => self.rwlock.try_write().ok(),
            Patience::Short(time) => self.rwlock.try_write_for(time),
            Patience::Endless => Some(self.rwlock.write()),
        };
        let Some(mut guard) = guard else { return };
        let writing = Raised::new(&self.writing);
        assert!(!any(&self.readers), "readers beside a writer");
        let before = *guard;
        random.pause();
        *guard = before + 1;
        count(&self.write_count);
        drop(writing);
        if random.one_in(3) {
            let guard = greenwood_runtime::sync::RwLockWriteGuard::downgrade(guard);
            assert_eq!(*guard, before + 1);
            self.read(*guard, random);
        }
    }

    fn read(&self, value: usize, random: &mut Random) {
        let _reads = Waits::counted(&self.readers);
        assert!(!self.writing.load(Ordering::SeqCst), "a writer beside readers");
        random.pause();
        assert_eq!(read(&self.write_count), value, "changed under a reader");
    }

    fn condvar(&self, random: &mut Random) {
        if random.one_in(2) {
            return self.bring();
        }
        let mut tokens = match random.patience() {
            Patience::None => self.tokens.lock(),
            Patience::Short(time) => {
                let guard = self.tokens.lock();
                self.token_came.wait_timeout_while(guard, time, |tokens| *tokens == 0).0
            }
            Patience::Endless => {
                let guard = self.tokens.lock();
                let _waits = Waits::counted(&self.takers);
                self.token_came.wait_while(guard, |tokens| *tokens == 0)
            }
        };
        if *tokens > 0 {
            *tokens -= 1;
            count(&self.taken);
        }
    }

    fn bring(&self) {
        let mut tokens = self.tokens.lock();
        *tokens += 1;
        count(&self.brought);
        if *tokens > 3 { self.token_came.notify_all() } else { self.token_came.notify_one() }
    }

    fn once(&self, random: &mut Random) {
        if random.one_in(8) {
            let mut case = self.once.write();
            let lazy = random.one_in(2).then(|| LazyLock::new((|| 5) as fn() -> usize));
            *case = OnceCase { lazy, ..OnceCase::default() };
            return;
        }
        let case = self.once.read();
        match random.below(4) {
            0 => {
                let value = case.cell.get_or_init(|| {
                    random.pause();
                    case.runs.fetch_add(1, Ordering::SeqCst)
                });
                assert_eq!(*value, 0, "made twice");
            }
            1 => {
                case.once.call_once(|| {
                    random.pause();
                    count(&case.runs_of_once);
                });
                assert_eq!(read(&case.runs_of_once), 1, "runs of a Once");
            }
            2 => drop(case.once.wait_timeout(random.short())),
            _ => assert!(case.lazy.as_ref().is_none_or(|lazy| **lazy == 5)),
        }
    }

    pub fn pump(&self) {
        // Who waits although there is a token has been forgotten, and is left to hang.
        if any(&self.takers) && self.tokens.try_lock().is_ok_and(|tokens| *tokens == 0) {
            self.bring();
        }
    }

    pub fn check(self) {
        assert_eq!(*self.mutex.try_lock().expect("free"), self.mutex_count.into_inner());
        assert_eq!(*self.rwlock.try_write().expect("free"), self.write_count.into_inner());
        let left = *self.tokens.try_lock().expect("free");
        assert_eq!(self.brought.into_inner(), self.taken.into_inner() + left);
        assert!(self.once.try_write().is_ok());
    }
}
