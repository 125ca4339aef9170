//! To the libc, a coroutine is a thread: pthread keys and mutexes, errno, locale, DNS, fork, libraries loaded late.

mod common;

use std::ffi::{CStr, c_int, c_void};
use std::net::ToSocketAddrs;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::{in_child, on_own, text, until};
use greenwood_runtime::{may_switch, offload, sleep, spawn, yield_now};

/// Keys on both sides of 32, where glibc keeps the values in a block apart.
#[test]
fn pthread_keys_have_values_and_destructors() {
    static FREED: AtomicUsize = AtomicUsize::new(0);
    unsafe extern "C" fn free(value: *mut c_void) {
        yield_now();
        FREED.fetch_add(value as usize, Ordering::Relaxed);
    }
    let mut keys = [0; 60];
    for key in &mut keys {
        // SAFETY: writes the new key's number.
        assert_eq!(unsafe { libc::pthread_key_create(key, Some(free)) }, 0);
    }
    assert!(keys.iter().any(|k| *k > 40));
    on_own(|| {
        for round in 1..=3 {
            let handles: Vec<_> = (1..=10usize)
                .map(|n| {
                    spawn(move || {
                        for key in keys {
                            // SAFETY: keys that exist; the values are never dereferenced.
                            unsafe {
                                assert!(libc::pthread_getspecific(key).is_null());
                                libc::pthread_setspecific(key, n as *const c_void);
                            }
                        }
                        sleep(Duration::from_micros(100));
                        // SAFETY: as above.
                        let kept = |key| unsafe { libc::pthread_getspecific(key) as usize };
                        assert!(keys.iter().all(|&key| kept(key) == n));
                    })
                })
                .collect();
            handles.into_iter().for_each(|h| h.join().unwrap());
            assert_eq!(FREED.load(Ordering::Relaxed), round * 60 * 55);
        }
    });
    // SAFETY: no coroutine uses them any more.
    keys.iter().for_each(|&key| assert_eq!(unsafe { libc::pthread_key_delete(key) }, 0));
}

/// What a key's destructor registers for the thread's end, as a C++ thread_local with a destructor does, runs in this
/// coroutine's end or, as glibc has it, never: not in that of the next one on the same block.
#[test]
fn late_registrations_do_not_outlive_the_coroutine() {
    unsafe extern "C" {
        fn __cxa_thread_atexit_impl(
            f: unsafe extern "C" fn(*mut c_void),
            arg: *mut c_void,
            dso: *mut c_void,
        ) -> c_int;
        static __dso_handle: u8;
    }
    static STRAY: AtomicUsize = AtomicUsize::new(0);
    fn me() -> u64 {
        greenwood_runtime::current().unwrap().id().as_u64().get()
    }
    unsafe extern "C" fn ended(registered_by: *mut c_void) {
        if registered_by as u64 != me() {
            STRAY.fetch_add(1, Ordering::Relaxed);
        }
    }
    unsafe extern "C" fn register(_: *mut c_void) {
        // SAFETY: `ended` takes any argument, and is part of this program for ever.
        unsafe {
            let dso = (&raw const __dso_handle).cast_mut().cast();
            __cxa_thread_atexit_impl(ended, me() as *mut c_void, dso);
        }
    }
    let mut key = 0;
    // SAFETY: writes the new key's number.
    assert_eq!(unsafe { libc::pthread_key_create(&mut key, Some(register)) }, 0);
    on_own(|| {
        for _ in 0..50 {
            // SAFETY: a key that exists; the value is not dereferenced.
            let set = move || unsafe { libc::pthread_setspecific(key, 8 as *const c_void) };
            assert_eq!(spawn(set).join().unwrap(), 0);
        }
    });
    assert_eq!(STRAY.load(Ordering::Relaxed), 0);
    // SAFETY: no coroutine uses it any more.
    unsafe { libc::pthread_key_delete(key) };
}

#[test]
fn errno_survives_switches_in_both_modes() {
    common::each_mode(|| {
        let handles: Vec<_> = (1..=20)
            .map(|n| {
                spawn(move || {
                    for _ in 0..10 {
                        // SAFETY: the calling thread's errno; asked for anew after the switch, as C code does.
                        unsafe { *libc::__errno_location() = n };
                        if n % 2 == 0 {
                            yield_now()
                        } else {
                            sleep(Duration::from_micros(10))
                        }
                        // SAFETY: as above.
                        assert_eq!(unsafe { *libc::__errno_location() }, n);
                    }
                })
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().unwrap());
    });
}

#[test]
fn names_are_looked_up_on_a_coroutine() {
    on_own(|| {
        for _ in 0..5 {
            let found = spawn(|| ("localhost", 80).to_socket_addrs().unwrap().count());
            assert!(found.join().unwrap() > 0);
        }
    });
}

#[test]
fn a_recursive_mutex_lets_no_other_coroutine_in() {
    mutex_of(libc::PTHREAD_MUTEX_RECURSIVE, false);
}

#[test]
fn an_error_checking_mutex_knows_its_owner() {
    mutex_of(libc::PTHREAD_MUTEX_ERRORCHECK, false);
}

/// glibc keeps a list of the robust mutexes that a thread holds.
#[test]
fn a_robust_mutex_is_locked_and_unlocked() {
    let name = "a_robust_mutex_is_locked_and_unlocked";
    let Some(out) = in_child(name, || mutex_of(libc::PTHREAD_MUTEX_RECURSIVE, true)) else {
        return;
    };
    assert!(out.status.success(), "{}", text(&out));
}

struct Shared(*mut libc::pthread_mutex_t);
// SAFETY: a mutex is there to be shared.
unsafe impl Send for Shared {}

fn mutex_of(kind: c_int, robust: bool) {
    on_own(|| {
        // SAFETY: the mutex is initialised as the manual says, lives in a box, and is used through its pointer only.
        unsafe {
            let mutex = Box::into_raw(Box::new(std::mem::zeroed::<libc::pthread_mutex_t>()));
            let mut settings = std::mem::zeroed();
            libc::pthread_mutexattr_init(&mut settings);
            libc::pthread_mutexattr_settype(&mut settings, kind);
            if robust {
                libc::pthread_mutexattr_setrobust(&mut settings, libc::PTHREAD_MUTEX_ROBUST);
            }
            assert_eq!(libc::pthread_mutex_init(mutex, &settings), 0);
            assert_eq!(libc::pthread_mutex_lock(mutex), 0);
            let again = libc::pthread_mutex_trylock(mutex);
            assert_eq!(again, if kind == libc::PTHREAD_MUTEX_RECURSIVE { 0 } else { libc::EBUSY });
            let shared = Shared(mutex);
            let other = spawn(move || {
                let shared = shared;
                let tried = libc::pthread_mutex_trylock(shared.0);
                (tried, libc::pthread_mutex_unlock(shared.0))
            });
            assert_eq!(other.join().unwrap(), (libc::EBUSY, libc::EPERM));
            if again == 0 {
                assert_eq!(libc::pthread_mutex_unlock(mutex), 0);
            }
            assert_eq!(libc::pthread_mutex_unlock(mutex), 0);
            let shared = Shared(mutex);
            let other = spawn(move || {
                let shared = shared;
                (libc::pthread_mutex_lock(shared.0), libc::pthread_mutex_unlock(shared.0))
            });
            assert_eq!(other.join().unwrap(), (0, 0));
            libc::pthread_mutex_destroy(mutex);
            drop(Box::from_raw(mutex));
        }
    });
}

#[test]
fn a_locale_does_not_leak() {
    const GLOBAL: libc::locale_t = usize::MAX as libc::locale_t;
    on_own(|| {
        // SAFETY: a new locale, in use by the coroutine that switches to it until it ends.
        let switched = spawn(|| unsafe {
            let own = libc::newlocale(libc::LC_ALL_MASK, c"C".as_ptr(), std::ptr::null_mut());
            libc::uselocale(own);
            yield_now();
            assert_eq!(libc::uselocale(std::ptr::null_mut()), own);
        });
        for _ in 0..10 {
            // SAFETY: asks only.
            let now = || unsafe { libc::uselocale(std::ptr::null_mut()) };
            assert_eq!(now(), GLOBAL);
            assert_eq!(spawn(move || now() == GLOBAL).join().ok(), Some(true));
        }
        switched.join().unwrap();
    });
}

fn fork(child: impl FnOnce()) -> ExitStatus {
    // SAFETY: the child runs `child`, which does only what its test says, and ends by `_exit`.
    unsafe {
        match libc::fork() {
            0 => {
                child();
                libc::_exit(42);
            }
            -1 => panic!("{}", std::io::Error::last_os_error()),
            pid => {
                let wait = move || {
                    let mut status = 0;
                    assert_eq!(libc::waitpid(pid, &mut status, 0), pid);
                    ExitStatus::from_raw(status)
                };
                if may_switch() { offload(wait) } else { wait() }
            }
        }
    }
}

#[test]
fn a_forked_child_blocks_where_its_parent_waits() {
    on_own(|| {
        let beside = spawn(|| sleep(Duration::from_millis(20)));
        let busy: Vec<_> = (0..10).map(|_| spawn(|| until(fork_is_over))).collect();
        for _ in 0..5 {
            let status = fork(|| {
                let held: Vec<_> = (1..50).map(|n| vec![1u8; n * 100]).collect();
                assert!(!may_switch());
                sleep(Duration::from_millis(2));
                yield_now();
                assert_eq!(offload(|| 3), 3);
                let refused = std::panic::catch_unwind(|| ()).is_ok();
                assert!(refused);
                let spawned = greenwood_runtime::Builder::new().spawn(|| ());
                assert_eq!(spawned.unwrap_err().kind(), std::io::ErrorKind::Unsupported);
                drop(held);
            });
            assert_eq!(status.code(), Some(42), "{status}");
        }
        OVER.store(true, Ordering::Relaxed);
        busy.into_iter().chain([beside]).for_each(|h| h.join().unwrap());
    });
}

static OVER: AtomicBool = AtomicBool::new(false);
fn fork_is_over() -> bool {
    OVER.load(Ordering::Relaxed)
}

#[test]
fn commands_run_from_a_coroutine() {
    on_own(|| {
        let handles: Vec<_> = (0..5)
            .map(|n| {
                spawn(move || {
                    let mut command = std::process::Command::new("sh");
                    command.args(["-c", &format!("exit {n}")]).status().unwrap().code()
                })
            })
            .collect();
        for (n, handle) in handles.into_iter().enumerate() {
            assert_eq!(handle.join().unwrap(), Some(n as i32));
        }
    });
}

/// A small C library with thread-locals, built with `model` and loaded now.
fn library(model: &str) -> Option<extern "C" fn() -> c_int> {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, library) =
        (folder.join(format!("{model}.c")), folder.join(format!("lib{model}.so")));
    std::fs::write(
        &source,
        "static __thread int pad[20]; static __thread int counter = 7;\n\
         int bump(void) { pad[3]++; return counter++ * 100 + pad[3]; }\n",
    )
    .unwrap();
    let built = std::process::Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", &format!("-ftls-model={model}"), "-o"])
        .args([&library, &source])
        .status();
    if !built.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CI").is_none(), "no C compiler");
        eprintln!("skipped: no C compiler");
        return None;
    }
    let path = std::ffi::CString::new(library.to_str().unwrap()).unwrap();
    // SAFETY: loads the library built above, whose function has this type.
    unsafe {
        let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOW);
        assert!(!handle.is_null(), "{:?}", CStr::from_ptr(libc::dlerror()));
        let bump = libc::dlsym(handle, c"bump".as_ptr());
        Some(std::mem::transmute::<*mut c_void, extern "C" fn() -> c_int>(bump))
    }
}

fn late_library(model: &str) {
    on_own(|| {
        // Blocks that exist before the library does: some in use, some waiting for reuse.
        let (send, receive) = std::sync::mpsc::channel();
        let started = spawn(move || {
            loop {
                match receive.try_recv() {
                    Ok(bump) => return use_of(bump),
                    Err(_) => yield_now(),
                }
            }
        });
        let before: Vec<_> = (0..20).map(|_| spawn(yield_now)).collect();
        before.into_iter().for_each(|h| h.join().unwrap());
        let Some(bump) = library(model) else {
            started.cancel();
            return;
        };
        assert_eq!(use_of(bump), [701, 802, 903]);
        for _ in 0..50 {
            assert_eq!(spawn(move || use_of(bump)).join().unwrap(), [701, 802, 903]);
        }
        send.send(bump).unwrap();
        assert_eq!(started.join().unwrap(), [701, 802, 903]);
    });
}

fn use_of(bump: extern "C" fn() -> c_int) -> [c_int; 3] {
    [(); 3].map(|()| {
        yield_now();
        bump()
    })
}

#[test]
fn a_library_loaded_late_has_its_thread_locals() {
    late_library("global-dynamic");
}

/// Nothing of the parent's may run in the child, least of all whoever joins.
#[test]
fn a_child_that_returns_from_the_forking_coroutine_ends() {
    on_own(|| {
        // SAFETY: the child returns at once, which ends it.
        let pid = spawn(|| unsafe { libc::fork() }).join().unwrap();
        assert!(pid > 0, "the parent's coroutine ran on in the child");
        let status = offload(move || {
            let mut status = 0;
            // SAFETY: waits for our own child.
            assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
            ExitStatus::from_raw(status)
        });
        assert_eq!(status.code(), Some(0));
    });
}

/// A destructor may set its key anew in every round; after the last one the value is dropped, as a thread's is with its header.
#[test]
fn a_value_set_by_the_last_destructor_is_not_inherited() {
    static KEY: std::sync::OnceLock<libc::pthread_key_t> = std::sync::OnceLock::new();
    unsafe extern "C" fn again(value: *mut c_void) {
        // SAFETY: sets a key that exists.
        unsafe { libc::pthread_setspecific(KEY.get().copied().unwrap_or(0), value) };
    }
    on_own(|| {
        let key = *KEY.get_or_init(|| {
            let mut key = 0;
            // SAFETY: the destructor has the type asked for.
            assert_eq!(unsafe { libc::pthread_key_create(&mut key, Some(again)) }, 0);
            key
        });
        for _ in 0..10 {
            let found = spawn(move || {
                // SAFETY: reads and sets a key that exists.
                unsafe {
                    let found = libc::pthread_getspecific(key) as usize;
                    libc::pthread_setspecific(key, 0x1234 as *mut c_void);
                    found
                }
            });
            assert_eq!(found.join().unwrap(), 0);
        }
    });
}
