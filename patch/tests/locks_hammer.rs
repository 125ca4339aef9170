//! Locks under load: two workers' coroutines and OS threads, and waits that time out at random.

mod common;

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Duration;

use common::{until, watchdog};
use greenwood_patch::{Patches, install};
use greenwood_runtime::{Placement, Runtime, sleep, spawn, yield_now};

fn on_two_workers<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    install(Patches::all()).unwrap();
    Runtime::builder().workers(2).build().unwrap().run(f)
}

/// Starts `coroutines` and `threads` that do `work` with their numbers, and waits for all.
fn crowd(coroutines: u64, threads: u64, work: impl Fn(u64) + Clone + Send + 'static) {
    let threads: Vec<_> = (0..threads)
        .map(|i| {
            let work = work.clone();
            std::thread::spawn(move || work(1_000 + i))
        })
        .collect();
    let coroutines: Vec<_> = (0..coroutines)
        .map(|i| {
            let work = work.clone();
            spawn(move || work(i))
        })
        .collect();
    coroutines.into_iter().for_each(|c| c.join().unwrap());
    for thread in threads {
        until(|| thread.is_finished());
        thread.join().unwrap();
    }
}

/// Numbers that look random (xorshift).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

fn seed() -> u64 {
    let given = std::env::var("GREENWOOD_SEED").ok().and_then(|s| s.parse().ok());
    let seed = given.unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("GREENWOOD_SEED={seed}");
    seed
}

#[test]
fn one_at_a_time() {
    let _watchdog = watchdog();
    on_two_workers(|| {
        let mutex = Arc::new(Mutex::new(0));
        let inside = Arc::new(AtomicBool::new(false));
        crowd(60, 3, {
            let mutex = mutex.clone();
            move |i| {
                let mut random = Random::new(i);
                for _ in 0..200 {
                    let mut count = mutex.lock().unwrap();
                    assert!(!inside.swap(true, Ordering::Relaxed), "two are in");
                    if random.below(4) == 0 && i < 1_000 {
                        yield_now();
                    }
                    *count += 1;
                    inside.store(false, Ordering::Relaxed);
                }
            }
        });
        assert_eq!(*mutex.lock().unwrap(), 63 * 200);
    });
}

/// Half of the waits time out at random, so that wake-ups come just then; the other half ends by a wake-up or never.
#[test]
fn a_bounded_queue_loses_no_wake_up() {
    let _watchdog = watchdog();
    let seed = seed();
    on_two_workers(move || {
        const EACH: usize = 400;
        // Items, and those waiting for space and for items.
        let queue = Arc::new((Mutex::new(0_usize), Condvar::new(), Condvar::new()));
        let taken = Arc::new(AtomicUsize::new(0));
        crowd(40, 4, {
            let taken = taken.clone();
            move |i| {
                let mut random = Random::new(seed ^ i);
                let (items, space, item) = &*queue;
                let puts = i % 2 == 0;
                let (mine, theirs) = if puts { (space, item) } else { (item, space) };
                let must_wait = |n: usize| n == if puts { 3 } else { 0 };
                for _ in 0..EACH {
                    let mut count = items.lock().unwrap();
                    while must_wait(*count) {
                        count = match random.below(2) {
                            0 => mine.wait(count).unwrap(),
                            _ => {
                                let time = Duration::from_micros(random.below(60));
                                mine.wait_timeout(count, time).unwrap().0
                            }
                        };
                    }
                    if puts {
                        *count += 1;
                    } else {
                        *count -= 1;
                        taken.fetch_add(1, Ordering::Relaxed);
                    }
                    theirs.notify_one();
                }
            }
        });
        assert_eq!(taken.load(Ordering::Relaxed), 22 * EACH);
    });
}

/// pthread's, with time-outs: a mutex, a semaphore of three, and a read-write lock.
#[test]
fn pthreads() {
    struct Locks {
        mutex: libc::pthread_mutex_t,
        semaphore: libc::sem_t,
        rwlock: libc::pthread_rwlock_t,
        count: usize,
    }
    struct Shared(*mut Locks);
    // SAFETY: what it points to is made to be shared, but for the count, which the mutex guards.
    unsafe impl Send for Shared {}
    // SAFETY: as above.
    unsafe impl Sync for Shared {}

    let _watchdog = watchdog();
    let seed = seed();
    on_two_workers(move || {
        // SAFETY: zeroes are a mutex and a read-write lock to glibc; the semaphore is initialised.
        let locks = Box::leak(Box::new(unsafe { std::mem::zeroed::<Locks>() }));
        // SAFETY: as above.
        unsafe { libc::sem_init(&raw mut locks.semaphore, 0, 3) };
        let shared = Arc::new(Shared(locks));
        let inside = Arc::new([const { AtomicUsize::new(0) }; 3]);
        let result = shared.clone();
        crowd(30, 3, move |i| {
            let mut random = Random::new(seed ^ i);
            let Shared(locks) = &*shared;
            for _ in 0..200 {
                let soon = || {
                    let mut at = libc::timespec { tv_sec: 0, tv_nsec: 0 };
                    // SAFETY: writes one structure.
                    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut at) };
                    at
                };
                let waits = |random: &mut Random| {
                    if random.below(4) == 0 && i < 1_000 {
                        sleep(Duration::from_micros(random.below(20)));
                    }
                };
                // SAFETY: objects that stay, each released by who took it, here and below.
                unsafe {
                    let semaphore = &raw mut (**locks).semaphore;
                    while libc::sem_timedwait(semaphore, &soon()) != 0 {
                        if random.below(3) == 0 {
                            assert_eq!(libc::sem_wait(semaphore), 0);
                            break;
                        }
                    }
                    assert!(inside[1].fetch_add(1, Ordering::Relaxed) < 3, "four are in");
                    waits(&mut random);
                    inside[1].fetch_sub(1, Ordering::Relaxed);
                    assert_eq!(libc::sem_post(semaphore), 0);
                }
                // SAFETY: as above.
                unsafe {
                    let rwlock = &raw mut (**locks).rwlock;
                    let writes = random.below(3) == 0;
                    if writes {
                        assert_eq!(libc::pthread_rwlock_wrlock(rwlock), 0);
                        assert_eq!(inside[2].fetch_add(1 << 16, Ordering::Relaxed), 0);
                    } else {
                        assert_eq!(libc::pthread_rwlock_rdlock(rwlock), 0);
                        assert!(inside[2].fetch_add(1, Ordering::Relaxed) < 1 << 16);
                    }
                    waits(&mut random);
                    let one = if writes { 1 << 16 } else { 1 };
                    inside[2].fetch_sub(one, Ordering::Relaxed);
                    assert_eq!(libc::pthread_rwlock_unlock(rwlock), 0);
                }
                // SAFETY: as above.
                unsafe {
                    let mutex = &raw mut (**locks).mutex;
                    while libc::pthread_mutex_timedlock(mutex, &soon()) != 0 {
                        if random.below(3) == 0 {
                            assert_eq!(libc::pthread_mutex_lock(mutex), 0);
                            break;
                        }
                    }
                    assert_eq!(inside[0].fetch_add(1, Ordering::Relaxed), 0, "two are in");
                    waits(&mut random);
                    (**locks).count += 1;
                    inside[0].fetch_sub(1, Ordering::Relaxed);
                    assert_eq!(libc::pthread_mutex_unlock(mutex), 0);
                }
            }
        });
        // SAFETY: all have ended.
        assert_eq!(unsafe { (*result.0).count }, 33 * 200);
    });
}

/// A word goes to and fro between two who look at it for a random while, then wait for it, half of them without a time-out: what changes it just
/// then must wake.
#[test]
fn a_word_to_and_fro() {
    const ROUNDS: u32 = 20_000;

    fn futex(word: &AtomicU32, operation: libc::c_int, value: u32, time: Option<Duration>) {
        let time = time.map(|t| libc::timespec { tv_sec: 0, tv_nsec: t.subsec_nanos().into() });
        let time = time.as_ref().map_or(std::ptr::null(), |t| &raw const *t);
        let operation = operation | libc::FUTEX_PRIVATE_FLAG;
        // SAFETY: a word that lives over the call, and a time that does.
        unsafe { libc::syscall(libc::SYS_futex, word, operation, value, time, 0, 0) };
    }

    /// Changes odd numbers to the next, or even ones.
    fn play(word: &AtomicU32, odd: u32, mut random: Random) {
        loop {
            let n = word.load(Ordering::SeqCst);
            if n >= ROUNDS {
                return;
            }
            if n % 2 == odd {
                word.store(n + 1, Ordering::SeqCst);
                futex(word, libc::FUTEX_WAKE, 1, None);
                continue;
            }
            if (0..random.below(600)).any(|_| {
                std::hint::spin_loop();
                word.load(Ordering::Relaxed) != n
            }) {
                continue;
            }
            let time = (random.below(16) == 0).then(|| Duration::from_micros(random.below(20)));
            futex(word, libc::FUTEX_WAIT, n, time);
        }
    }

    let _watchdog = watchdog();
    let seed = seed();
    on_two_workers(move || {
        for on_thread in [true, false] {
            let word = Arc::new(AtomicU32::new(0));
            let first = {
                let word = word.clone();
                move || play(&word, 0, Random::new(seed))
            };
            let second = {
                let word = word.clone();
                move || play(&word, 1, Random::new(seed + 1))
            };
            let builder =
                |worker| greenwood_runtime::Builder::new().placement(Placement::Worker(worker));
            let first = builder(0).spawn(first).unwrap();
            match on_thread {
                true => {
                    let thread = std::thread::spawn(second);
                    until(|| thread.is_finished());
                }
                false => builder(1).spawn(second).unwrap().join().unwrap(),
            }
            first.join().unwrap();
            assert_eq!(word.load(Ordering::Relaxed), ROUNDS);
        }
    });
}

/// Pairs answer each other, each by one message that must wake, and sometimes give up waiting just when it comes.
#[test]
fn answers_come_in_spite_of_time_outs() {
    let _watchdog = watchdog();
    let seed = seed();
    on_two_workers(move || {
        const ROUNDS: u32 = 500;
        let pairs: Vec<_> = (0..12)
            .map(|i| {
                let (ask, asked) = mpsc::channel::<u32>();
                let (answer, answered) = mpsc::sync_channel::<u32>(i % 2);
                let serve = move || asked.iter().for_each(|n| answer.send(n + 1).unwrap());
                // Every other server is a thread.
                match i % 3 {
                    0 => drop(std::thread::spawn(serve)),
                    _ => drop(spawn(serve)),
                }
                spawn(move || {
                    let mut random = Random::new(seed ^ i as u64);
                    for n in 0..ROUNDS {
                        ask.send(n).unwrap();
                        let answer = loop {
                            let time = Duration::from_micros(random.below(80));
                            match answered.recv_timeout(time) {
                                Ok(answer) => break answer,
                                Err(mpsc::RecvTimeoutError::Timeout) => {}
                                Err(error) => panic!("{error}"),
                            }
                            if random.below(20) == 0 {
                                // No time-out: only a wake-up ends this one.
                                break answered.recv().unwrap();
                            }
                        };
                        assert_eq!(answer, n + 1);
                    }
                })
            })
            .collect();
        pairs.into_iter().for_each(|p| p.join().unwrap());
    });
}
