//! Time-outs, tokens, shields and cancellations at random, checked against what each of them may do.
//!
//! `GREENWOOD_STRESS_SEED` repeats a run's choices, if not its timing.

mod common;

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{own, shared, watchdog};
use greenwood_runtime::park::{self, Reason, Wake};
use greenwood_runtime::readiness::wait_readable;
use greenwood_runtime::{
    CancelToken, Cancelled, Elapsed, JoinHandle, Runtime, is_interruption, may_switch, offload,
    scope, shield, sleep, spawn, timeout, yield_now,
};

const COROUTINES: u64 = 150;
const THREADS: u64 = 4;
const ROUNDS: u64 = 20;

#[derive(Clone)]
struct Random(Cell<u64>);

impl Random {
    fn new(seed: u64) -> Random {
        let random = Random(Cell::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1));
        (0..4).for_each(|_| {
            random.below(2);
        });
        random
    }

    fn below(&self, end: u64) -> u64 {
        let mut x = self.0.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.set(x);
        (x >> 11) % end
    }

    fn micros(&self, end: u64) -> Duration {
        Duration::from_micros(self.below(end))
    }
}

/// What is around the code, from the outermost in.
enum Around {
    Until(Option<Instant>),
    Token(CancelToken),
    Shield,
}

/// One coroutine or thread, and what its model knows.
struct Actor {
    random: Random,
    around: RefCell<Vec<Around>>,
    tokens: Arc<[CancelToken]>,
    /// Set when its handle has been cancelled.
    cancelled: Arc<AtomicBool>,
    /// The wait that it is in, or that unwinds.
    wait: Cell<Option<Wait>>,
    steps: Cell<u32>,
    stats: Arc<Stats>,
}

#[derive(Clone, Copy)]
struct Wait {
    /// What is further out is kept off by a shield.
    shielded: usize,
    /// Was cancelled when it began: it, or something further out, has to be what ends.
    due: Option<usize>,
}

#[derive(Default, Debug)]
struct Stats {
    returned: AtomicUsize,
    elapsed: AtomicUsize,
    cancelled: AtomicUsize,
    reported: AtomicUsize,
    swallowed: AtomicUsize,
    ended: AtomicUsize,
}

fn count(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Takes what it has added to the model off again, however its code ends.
struct Within<'a>(&'a Actor, usize);

impl Drop for Within<'_> {
    fn drop(&mut self) {
        self.0.around.borrow_mut().truncate(self.1);
    }
}

/// Waits in its destructor, which nothing may end while that runs for an unwinding.
struct Lingers<'a>(&'a Actor);

impl Drop for Lingers<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let end = Instant::now() + Duration::from_micros(50);
            sleep(Duration::from_micros(50));
            assert!(Instant::now() >= end);
            if self.0.random.below(4) == 0 {
                assert_eq!(timeout(Duration::ZERO, || sleep(Duration::MAX)), Err(Elapsed));
            }
        }
    }
}

impl Actor {
    fn enter(&self, around: Around) -> (Within<'_>, usize) {
        let mut list = self.around.borrow_mut();
        let depth = list.len();
        list.push(around);
        (Within(self, depth), depth)
    }

    /// A call that waits.
    fn waits<T>(&self, call: impl FnOnce() -> T) -> T {
        let around = self.around.borrow();
        let shielded =
            around.iter().rposition(|a| matches!(a, Around::Shield)).map_or(0, |at| at + 1);
        let due = around[shielded..]
            .iter()
            .position(|a| matches!(a, Around::Token(token) if token.is_cancelled()))
            .map(|at| at + shielded);
        drop(around);
        self.wait.set(Some(Wait { shielded, due }));
        let value = call();
        self.wait.set(None);
        value
    }

    /// Something has ended early at `depth`.
    fn has_ended(&self, depth: usize) {
        let wait = self.wait.take().expect("only waits unwind");
        assert!(depth >= wait.shielded, "through a shield");
        assert!(wait.due.is_none_or(|due| depth <= due), "an inner one got an outer one's end");
    }

    /// A call has failed because of something around it.
    fn reported(&self, elapsed: bool) {
        count(&self.stats.reported);
        let around = self.around.borrow();
        let from = around.iter().rposition(|a| matches!(a, Around::Shield)).map_or(0, |at| at + 1);
        let now = Instant::now();
        let caused = around[from..].iter().any(|a| match a {
            Around::Until(until) => elapsed && until.is_some_and(|until| until <= now),
            Around::Token(token) => !elapsed && token.is_cancelled(),
            Around::Shield => false,
        });
        let by_handle = !elapsed && from == 0 && self.cancelled.load(Ordering::SeqCst);
        assert!(caused || by_handle, "for nothing: elapsed {elapsed}");
    }

    /// Whether a wait without end ends soon.
    fn is_bounded(&self) -> bool {
        let around = self.around.borrow();
        let mut inner = around.iter().rev().take_while(|a| !matches!(a, Around::Shield));
        let soon = Instant::now() + Duration::from_secs(1);
        inner.any(|a| matches!(a, Around::Until(Some(until)) if *until < soon))
    }

    fn block(&self, depth: u32) {
        for _ in 0..=self.random.below(3) {
            if self.steps.replace(self.steps.get() + 1) > 60 {
                return;
            }
            let _lingers = (self.random.below(6) == 0).then(|| Lingers(self));
            match self.random.below(if depth > 6 { 8 } else { 16 }) {
                0 => self.waits(|| sleep(self.random.micros(200))),
                1 => yield_now(),
                2 => self.waits(|| offload(|| ())),
                3 => self.ping_pong(),
                4 => self.join(),
                5 => self.read(),
                6 if self.is_bounded() => self.waits(|| sleep(Duration::MAX)),
                7 if may_switch() => scope(|s| {
                    s.spawn(|| sleep(Duration::from_micros(20)));
                }),
                6 | 7 => {}
                8..=10 => self.time_out(depth),
                11 | 12 => self.token(depth),
                13 => {
                    let (_within, _) = self.enter(Around::Shield);
                    shield(|| self.block(depth + 1));
                }
                14 => self.swallow(depth),
                _ => self.block(depth + 1),
            }
        }
    }

    fn time_out(&self, depth: u32) {
        let duration = match self.random.below(5) {
            0 => Duration::MAX,
            1 => Duration::from_secs(3600),
            2 => Duration::ZERO,
            _ => self.random.micros(800),
        };
        // Not later than the time-out's own.
        let until = Instant::now().checked_add(duration);
        let (within, at) = self.enter(Around::Until(until));
        let returned = Cell::new(false);
        let result = timeout(duration, || {
            self.block(depth + 1);
            returned.set(true);
        });
        drop(within);
        assert_eq!(result.is_ok(), returned.get());
        if result.is_err() {
            assert!(until.is_some_and(|until| until <= Instant::now()), "too early");
            self.has_ended(at);
            count(&self.stats.elapsed);
        } else {
            count(&self.stats.returned);
        }
    }

    fn token(&self, depth: u32) {
        let token = &self.tokens[self.random.below(self.tokens.len() as u64) as usize];
        let token = if self.random.below(2) == 0 { token.clone() } else { token.child() };
        if self.random.below(8) == 0 {
            token.cancel();
        }
        let (within, at) = self.enter(Around::Token(token.clone()));
        let returned = Cell::new(false);
        let result = token.run(|| {
            self.block(depth + 1);
            returned.set(true);
        });
        drop(within);
        assert_eq!(result.is_ok(), returned.get());
        if result.is_err() {
            assert!(token.is_cancelled());
            self.has_ended(at);
            count(&self.stats.cancelled);
        }
    }

    fn swallow(&self, depth: u32) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.block(depth + 1))) {
            if !is_interruption(&*payload) {
                std::panic::resume_unwind(payload);
            }
            assert!(self.wait.take().is_some(), "only waits unwind");
            count(&self.stats.swallowed);
        }
    }

    fn ping_pong(&self) {
        let (flag, me) = (Arc::new(AtomicBool::new(false)), park::unparker());
        let set = flag.clone();
        spawn(move || {
            yield_now();
            set.store(true, Ordering::Release);
            me.unpark();
        });
        while !flag.load(Ordering::Acquire) {
            match self.waits(|| park::park(&Reason("a test"), None)) {
                Wake::Unparked => {}
                Wake::TimedOut => panic!("without a deadline"),
                Wake::Interrupted(why) => return self.reported(why.is_elapsed()),
            }
        }
    }

    fn join(&self) {
        let value = self.random.below(100);
        let child = spawn(move || {
            sleep(Duration::from_micros(value));
            value
        });
        let dies = self.random.below(3) == 0;
        if dies {
            child.cancel();
        }
        match self.waits(|| child.join()) {
            Ok(got) => assert_eq!(got, value),
            Err(payload) => assert!(dies && payload.is::<Cancelled>()),
        }
    }

    fn read(&self) {
        let (from, _to) = io::pipe().unwrap();
        let own =
            (!self.is_bounded() || self.random.below(2) == 0).then(|| self.random.micros(200));
        let error = self.waits(|| wait_readable(from.as_fd(), own)).unwrap_err();
        match error.raw_os_error() {
            Some(libc::ETIMEDOUT) => self.reported(true),
            Some(libc::ECANCELED) => self.reported(false),
            _ => assert!(error.kind() == io::ErrorKind::WouldBlock && own.is_some(), "{error}"),
        }
    }
}

fn start(
    seed: u64,
    tokens: &Arc<[CancelToken]>,
    stats: &Arc<Stats>,
) -> (impl FnOnce() + Send + use<>, Arc<AtomicBool>) {
    let cancelled = Arc::new(AtomicBool::new(false));
    let (tokens, stats, flag) = (tokens.clone(), stats.clone(), cancelled.clone());
    let run = move || {
        let ended = stats.clone();
        let actor = Actor {
            random: Random::new(seed),
            around: RefCell::default(),
            tokens,
            cancelled: flag,
            wait: Cell::new(None),
            steps: Cell::new(0),
            stats,
        };
        for _ in 0..4 {
            actor.steps.set(0);
            actor.block(0);
            assert!(actor.around.borrow().is_empty());
        }
        count(&ended.ended);
    };
    (run, cancelled)
}

fn round(runtime: &Runtime, seed: u64, stats: &Arc<Stats>) {
    let tokens: Arc<[CancelToken]> = (0..8).map(|_| CancelToken::new()).collect();
    let mut green: Vec<(JoinHandle<()>, Arc<AtomicBool>)> = Vec::new();
    for n in 0..COROUTINES {
        let (run, cancelled) = start(seed ^ (n << 20), &tokens, stats);
        green.push((runtime.spawn(run), cancelled));
    }
    let threads: Vec<_> = (0..THREADS)
        .map(|n| std::thread::spawn(start(seed ^ (n << 40), &tokens, stats).0))
        .collect();
    let random = Random::new(seed);
    for _ in 0..COROUTINES / 4 {
        std::thread::sleep(random.micros(100));
        let (handle, cancelled) = &green[random.below(COROUTINES) as usize];
        // Before, not after: what it causes may be seen at once.
        cancelled.store(true, Ordering::SeqCst);
        handle.cancel();
        if random.below(8) == 0 {
            tokens[random.below(8) as usize].cancel();
        }
    }
    for (handle, cancelled) in green {
        if let Err(payload) = handle.join() {
            if !payload.is::<Cancelled>() {
                std::panic::resume_unwind(payload);
            }
            assert!(cancelled.load(Ordering::SeqCst), "nobody has cancelled it");
        }
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn every_scope_ends_as_it_should() {
    let seed = std::env::var("GREENWOOD_STRESS_SEED").ok().and_then(|s| s.parse().ok());
    let seed = seed.unwrap_or_else(|| {
        let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        time.unwrap().as_nanos() as u64 & 0xFFFF_FFFF
    });
    struct Tells(u64);
    impl Drop for Tells {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("GREENWOOD_STRESS_SEED={}", self.0);
            }
        }
    }
    let _tells = Tells(seed);
    // Past the test harness, which does not show what a process that is aborted has written.
    let _ = writeln!(io::stderr(), "GREENWOOD_STRESS_SEED={seed}");
    let _watched = watchdog();
    let stats = Arc::new(Stats::default());
    for (n, runtime) in [own(2), own(2), shared().build().unwrap()].iter().enumerate() {
        for r in 0..ROUNDS {
            round(runtime, seed.wrapping_add(r * 3 + n as u64), &stats);
        }
    }
    println!("{stats:?}");
    let counters = [
        &stats.returned,
        &stats.elapsed,
        &stats.cancelled,
        &stats.reported,
        &stats.swallowed,
        &stats.ended,
    ];
    assert!(counters.iter().all(|c| c.load(Ordering::Relaxed) > 0), "{stats:?}");
}
