//! Semaphores: no more permits are out than there are, and all come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use greenwood_runtime::sync::Semaphore;

use crate::random::{Patience, Random, read};

const ALL: usize = 5;

pub struct Permits {
    semaphore: Arc<Semaphore>,
    out: AtomicUsize,
}

impl Default for Permits {
    fn default() -> Permits {
        Permits { semaphore: Arc::new(Semaphore::new(ALL)), out: AtomicUsize::new(0) }
    }
}

/// Counted as out until it goes, which is to be before the permits do.
struct Out<'a>(&'a AtomicUsize, usize);

impl<'a> Out<'a> {
    fn new(counter: &'a AtomicUsize, permits: usize) -> Out<'a> {
        let before = counter.fetch_add(permits, Ordering::SeqCst);
        assert!(before + permits <= ALL, "{before} and {permits} permits are out");
        Out(counter, permits)
    }
}

impl Drop for Out<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::SeqCst);
    }
}

impl Permits {
    pub fn act(&self, random: &mut Random) {
        let patience = random.patience();
        let most = match patience {
            Patience::Endless => ALL,
            // More than there are: its time will be over, after which those behind it are to be served, though nobody has given any back.
            _ => ALL + 1,
        };
        let n = 1 + random.below(most as u64) as usize;
        if random.one_in(3) {
            let permit = match patience {
                Patience::None => self.semaphore.try_acquire_many_owned(n).ok(),
                Patience::Short(time) => self.semaphore.acquire_many_owned_timeout(n, time).ok(),
                Patience::Endless => self.semaphore.acquire_many_owned(n).ok(),
            };
            let Some(_permit) = permit else { return };
            let _out = Out::new(&self.out, n);
            random.pause();
            return;
        }
        let permit = match patience {
            Patience::None => self.semaphore.try_acquire_many(n).ok(),
            Patience::Short(time) => self.semaphore.acquire_many_timeout(n, time).ok(),
            Patience::Endless => self.semaphore.acquire_many(n).ok(),
        };
        let Some(mut permit) = permit else { return };
        let out = Out::new(&self.out, n);
        random.pause();
        match random.below(4) {
            0 => drop(out),
            1 if n > 1 => {
                drop(out);
                let rest = permit.split(1);
                drop(permit);
                random.pause();
                drop(rest);
            }
            2 => {
                drop(out);
                permit.forget();
                self.semaphore.add_permits(n);
            }
            _ => {
                random.pause();
                drop(out);
            }
        }
    }

    pub fn check(self) {
        assert_eq!((self.semaphore.available_permits(), read(&self.out)), (ALL, 0));
        drop(self.semaphore.try_acquire_many(ALL).expect("nobody waits"));
    }
}
