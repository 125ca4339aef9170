//! What pthread's objects say about themselves. glibc has no functions for it, so their bits are read where they have been since
//! its version 2.25, and [`check`] makes sure of it with objects of its own.

use std::mem::MaybeUninit;

use libc::{
    c_int, pthread_barrier_t, pthread_barrierattr_t, pthread_cond_t, pthread_mutex_t,
    pthread_rwlock_t, sem_t,
};

/// The number at an offset in an object.
///
/// # Safety
/// It is there. Others may change it meanwhile.
unsafe fn word<T>(object: *const T, offset: usize) -> u32 {
    // SAFETY: the caller's promise; volatile, as it is not for this program to say who writes there.
    unsafe { object.byte_add(offset).cast::<u32>().read_volatile() }
}

const SHARED_MUTEX: u32 = 128;

/// What a mutex is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct MutexKind(u32);

impl MutexKind {
    /// # Safety
    /// A mutex.
    pub(super) unsafe fn of(mutex: *const pthread_mutex_t) -> MutexKind {
        // SAFETY: the caller's promise.
        MutexKind(unsafe { word(mutex, 16) })
    }

    /// Whether it is for libc and the kernel alone: robust, or with priorities. They give the lock to thread ids.
    pub(super) fn is_the_kernels(self) -> bool {
        self.0 & (16 | 32 | 64) != 0
    }

    pub(super) fn checks_errors(self) -> bool {
        self.0 & 3 == libc::PTHREAD_MUTEX_ERRORCHECK as u32
    }

    pub(super) fn is_shared(self) -> bool {
        self.0 & SHARED_MUTEX != 0
    }
}

/// Whether other processes may use it.
///
/// # Safety
/// A condition variable.
pub(super) unsafe fn is_shared_condvar(condvar: *const pthread_cond_t) -> bool {
    // SAFETY: the caller's promise.
    unsafe { word(condvar, 36) & 1 != 0 }
}

/// The clock of its time-outs.
///
/// # Safety
/// A condition variable.
pub(super) unsafe fn clock_of(condvar: *const pthread_cond_t) -> libc::clockid_t {
    // SAFETY: the caller's promise.
    match unsafe { word(condvar, 36) & 2 } {
        0 => libc::CLOCK_REALTIME,
        _ => libc::CLOCK_MONOTONIC,
    }
}

/// Whether other processes may use it.
///
/// # Safety
/// A read-write lock.
pub(super) unsafe fn is_shared_rwlock(lock: *const pthread_rwlock_t) -> bool {
    // SAFETY: the caller's promise.
    unsafe { word(lock, 28) != 0 }
}

/// Whether other processes may use it.
///
/// # Safety
/// A semaphore.
pub(super) unsafe fn is_shared_semaphore(semaphore: *const sem_t) -> bool {
    // SAFETY: the caller's promise.
    unsafe { word(semaphore, 8) != 0 }
}

/// How many meet at a barrier. None if libc is to serve it: other processes may come, or somebody waits who came before
/// the patch was installed.
///
/// # Safety
/// A barrier.
pub(super) unsafe fn party_of(barrier: *const pthread_barrier_t) -> Option<usize> {
    // SAFETY: the caller's promise.
    let [arrived, round, count, shared] = [0, 4, 8, 12].map(|at| unsafe { word(barrier, at) });
    (shared == 0 && arrived == round).then_some(count as usize)
}

/// The value of a `pthread_once_t` whose initialiser has returned.
pub(super) const ONCE_DONE: u32 = 2;

/// Whether objects are laid out as this module has it.
pub(super) fn check() -> bool {
    // SAFETY: each object and its attributes are initialised by libc before they are looked at, and refer to nothing else.
    unsafe { mutex() && condvar() && rwlock() && semaphore() && barrier() && once() }
}

/// A new object, with attributes that `set` has changed.
unsafe fn made<T, A>(
    init_attributes: unsafe extern "C" fn(*mut A) -> c_int,
    set: impl Fn(*mut A) -> c_int,
    init: impl Fn(*mut T, *const A) -> c_int,
) -> Option<T> {
    let mut attributes = MaybeUninit::<A>::zeroed();
    let mut object = MaybeUninit::<T>::zeroed();
    // SAFETY: memory for both.
    let done = unsafe { init_attributes(attributes.as_mut_ptr()) } == 0
        && set(attributes.as_mut_ptr()) == 0
        && init(object.as_mut_ptr(), attributes.as_ptr()) == 0;
    // SAFETY: initialised above.
    done.then(|| unsafe { object.assume_init() })
}

unsafe fn mutex() -> bool {
    use libc::{pthread_mutex_init, pthread_mutexattr_init, pthread_mutexattr_setpshared};
    use libc::{pthread_mutexattr_setrobust, pthread_mutexattr_settype};
    let kind = |kind: c_int, shared: c_int, robust: c_int| {
        let set = |a| {
            // SAFETY: attributes that were initialised.
            unsafe {
                pthread_mutexattr_settype(a, kind)
                    | pthread_mutexattr_setpshared(a, shared)
                    | pthread_mutexattr_setrobust(a, robust)
            }
        };
        // SAFETY: memory of the right types.
        let mutex: pthread_mutex_t =
            unsafe { made(pthread_mutexattr_init, set, |m, a| pthread_mutex_init(m, a)) }?;
        // SAFETY: a mutex.
        Some(unsafe { MutexKind::of(&raw const mutex) })
    };
    let private = kind(libc::PTHREAD_MUTEX_ERRORCHECK, 0, 0);
    let shared = kind(libc::PTHREAD_MUTEX_NORMAL, 1, 0);
    let robust = kind(libc::PTHREAD_MUTEX_RECURSIVE, 0, 1);
    private.is_some_and(|k| k.checks_errors() && !k.is_shared() && !k.is_the_kernels())
        && shared.is_some_and(|k| !k.checks_errors() && k.is_shared() && !k.is_the_kernels())
        && robust.is_some_and(|k| !k.checks_errors() && k.is_the_kernels())
}

unsafe fn condvar() -> bool {
    use libc::{pthread_cond_init, pthread_condattr_init, pthread_condattr_setclock};
    [(libc::CLOCK_MONOTONIC, 1), (libc::CLOCK_REALTIME, 0), (libc::CLOCK_MONOTONIC, 0)]
        .into_iter()
        .all(|(clock, shared)| {
            // SAFETY: attributes that were initialised, and memory of the right types.
            let condvar: Option<pthread_cond_t> = unsafe {
                made(
                    pthread_condattr_init,
                    |a| {
                        pthread_condattr_setclock(a, clock)
                            | libc::pthread_condattr_setpshared(a, shared)
                    },
                    |c, a| pthread_cond_init(c, a),
                )
            };
            // SAFETY: a condition variable.
            condvar.is_some_and(|c| unsafe {
                clock_of(&raw const c) == clock && is_shared_condvar(&raw const c) == (shared == 1)
            })
        })
}

unsafe fn rwlock() -> bool {
    [0, 1].into_iter().all(|shared| {
        // SAFETY: attributes that were initialised, and memory of the right types.
        let lock: Option<pthread_rwlock_t> = unsafe {
            made(
                libc::pthread_rwlockattr_init,
                |a| libc::pthread_rwlockattr_setpshared(a, shared),
                |l, a| libc::pthread_rwlock_init(l, a),
            )
        };
        // SAFETY: a lock.
        lock.is_some_and(|l| unsafe { is_shared_rwlock(&raw const l) } == (shared == 1))
    })
}

unsafe fn semaphore() -> bool {
    [0, 1].into_iter().all(|shared| {
        let mut semaphore = MaybeUninit::<sem_t>::zeroed();
        // SAFETY: memory for one, which this initialises.
        unsafe {
            libc::sem_init(semaphore.as_mut_ptr(), shared, 1) == 0
                && is_shared_semaphore(semaphore.as_ptr()) == (shared == 1)
        }
    })
}

unsafe fn barrier() -> bool {
    [0, 1].into_iter().all(|shared| {
        // SAFETY: attributes that were initialised, and memory of the right types.
        let barrier: Option<pthread_barrier_t> = unsafe {
            made::<_, pthread_barrierattr_t>(
                libc::pthread_barrierattr_init,
                |a| libc::pthread_barrierattr_setpshared(a, shared),
                |b, a| libc::pthread_barrier_init(b, a, 7),
            )
        };
        // SAFETY: a barrier.
        barrier.is_some_and(|b| {
            // SAFETY: as the caller promised libc.
            let party = unsafe { party_of(&raw const b) };
            party == (shared == 0).then_some(7)
        })
    })
}

unsafe fn once() -> bool {
    unsafe extern "C" {
        fn pthread_once(once: *mut c_int, init: extern "C" fn()) -> c_int;
    }
    extern "C" fn nothing() {}
    let mut once = 0;
    // SAFETY: `PTHREAD_ONCE_INIT`, and a function.
    unsafe { pthread_once(&raw mut once, nothing) == 0 && once as u32 == ONCE_DONE }
}
