//! pthread's and C11's locks, called directly and by a C library that was loaded at run time, on one worker.

mod common;

use std::cell::UnsafeCell;
use std::ffi::CString;
use std::mem::{MaybeUninit, transmute_copy};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use common::{Others, Pause, patched, until};
use greenwood_runtime::{spawn, yield_now};
use libc::{c_int, c_long, timespec};

/// Time-outs that pass while the others run.
const A_WHILE: Duration = Duration::from_millis(30);

// glibc's, since 2.30 and 2.34.
unsafe extern "C" {
    fn pthread_mutex_clocklock(
        m: *mut libc::pthread_mutex_t,
        c: c_int,
        t: *const timespec,
    ) -> c_int;
    fn pthread_cond_clockwait(
        c: *mut libc::pthread_cond_t,
        m: *mut libc::pthread_mutex_t,
        clock: c_int,
        t: *const timespec,
    ) -> c_int;
    fn sem_clockwait(s: *mut libc::sem_t, c: c_int, t: *const timespec) -> c_int;
    fn pthread_rwlock_timedrdlock(l: *mut libc::pthread_rwlock_t, t: *const timespec) -> c_int;
    fn pthread_rwlock_clockwrlock(
        l: *mut libc::pthread_rwlock_t,
        c: c_int,
        t: *const timespec,
    ) -> c_int;
}

/// One of libc's objects, at an address that stays.
struct Object<T>(Box<UnsafeCell<T>>);

// SAFETY: they are made to be shared.
unsafe impl<T> Send for Object<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Object<T> {}

impl<T> Object<T> {
    fn new(init: impl FnOnce(*mut T) -> c_int) -> Arc<Object<T>> {
        // SAFETY: memory that `init` makes an object of.
        let object = Box::new(UnsafeCell::new(unsafe { MaybeUninit::zeroed().assume_init() }));
        assert_eq!(init(object.get()), 0);
        Arc::new(Object(object))
    }

    fn get(&self) -> *mut T {
        self.0.get()
    }
}

fn mutex(kind: c_int) -> Arc<Object<libc::pthread_mutex_t>> {
    Object::new(|mutex| {
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: attributes are initialised first.
        unsafe {
            libc::pthread_mutexattr_init(attributes.as_mut_ptr());
            libc::pthread_mutexattr_settype(attributes.as_mut_ptr(), kind);
            libc::pthread_mutex_init(mutex, attributes.as_ptr())
        }
    })
}

fn condvar(clock: c_int) -> Arc<Object<libc::pthread_cond_t>> {
    Object::new(|condvar| {
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: as above.
        unsafe {
            libc::pthread_condattr_init(attributes.as_mut_ptr());
            libc::pthread_condattr_setclock(attributes.as_mut_ptr(), clock);
            libc::pthread_cond_init(condvar, attributes.as_ptr())
        }
    })
}

fn from_now(clock: c_int, time: Duration) -> timespec {
    let mut at = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one structure.
    unsafe { libc::clock_gettime(clock, &raw mut at) };
    let sum = at.tv_nsec + i64::from(time.subsec_nanos());
    timespec {
        tv_sec: at.tv_sec + time.as_secs() as i64 + sum / 1_000_000_000,
        tv_nsec: sum % 1_000_000_000,
    }
}

/// Runs `f` on a coroutine, or on a thread.
fn start(on_thread: bool, f: impl FnOnce() + Send + 'static) {
    if on_thread {
        std::thread::spawn(f);
    } else {
        spawn(f);
    }
}

#[test]
fn mutexes() {
    patched(|| {
        let others = Others::new();
        let pause = others.pause();
        for kind in [
            libc::PTHREAD_MUTEX_NORMAL,
            libc::PTHREAD_MUTEX_RECURSIVE,
            libc::PTHREAD_MUTEX_ERRORCHECK,
        ] {
            for on_thread in [false, true] {
                let mutex = mutex(kind);
                let locked = Arc::new(AtomicUsize::new(0));
                start(on_thread, {
                    let (mutex, locked) = (mutex.clone(), locked.clone());
                    move || {
                        // SAFETY: a mutex, here and below.
                        assert_eq!(unsafe { libc::pthread_mutex_lock(mutex.get()) }, 0);
                        locked.store(1, Ordering::Release);
                        while locked.load(Ordering::Acquire) == 1 {
                            greenwood_runtime::sleep(Duration::from_micros(100));
                        }
                        pause.wait();
                        // SAFETY: as the caller promised libc.
                        assert_eq!(unsafe { libc::pthread_mutex_unlock(mutex.get()) }, 0);
                    }
                });
                until(|| locked.load(Ordering::Acquire) == 1);
                let now = from_now(libc::CLOCK_REALTIME, Duration::from_micros(300));
                // SAFETY: as the caller promised libc.
                let timed = unsafe { libc::pthread_mutex_timedlock(mutex.get(), &raw const now) };
                assert_eq!(timed, libc::ETIMEDOUT);
                let wrong = timespec { tv_sec: now.tv_sec, tv_nsec: -1 };
                let clock = libc::CLOCK_MONOTONIC;
                let invalid =
                    // SAFETY: as the caller promised libc.
                    unsafe { pthread_mutex_clocklock(mutex.get(), clock, &raw const wrong) };
                assert_eq!(invalid, libc::EINVAL);
                locked.store(2, Ordering::Release);
                // SAFETY: as the caller promised libc.
                others.run_during(|| unsafe { libc::pthread_mutex_lock(mutex.get()) });
                // SAFETY: as the caller promised libc.
                let again = unsafe {
                    match kind {
                        libc::PTHREAD_MUTEX_NORMAL => {
                            let soon = from_now(clock, A_WHILE);
                            others.run_during(|| {
                                pthread_mutex_clocklock(mutex.get(), clock, &raw const soon)
                            })
                        }
                        _ => libc::pthread_mutex_lock(mutex.get()),
                    }
                };
                let (result, unlocks) = match kind {
                    libc::PTHREAD_MUTEX_NORMAL => (libc::ETIMEDOUT, 1),
                    libc::PTHREAD_MUTEX_RECURSIVE => (0, 2),
                    _ => (libc::EDEADLK, 1),
                };
                assert_eq!(again, result);
                // Another coroutine is another thread.
                let busy = mutex.clone();
                // SAFETY: as the caller promised libc.
                let other = spawn(move || unsafe {
                    let wrong = libc::pthread_mutex_unlock(busy.get());
                    (libc::pthread_mutex_trylock(busy.get()), wrong)
                });
                if kind != libc::PTHREAD_MUTEX_NORMAL {
                    assert_eq!(other.join().unwrap(), (libc::EBUSY, libc::EPERM));
                }
                if kind != libc::PTHREAD_MUTEX_NORMAL {
                    for _ in 0..unlocks {
                        // SAFETY: as the caller promised libc.
                        assert_eq!(unsafe { libc::pthread_mutex_unlock(mutex.get()) }, 0);
                    }
                    // SAFETY: as the caller promised libc.
                    assert_eq!(unsafe { libc::pthread_mutex_trylock(mutex.get()) }, 0);
                }
            }
        }
    });
}

/// What other processes may release, coroutines look at again and again; the worker is not blocked.
#[test]
fn a_mutex_of_several_processes() {
    patched(|| {
        let others = Others::new();
        let pause = others.pause();
        let mutex: Arc<Object<libc::pthread_mutex_t>> = Object::new(|mutex| {
            let mut attributes = MaybeUninit::uninit();
            // SAFETY: attributes are initialised first; then a mutex, here and below.
            unsafe {
                libc::pthread_mutexattr_init(attributes.as_mut_ptr());
                libc::pthread_mutexattr_setpshared(attributes.as_mut_ptr(), 1);
                libc::pthread_mutex_init(mutex, attributes.as_ptr())
            }
        });
        let locked = Arc::new(AtomicUsize::new(0));
        let thread = std::thread::spawn({
            let (mutex, locked) = (mutex.clone(), locked.clone());
            // SAFETY: as above.
            move || unsafe {
                libc::pthread_mutex_lock(mutex.get());
                locked.store(1, Ordering::Release);
                pause.wait();
                libc::pthread_mutex_unlock(mutex.get());
            }
        });
        until(|| locked.load(Ordering::Acquire) == 1);
        // SAFETY: as above.
        others.run_during(|| assert_eq!(unsafe { libc::pthread_mutex_lock(mutex.get()) }, 0));
        until(|| thread.is_finished());
    });
}

#[test]
fn conditions() {
    patched(|| {
        let others = Others::new();
        let pause = others.pause();
        for clock in [libc::CLOCK_REALTIME, libc::CLOCK_MONOTONIC] {
            let (lock, changed) = (mutex(libc::PTHREAD_MUTEX_RECURSIVE), condvar(clock));
            let state = Object::<usize>::new(|_| 0);
            for (on_thread, all) in [(false, false), (false, true), (true, false), (true, true)] {
                // Who tells waits for the mutex, until the wait unlocks it.
                // SAFETY: as the caller promised libc.
                unsafe { libc::pthread_mutex_lock(lock.get()) };
                start(on_thread, {
                    let (lock, changed, state) = (lock.clone(), changed.clone(), state.clone());
                    // SAFETY: a mutex, a condition variable, and a number under the mutex, here and below.
                    move || unsafe {
                        assert_eq!(libc::pthread_mutex_lock(lock.get()), 0);
                        pause.wait();
                        *state.get() += 1;
                        match all {
                            true => libc::pthread_cond_broadcast(changed.get()),
                            false => libc::pthread_cond_signal(changed.get()),
                        };
                        assert_eq!(libc::pthread_mutex_unlock(lock.get()), 0);
                    }
                });
                // SAFETY: as the caller promised libc.
                others.run_during(|| unsafe {
                    while *state.get() == 0 {
                        assert_eq!(libc::pthread_cond_wait(changed.get(), lock.get()), 0);
                    }
                    *state.get() = 0;
                    assert_eq!(libc::pthread_mutex_unlock(lock.get()), 0);
                });
            }
            // Nobody tells, and others can lock meanwhile.
            // SAFETY: as the caller promised libc.
            unsafe { libc::pthread_mutex_lock(lock.get()) };
            let locks = lock.clone();
            // SAFETY: as the caller promised libc.
            let other = spawn(move || unsafe {
                libc::pthread_mutex_lock(locks.get());
                yield_now();
                libc::pthread_mutex_unlock(locks.get())
            });
            // SAFETY: as the caller promised libc.
            others.run_during(|| unsafe {
                let until = from_now(clock, A_WHILE);
                let (condvar, mutex) = (changed.get(), lock.get());
                let timed = || libc::pthread_cond_timedwait(condvar, mutex, &raw const until);
                while timed() == 0 {}
                assert_eq!(timed(), libc::ETIMEDOUT);
                let other_clock = libc::CLOCK_REALTIME + libc::CLOCK_MONOTONIC - clock;
                let until = from_now(other_clock, A_WHILE);
                let by = || pthread_cond_clockwait(condvar, mutex, other_clock, &raw const until);
                while by() == 0 {}
                let invalid = timespec { tv_sec: 0, tv_nsec: 1_000_000_000 };
                let timed = libc::pthread_cond_timedwait(condvar, mutex, &raw const invalid);
                assert_eq!(timed, libc::EINVAL);
                assert_eq!(libc::pthread_mutex_unlock(mutex), 0);
            });
            assert_eq!(other.join().unwrap(), 0);
        }
        // A wait with a mutex that is not locked.
        let (lock, changed) =
            (mutex(libc::PTHREAD_MUTEX_ERRORCHECK), condvar(libc::CLOCK_REALTIME));
        // SAFETY: as the caller promised libc.
        assert_eq!(unsafe { libc::pthread_cond_wait(changed.get(), lock.get()) }, libc::EPERM);
        // SAFETY: as the caller promised libc.
        assert_eq!(unsafe { libc::pthread_cond_destroy(changed.get()) }, 0);
    });
}

#[test]
fn a_thread_waits_and_a_coroutine_wants_its_mutex() {
    patched(|| {
        let others = Others::new();
        let pause = others.pause();
        let (lock, changed) = (mutex(libc::PTHREAD_MUTEX_NORMAL), condvar(libc::CLOCK_REALTIME));
        let state = Object::<usize>::new(|_| 0);
        let thread = std::thread::spawn({
            let (lock, changed, state) = (lock.clone(), changed.clone(), state.clone());
            // SAFETY: a mutex, a condition variable, and a number under the mutex, here and below.
            move || unsafe {
                libc::pthread_mutex_lock(lock.get());
                *state.get() = 1;
                pause.wait();
                // The coroutine waits for what this unlocks.
                while *state.get() == 1 {
                    libc::pthread_cond_wait(changed.get(), lock.get());
                }
                let until = from_now(libc::CLOCK_REALTIME, Duration::from_millis(1));
                while libc::pthread_cond_timedwait(changed.get(), lock.get(), &raw const until) == 0
                {
                }
                libc::pthread_mutex_unlock(lock.get())
            }
        });
        // SAFETY: as above; only looked at until it changes.
        until(|| unsafe { state.get().read_volatile() } == 1);
        // SAFETY: as the caller promised libc.
        others.run_during(|| unsafe { libc::pthread_mutex_lock(lock.get()) });
        // SAFETY: as the caller promised libc.
        unsafe {
            *state.get() = 2;
            libc::pthread_cond_signal(changed.get());
            libc::pthread_mutex_unlock(lock.get());
        }
        until(|| thread.is_finished());
        assert_eq!(thread.join().unwrap(), 0);
    });
}

#[test]
fn rwlocks() {
    patched(|| {
        let others = Others::new();
        let pause = others.pause();
        // SAFETY: memory for a lock, and from then on a lock, here and below.
        let lock = Object::new(|l| unsafe { libc::pthread_rwlock_init(l, std::ptr::null()) });
        for on_thread in [false, true] {
            let locked = Arc::new(AtomicUsize::new(0));
            start(on_thread, {
                let (lock, locked) = (lock.clone(), locked.clone());
                // SAFETY: as the caller promised libc.
                move || unsafe {
                    assert_eq!(libc::pthread_rwlock_wrlock(lock.get()), 0);
                    locked.store(1, Ordering::Release);
                    pause.wait();
                    assert_eq!(libc::pthread_rwlock_unlock(lock.get()), 0);
                }
            });
            until(|| locked.load(Ordering::Acquire) == 1);
            let readers: Vec<_> = (0..3)
                .map(|_| {
                    let (lock, locked) = (lock.clone(), locked.clone());
                    // SAFETY: as the caller promised libc.
                    spawn(move || unsafe {
                        assert_eq!(libc::pthread_rwlock_rdlock(lock.get()), 0);
                        locked.fetch_add(1, Ordering::Relaxed);
                        pause.wait();
                        libc::pthread_rwlock_unlock(lock.get())
                    })
                })
                .collect();
            // SAFETY: as the caller promised libc.
            others.run_during(|| unsafe { libc::pthread_rwlock_rdlock(lock.get()) });
            // All readers are in at once.
            until(|| locked.load(Ordering::Relaxed) == 4);
            // SAFETY: as the caller promised libc.
            unsafe { libc::pthread_rwlock_unlock(lock.get()) };
            // SAFETY: as the caller promised libc.
            others.run_during(|| unsafe { libc::pthread_rwlock_wrlock(lock.get()) });
            // SAFETY: as the caller promised libc.
            let again = unsafe { libc::pthread_rwlock_wrlock(lock.get()) };
            assert_eq!(again, libc::EDEADLK);
            let timed = lock.clone();
            // SAFETY: as the caller promised libc.
            let timed = spawn(move || unsafe {
                let soon = from_now(libc::CLOCK_REALTIME, A_WHILE);
                let read = pthread_rwlock_timedrdlock(timed.get(), &raw const soon);
                let clock = libc::CLOCK_MONOTONIC;
                let soon = from_now(clock, A_WHILE);
                let write = pthread_rwlock_clockwrlock(timed.get(), clock, &raw const soon);
                (read, write)
            });
            let timed = others.run_during(|| timed.join().unwrap());
            assert_eq!(timed, (libc::ETIMEDOUT, libc::ETIMEDOUT));
            // SAFETY: as the caller promised libc.
            unsafe { libc::pthread_rwlock_unlock(lock.get()) };
            readers.into_iter().for_each(|r| assert_eq!(r.join().unwrap(), 0));
        }
    });
}

fn semaphore(shared: c_int) -> Arc<Object<libc::sem_t>> {
    // SAFETY: memory for one.
    Object::new(|s| unsafe { libc::sem_init(s, shared, 0) })
}

#[test]
fn semaphores() {
    patched(|| {
        let others = Others::new();
        let pause = others.pause();
        for shared in [0, 1] {
            let semaphore = semaphore(shared);
            for on_thread in [false, true] {
                start(on_thread, {
                    let semaphore = semaphore.clone();
                    move || {
                        pause.wait();
                        // SAFETY: a semaphore, here and below.
                        unsafe { libc::sem_post(semaphore.get()) };
                    }
                });
                // SAFETY: as the caller promised libc.
                others.run_during(|| assert_eq!(unsafe { libc::sem_wait(semaphore.get()) }, 0));
            }
            // SAFETY: as the caller promised libc.
            others.run_during(|| unsafe {
                let soon = from_now(libc::CLOCK_REALTIME, A_WHILE);
                assert_eq!(libc::sem_timedwait(semaphore.get(), &raw const soon), -1);
                assert_eq!(*libc::__errno_location(), libc::ETIMEDOUT);
                let soon = from_now(libc::CLOCK_MONOTONIC, A_WHILE);
                let clock = libc::CLOCK_MONOTONIC;
                assert_eq!(sem_clockwait(semaphore.get(), clock, &raw const soon), -1);
                assert_eq!(*libc::__errno_location(), libc::ETIMEDOUT);
            });
        }
        // Many waiters, as many posts.
        let semaphore = semaphore(0);
        let waiters: Vec<_> = (0..50)
            .map(|_| {
                let semaphore = semaphore.clone();
                // SAFETY: as the caller promised libc.
                spawn(move || unsafe { libc::sem_wait(semaphore.get()) })
            })
            .collect();
        until(|| waiters.iter().all(|w| w.coroutine().waits_for() == Some("sem_wait")));
        for _ in 0..50 {
            // SAFETY: as the caller promised libc.
            unsafe { libc::sem_post(semaphore.get()) };
        }
        waiters.into_iter().for_each(|w| assert_eq!(w.join().unwrap(), 0));
    });
}

static POSTED: OnceLock<Arc<Object<libc::sem_t>>> = OnceLock::new();

#[test]
fn a_signal_handler_posts() {
    extern "C" fn post(_: c_int) {
        if let Some(semaphore) = POSTED.get() {
            // SAFETY: a semaphore; async-signal-safe.
            unsafe { libc::sem_post(semaphore.get()) };
        }
    }
    patched(|| {
        let semaphore = POSTED.get_or_init(|| semaphore(0)).clone();
        // SAFETY: a handler that only posts.
        unsafe { libc::signal(libc::SIGUSR2, post as *const () as libc::sighandler_t) };
        let others = Others::new();
        let waiter = spawn(move || {
            for _ in 0..200 {
                // SAFETY: a semaphore.
                assert_eq!(unsafe { libc::sem_wait(semaphore.get()) }, 0);
            }
        });
        // On this very thread, in the midst of whatever it does.
        // SAFETY: of this process.
        let (process, worker) = unsafe { (libc::getpid(), libc::syscall(libc::SYS_gettid)) };
        let sender = std::thread::spawn(move || {
            for _ in 0..200 {
                // Signals do not queue: each takes its turn.
                std::thread::sleep(Duration::from_micros(200));
                // SAFETY: a number, and a thread that runs until this one is joined.
                unsafe { libc::syscall(libc::SYS_tgkill, process, worker, libc::SIGUSR2) };
            }
        });
        others.run_during(|| until(|| sender.is_finished()));
        // Some may have been merged.
        until(|| waiter.is_finished() || waiter.coroutine().waits_for() == Some("sem_wait"));
        while !waiter.is_finished() {
            post(0);
            yield_now();
        }
        waiter.join().unwrap();
    });
}

#[test]
fn barriers() {
    patched(|| {
        let others = Others::new();
        let pause = others.pause();
        let barrier = Object::new(|b| unsafe {
            // SAFETY: memory for one, and from then on one.
            libc::pthread_barrier_init(b, std::ptr::null(), 4)
        });
        let serials = Arc::new(AtomicUsize::new(0));
        let meet = {
            let (barrier, serials) = (barrier.clone(), serials.clone());
            move || {
                for _ in 0..50 {
                    // SAFETY: as above.
                    match unsafe { libc::pthread_barrier_wait(barrier.get()) } {
                        0 => {}
                        libc::PTHREAD_BARRIER_SERIAL_THREAD => {
                            serials.fetch_add(1, Ordering::Relaxed);
                        }
                        code => panic!("{code}"),
                    }
                }
            }
        };
        let threads = [std::thread::spawn(meet.clone()), std::thread::spawn(meet.clone())];
        let coroutine = spawn(meet.clone());
        others.run_during(|| {
            pause.wait();
            meet();
        });
        coroutine.join().unwrap();
        until(|| threads.iter().all(|t| t.is_finished()));
        assert_eq!(serials.load(Ordering::Relaxed), 50);
        // SAFETY: nobody waits.
        assert_eq!(unsafe { libc::pthread_barrier_destroy(barrier.get()) }, 0);
    });
}

/// A library made of the C file beside this one.
struct Library(*mut libc::c_void);

// SAFETY: a handle, which is never closed.
unsafe impl Send for Library {}
// SAFETY: as above.
unsafe impl Sync for Library {}

fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("c_locks_{}.so", std::process::id()));
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-pthread", "-o"])
            .arg(&file)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/c_locks.c"))
            .status()
            .expect("cc (Debian: gcc libc6-dev)");
        assert!(compiled.success());
        let path = CString::new(file.to_str().unwrap()).unwrap();
        // SAFETY: a path that ends in a zero.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
        assert!(!handle.is_null());
        std::fs::remove_file(&file).unwrap();
        Library(handle)
    })
}

impl Library {
    /// # Safety
    /// `F` is the function's type.
    unsafe fn function<F>(&self, name: &str) -> F {
        let name = CString::new(name).unwrap();
        // SAFETY: a name that ends in a zero.
        let address = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        assert!(!address.is_null());
        // SAFETY: the caller's promise.
        unsafe { transmute_copy(&address) }
    }
}

#[test]
fn a_queue_in_c() {
    let library = library();
    patched(move || {
        const EACH: i32 = 200;
        // SAFETY: the types that the C file gives them.
        let (put, take, sum) = unsafe {
            (
                library.function::<extern "C" fn(c_int)>("queue_put"),
                library.function::<extern "C" fn()>("queue_take"),
                library.function::<extern "C" fn() -> c_long>("queue_sum"),
            )
        };
        let others = Others::new();
        let pause = others.pause();
        let waits = spawn(move || take());
        until(|| waits.coroutine().waits_for() == Some("pthread_cond_wait"));
        let puts = move || (0..EACH).for_each(|n| put(n));
        let takes = move || (0..EACH).for_each(|_| take());
        let threads = [std::thread::spawn(puts), std::thread::spawn(takes)];
        let coroutines =
            [spawn(puts), spawn(takes), spawn(puts), spawn(takes), spawn(move || put(0))];
        others.run_during(|| {
            pause.wait();
            coroutines.into_iter().for_each(|c| c.join().unwrap());
            waits.join().unwrap();
            until(|| threads.iter().all(|t| t.is_finished()));
        });
        assert_eq!(sum(), c_long::from(3 * (0..EACH).sum::<i32>()));
    });
}

#[test]
fn c11() {
    let library = library();
    patched(move || {
        // SAFETY: the types that the C file gives them.
        let [setup, put, take] = unsafe {
            ["c11_setup", "c11_put", "c11_take"]
                .map(|f| library.function::<extern "C" fn() -> c_int>(f))
        };
        // SAFETY: as above.
        let times_out: extern "C" fn(c_long) -> c_int =
            unsafe { library.function("c11_times_out") };
        assert_eq!(setup(), 0);
        let others = Others::new();
        let pause = others.pause();
        for on_thread in [false, true] {
            start(on_thread, move || {
                pause.wait();
                assert_eq!(put(), 0);
            });
            others.run_during(|| assert_eq!(take(), 0));
        }
        others.run_during(|| assert_eq!(times_out(30_000_000), 1));
    });
}

#[test]
fn what_happens_once() {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    static PAUSE: OnceLock<Pause> = OnceLock::new();
    extern "C" fn init() {
        COUNT.fetch_add(1, Ordering::Relaxed);
        PAUSE.get().unwrap().wait();
        COUNT.fetch_add(1, Ordering::Relaxed);
    }
    let library = library();
    patched(move || {
        // SAFETY: the types that the C file gives them.
        let functions = unsafe {
            ["run_once", "run_once11"]
                .map(|f| library.function::<extern "C" fn(extern "C" fn())>(f))
        };
        let others = Others::new();
        let _ = PAUSE.set(others.pause());
        for once in functions {
            COUNT.store(0, Ordering::Relaxed);
            let coroutine = spawn(move || once(init));
            until(|| COUNT.load(Ordering::Relaxed) == 1);
            let thread = std::thread::spawn(move || once(init));
            others.run_during(|| once(init));
            assert_eq!(COUNT.load(Ordering::Relaxed), 2);
            coroutine.join().unwrap();
            until(|| thread.is_finished());
            once(init);
            assert_eq!(COUNT.load(Ordering::Relaxed), 2);
        }
    });
}

#[test]
fn system_calls_in_c() {
    let library = library();
    patched(move || {
        // SAFETY: the types that the C file gives them.
        let plain: extern "C" fn() -> c_long = unsafe { library.function("plain_syscall") };
        // SAFETY: as above.
        let futex: extern "C" fn(*const u32) -> c_long = unsafe { library.function("bad_futex") };
        assert_eq!(plain(), c_long::from(std::process::id()));
        let words = [0_u32; 2];
        assert_eq!(futex(&words[0]), libc::EAGAIN.into());
        assert_eq!(futex(words.as_ptr().wrapping_byte_add(1)), libc::EINVAL.into());
        assert_eq!(futex(std::ptr::null()), libc::EFAULT.into());
    });
}
