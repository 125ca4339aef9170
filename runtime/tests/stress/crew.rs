//! Those who act: coroutines that cancel and replace each other, and some OS threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use greenwood_runtime::{
    Builder, CancelToken, JoinHandle, Placement, Runtime, is_interruption, no_yield, shield,
    timeout,
};

use crate::World;
use crate::random::Random;

/// At most.
const COROUTINES: u64 = 24;
const THREADS: u64 = 3;

pub struct Crew {
    shared: Arc<Shared>,
    threads: Vec<thread::JoinHandle<()>>,
}

/// How many waits and coroutines were ended early.
#[derive(Debug, Default)]
#[allow(dead_code)] // To be printed.
pub struct Ended {
    rounds: usize,
    cancelled: usize,
    interrupted: usize,
}

struct Shared {
    world: Arc<World>,
    /// Operations to be done.
    left: AtomicI64,
    /// Who has not ended.
    alive: Arc<AtomicUsize>,
    seeds: AtomicU64,
    slots: Vec<Mutex<Option<JoinHandle<()>>>>,
    token: Mutex<CancelToken>,
    cancelled: AtomicUsize,
    interrupted: AtomicUsize,
}

/// Counted while it lives.
struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Crew {
    pub fn start(
        runtime: &Runtime,
        world: &Arc<World>,
        random: &mut Random,
        operations: u64,
    ) -> Crew {
        let coroutines = random.below(COROUTINES + 1) as usize;
        let threads = random.below(THREADS + 1).max(u64::from(coroutines == 0)) as usize;
        let shared = Arc::new(Shared {
            world: world.clone(),
            left: AtomicI64::new(operations as i64),
            alive: Arc::default(),
            seeds: AtomicU64::new(random.next()),
            slots: (0..coroutines).map(|_| Mutex::default()).collect(),
            token: Mutex::default(),
            cancelled: AtomicUsize::new(0),
            interrupted: AtomicUsize::new(0),
        });
        for slot in 0..coroutines {
            let place = Builder::new().placement(Placement::Worker(slot % runtime.workers()));
            let job = shared.job(slot);
            *shared.slots[slot].lock().unwrap() = Some(runtime.spawn_with(place, job).unwrap());
        }
        let threads = (0..threads).map(|_| thread::spawn(shared.job(usize::MAX))).collect();
        Crew { shared, threads }
    }

    pub fn is_done(&self) -> bool {
        self.shared.alive.load(Ordering::SeqCst) == 0
    }

    /// After everybody has ended.
    pub fn end(self, ended: &mut Ended) {
        self.threads.into_iter().for_each(|t| t.join().unwrap());
        for slot in &self.shared.slots {
            let last = slot.lock().unwrap().take();
            last.into_iter().for_each(|handle| drop(handle.join()));
        }
        ended.rounds += 1;
        ended.cancelled += self.shared.cancelled.load(Ordering::SeqCst);
        ended.interrupted += self.shared.interrupted.load(Ordering::SeqCst);
        // Those who were replaced may be on their way out with it still.
        while Arc::strong_count(&self.shared) > 1 {
            thread::yield_now();
        }
    }
}

impl Shared {
    /// What the next one does, in the slot that it is to be found in.
    fn job(self: &Arc<Self>, slot: usize) -> impl FnOnce() + Send + 'static + use<> {
        self.alive.fetch_add(1, Ordering::SeqCst);
        let alive = Alive(self.alive.clone());
        let shared = self.clone();
        let seed = self.seeds.fetch_add(1, Ordering::SeqCst);
        move || {
            // Goes last.
            let _alive = alive;
            let shared = shared;
            let mut random = Random::new(seed);
            while shared.left.fetch_sub(1, Ordering::SeqCst) > 0 {
                if random.one_in(150) && slot != usize::MAX {
                    shared.replace_somebody(&mut random);
                }
                if random.one_in(300) {
                    shared.change_token();
                }
                shared.wrapped(&mut random, 3);
            }
        }
    }

    fn wrapped(&self, random: &mut Random, depth: u64) {
        match if depth == 0 { 0 } else { random.below(12) } {
            0..=6 => self.world.act(random),
            7 | 8 => {
                let time = random.short();
                self.interrupts(timeout(time, || self.wrapped(random, depth - 1)).is_err());
            }
            9 => {
                let token = self.token.lock().unwrap().clone();
                self.interrupts(token.run(|| self.wrapped(random, depth - 1)).is_err());
            }
            10 => shield(|| self.wrapped(random, depth - 1)),
            _ => self.caught(random, depth - 1),
        }
    }

    fn interrupts(&self, interrupted: bool) {
        if interrupted {
            self.interrupted.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Code that catches what is not for it, and goes on to wait.
    fn caught(&self, random: &mut Random, depth: u64) {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.wrapped(random, depth)));
        if let Err(payload) = outcome {
            assert!(is_interruption(&*payload));
            // Still pending: the next wait unwinds again, or the scope that it was for is over.
            random.pause();
            std::panic::resume_unwind(payload);
        }
    }

    fn change_token(&self) {
        let old = {
            let mut token = self.token.lock().unwrap();
            let new = if token.is_cancelled() { CancelToken::new() } else { token.child() };
            std::mem::replace(&mut *token, new)
        };
        old.cancel();
    }

    /// Cancels somebody, perhaps itself, and starts another in its place.
    fn replace_somebody(self: &Arc<Self>, random: &mut Random) {
        let slot = random.below(self.slots.len() as u64) as usize;
        // Of those who have ended there may be no more.
        let old = no_yield(|| {
            let mut here = self.slots[slot].lock().unwrap();
            let old = here.take();
            old.iter().for_each(JoinHandle::cancel);
            *here = Some(greenwood_runtime::spawn(self.job(slot)));
            old
        });
        self.cancelled.fetch_add(1, Ordering::SeqCst);
        if let Some(old) = old
            && random.one_in(2)
            && greenwood_runtime::current().map(|me| me.id()) != Some(old.coroutine().id())
        {
            drop(old.join());
        }
    }
}

/// Ends the process with the seed when anything panics.
pub fn abort_on_panic(seed: u64) {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        report(info);
        eprintln!("GREENWOOD_STRESS_SEED={seed}");
        std::process::abort();
    }));
}

/// Ends the process with the seed when it is not called off in time.
pub struct Watch {
    alive: Sender<()>,
}

impl Watch {
    pub fn new(seed: u64) -> Watch {
        let (alive, ended) = channel();
        let minutes = crate::setting("GREENWOOD_STRESS_OPS").map_or(2, |_| 10);
        thread::spawn(move || {
            let hang = Duration::from_secs(60 * minutes);
            if ended.recv_timeout(hang) == Err(RecvTimeoutError::Timeout) {
                eprintln!("hangs, GREENWOOD_STRESS_SEED={seed}");
                std::process::abort();
            }
        });
        Watch { alive }
    }

    pub fn end(self) {
        drop(self.alive);
    }
}
