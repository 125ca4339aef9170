//! Libraries that are loaded after coroutines exist, with static thread-locals (the initial-exec model): every coroutine finds them initialised, and its own.

mod common;

use std::ffi::{CStr, CString, c_int, c_void};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::{in_child, own, text, until, watchdog};
use greenwood_runtime::{JoinHandle, Runtime, spawn, yield_now};

const SOURCE: &str = r#"
#define STATIC __thread __attribute__((tls_model("initial-exec")))
static STATIC int initialised = FIRST;
static STATIC int zero[ZEROS];
static __thread int dynamic = FIRST + 1;
static int seen;
__attribute__((constructor)) static void begin(void) { seen = initialised; initialised = 7; }
int first(void) { return seen; }
int *place(int which) { return which == 0 ? &initialised : which == 1 ? &zero[ZEROS - 1] : &dynamic; }
"#;

/// A library of the above, whose variables begin as `first`.
#[derive(Clone, Copy)]
struct Library {
    handle: usize,
    value: c_int,
    first: extern "C" fn() -> c_int,
    place: extern "C" fn(c_int) -> *mut c_int,
}

/// Compiles it. None where there is no C compiler.
fn compile(value: c_int, zeros: usize) -> Option<CString> {
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let name = format!("late-{value}-{zeros}-{}", std::process::id());
    let (source, library) = (dir.join(format!("{name}.c")), dir.join(format!("{name}.so")));
    std::fs::write(&source, SOURCE).unwrap();
    let cc = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", &format!("-DFIRST={value}"), &format!("-DZEROS={zeros}")])
        .arg("-o")
        .args([&library, &source])
        .status();
    match cc {
        Ok(status) => assert!(status.success()),
        Err(_) => {
            assert!(std::env::var_os("CI").is_none(), "no C compiler");
            eprintln!("skipped: no C compiler (apt-get install gcc libc6-dev)");
            return None;
        }
    }
    Some(CString::new(library.to_str().unwrap()).unwrap())
}

fn load(path: &CStr, value: c_int) -> Library {
    // SAFETY: loads the library built above, whose functions have these types.
    unsafe {
        let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
        assert!(!handle.is_null(), "{:?}", CStr::from_ptr(libc::dlerror()));
        let [first, place] = [c"first", c"place"].map(|name| libc::dlsym(handle, name.as_ptr()));
        Library {
            handle: handle as usize,
            value,
            first: std::mem::transmute::<*mut c_void, extern "C" fn() -> c_int>(first),
            place: std::mem::transmute::<*mut c_void, extern "C" fn(c_int) -> *mut c_int>(place),
        }
    }
}

impl Library {
    fn values(&self) -> [c_int; 3] {
        // SAFETY: the calling coroutine's own variables.
        [0, 1, 2].map(|which| unsafe { *(self.place)(which) })
    }

    fn set(&self, to: c_int) {
        // SAFETY: as above.
        [0, 1, 2].iter().for_each(|&which| unsafe { *(self.place)(which) = to });
    }

    /// As a coroutine that has not used it yet.
    fn check(&self, mine: c_int) {
        assert_eq!(self.values(), [self.value, 0, self.value + 1]);
        self.set(mine);
        for _ in 0..3 {
            yield_now();
            assert_eq!(self.values(), [mine; 3]);
        }
    }

    fn close(self) {
        // SAFETY: nobody uses it any more.
        assert_eq!(unsafe { libc::dlclose(self.handle as *mut c_void) }, 0);
    }
}

/// Coroutines that exist before the library does, and go on once it is there.
fn waiting(count: usize, library: &Arc<std::sync::OnceLock<Library>>) -> Vec<JoinHandle<()>> {
    let started = Arc::new(AtomicUsize::new(0));
    let handles = (0..count)
        .map(|n| {
            let (library, started) = (library.clone(), started.clone());
            spawn(move || {
                started.fetch_add(1, Ordering::Relaxed);
                until(|| library.get().is_some());
                library.get().unwrap().check(n as c_int + 1000);
            })
        })
        .collect();
    until(|| started.load(Ordering::Relaxed) == count);
    handles
}

/// Loads a library while coroutines, and stacks that were used before, exist.
fn scenario(path: &CStr, value: c_int) -> Library {
    let slot = Arc::default();
    (0..50)
        .map(|_| spawn(yield_now))
        .collect::<Vec<_>>()
        .into_iter()
        .for_each(|h| h.join().unwrap());
    let handles = waiting(100, &slot);
    let library = spawn({
        let path = path.to_owned();
        move || {
            let library = load(&path, value);
            // Its constructor ran here, and found what it should; and what it left is still there.
            assert_eq!((library.first)(), value);
            assert_eq!(library.values(), [7, 0, value + 1]);
            library
        }
    })
    .join()
    .unwrap();
    assert!(slot.set(library).is_ok());
    handles.into_iter().for_each(|h| h.join().unwrap());
    // On stacks that have been used, by those above too, and on new ones.
    for round in 0..3 {
        let all: Vec<_> =
            (0..300).map(|n| spawn(move || library.check(n + 10_000 * (round + 1)))).collect();
        all.into_iter().for_each(|h| h.join().unwrap());
    }
    library
}

#[test]
fn static_locals_of_late_libraries() {
    let _watched = watchdog();
    let (Some(a), Some(b), Some(c)) = (compile(42, 8), compile(99, 8), compile(5, 24)) else {
        return;
    };
    let runtime = own(2);
    assert!(runtime.has_own_thread_locals());
    runtime.run(|| {
        scenario(&a, 42).close();
        // At the very place that the first one had.
        let b = scenario(&b, 99);
        // Beside it.
        scenario(&c, 5);
        spawn(move || b.check(1)).join().unwrap();
    });
}

/// Blocks are built, used and reset on both workers while the library is being loaded.
#[test]
fn loading_while_coroutines_come_and_go() {
    let _watched = watchdog();
    let Some(path) = compile(11, 16) else { return };
    let over = Arc::new(AtomicBool::new(false));
    own(2).run(|| {
        let loaded: Arc<std::sync::OnceLock<Library>> = Arc::default();
        let spawners: Vec<_> = (0..2)
            .map(|_| {
                let (over, loaded) = (over.clone(), loaded.clone());
                spawn(move || {
                    let mut n = 0;
                    while !over.load(Ordering::Relaxed) {
                        let all: Vec<_> = (0..20)
                            .map(|_| {
                                n += 1;
                                let loaded = loaded.clone();
                                spawn(move || {
                                    yield_now();
                                    if let Some(library) = loaded.get() {
                                        library.check(n);
                                    }
                                })
                            })
                            .collect();
                        all.into_iter().for_each(|h| h.join().unwrap());
                    }
                })
            })
            .collect();
        for _ in 0..200 {
            let library = load(&path, 11);
            assert_eq!((library.first)(), 11);
            library.close();
            yield_now();
        }
        assert!(loaded.set(load(&path, 11)).is_ok());
        (0..50).for_each(|_| yield_now());
        over.store(true, Ordering::Relaxed);
        spawners.into_iter().for_each(|h| h.join().unwrap());
    });
}

/// A child of fork has a list of threads of its own, and a new runtime there uses its parent's stacks again.
#[test]
fn in_a_forked_child() {
    let Some(path) = compile(23, 8) else { return };
    let output = in_child("in_a_forked_child", || {
        own(2).run(|| {
            let all: Vec<_> = (0..100).map(|_| spawn(yield_now)).collect();
            all.into_iter().for_each(|h| h.join().unwrap());
        });
        // SAFETY: the child goes on like any program that forks.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let _watched = watchdog();
            Runtime::builder().workers(2).build().unwrap().run(|| {
                scenario(&path, 23);
            });
            std::process::exit(0);
        }
        let mut status = 0;
        // SAFETY: the child made above.
        unsafe { libc::waitpid(child, &mut status, 0) };
        assert_eq!(status, 0);
        // And the parent is none the worse for it.
        own(2).run(|| {
            scenario(&path, 23);
        });
    });
    if let Some(output) = output {
        assert!(output.status.success(), "{}", text(&output));
    }
}

/// `setuid` signals every thread on glibc's list. The kernel knows no coroutine, and nobody waits for one.
#[test]
fn changing_user_ids_passes_coroutines_by() {
    let output = in_child("changing_user_ids_passes_coroutines_by", || {
        let _watched = watchdog();
        own(2).run(|| {
            let event = Arc::new(greenwood_runtime::sync::Semaphore::new(0));
            let parked: Vec<_> = (0..200)
                .map(|_| {
                    let event = event.clone();
                    spawn(move || drop(event.acquire()))
                })
                .collect();
            until(|| parked.iter().all(|p| p.coroutine().waits_for().is_some()));
            // SAFETY: the ids that the process has already.
            let result = greenwood_runtime::offload(|| unsafe { libc::setuid(libc::getuid()) });
            assert_eq!(result, 0);
            event.add_permits(1);
            parked.into_iter().for_each(|p| p.join().unwrap());
        });
    });
    if let Some(output) = output {
        assert!(output.status.success(), "{}", text(&output));
    }
}
