//! Loading C libraries on coroutines, with the patch installed.

mod common;

use std::ffi::{CStr, CString, c_int, c_void};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::{patched, until};
use greenwood_runtime::{spawn, yield_now};

/// Compiles `source` to a library in a folder of the test's own.
fn compile(folder: &str, name: &str, source: &str, flags: &[&str]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dlopen").join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    let (code, library) = (folder.join(format!("{name}.c")), folder.join(format!("{name}.so")));
    std::fs::write(&code, source).unwrap();
    let cc = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &code])
        .args(flags)
        .output()
        .expect("cc (apt-get install gcc libc6-dev)");
    assert!(cc.status.success(), "{}", String::from_utf8_lossy(&cc.stderr));
    library
}

fn load(path: &Path) -> Result<*mut c_void, String> {
    let path = CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: the tests' own libraries; dlerror's text is read at once.
    unsafe {
        let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOW);
        if handle.is_null() {
            return Err(CStr::from_ptr(libc::dlerror()).to_string_lossy().into_owned());
        }
        Ok(handle)
    }
}

fn close(handle: *mut c_void) {
    // SAFETY: used no more.
    assert_eq!(unsafe { libc::dlclose(handle) }, 0);
}

fn function<F: Copy>(handle: *mut c_void, name: &CStr) -> F {
    assert_eq!(size_of::<F>(), size_of::<*mut c_void>());
    // SAFETY: the callers ask for functions of the type that the source has.
    unsafe {
        let function = libc::dlsym(handle, name.as_ptr());
        assert!(!function.is_null());
        std::mem::transmute_copy(&function)
    }
}

/// Reads while it is loaded, and while it is unloaded, from descriptors 900 and 901.
const READS: &str = r#"
#include <unistd.h>
static char bytes[2];
__attribute__((constructor)) static void begin(void) { if (read(900, &bytes[0], 1) != 1) _exit(3); }
__attribute__((destructor)) static void end(void) { if (read(901, &bytes[1], 1) != 1) _exit(4); }
int first(void) { return bytes[0]; }
int next(int fd) { char byte; return read(fd, &byte, 1) == 1 ? byte : -1; }
"#;

/// What runs under the dynamic linker's lock blocks the worker: the lock is never kept over a switch.
#[test]
fn constructors_and_destructors_do_not_suspend() {
    let library = compile("reads", "reads", READS, &[]);
    patched(move || {
        let (reader, writer) = UnixStream::pair().unwrap();
        let (last_reader, last_writer) = UnixStream::pair().unwrap();
        // SAFETY: numbers that nothing else uses.
        unsafe {
            assert_eq!(libc::dup2(reader.as_raw_fd(), 900), 900);
            assert_eq!(libc::dup2(last_reader.as_raw_fd(), 901), 901);
        }
        let turns = Arc::new(AtomicUsize::new(0));
        let (count, over) = (turns.clone(), Arc::new(AtomicBool::new(false)));
        let until_over = over.clone();
        let other = spawn(move || {
            while !until_over.load(Ordering::Relaxed) {
                count.fetch_add(1, Ordering::Relaxed);
                yield_now();
            }
        });
        until(|| turns.load(Ordering::Relaxed) > 0);

        // Threads of the system, as no coroutine will run. They are under way before the lock is taken, which registering a thread-local's destructor takes too.
        let sender = |mut to: UnixStream, byte| {
            let ready = Arc::new(AtomicBool::new(false));
            let is_ready = ready.clone();
            let thread = std::thread::spawn(move || {
                ready.store(true, Ordering::Relaxed);
                std::thread::sleep(std::time::Duration::from_millis(20));
                to.write_all(&[byte]).unwrap();
            });
            until(|| is_ready.load(Ordering::Relaxed));
            thread
        };
        let sending = sender(writer.try_clone().unwrap(), 11);
        let before = turns.load(Ordering::Relaxed);
        let handle = load(&library).unwrap();
        assert_eq!(turns.load(Ordering::Relaxed), before, "a constructor was suspended");
        until(|| sending.is_finished());
        assert_eq!(function::<extern "C" fn() -> c_int>(handle, c"first")(), 11);

        // Afterwards its calls suspend as any do.
        let next = function::<extern "C" fn(c_int) -> c_int>(handle, c"next");
        let receiver = spawn(move || next(900));
        until(|| receiver.coroutine().waits_for().is_some());
        (&writer).write_all(&[12]).unwrap();
        assert_eq!(receiver.join().unwrap(), 12);

        let sending = sender(last_writer, 13);
        let before = turns.load(Ordering::Relaxed);
        close(handle);
        assert_eq!(turns.load(Ordering::Relaxed), before, "a destructor was suspended");
        until(|| sending.is_finished());
        over.store(true, Ordering::Relaxed);
        other.join().unwrap();
        // SAFETY: made above.
        unsafe {
            libc::close(900);
            libc::close(901);
        }
    });
}

/// A library that loads another one, from where its own `RUNPATH` says.
#[test]
fn libraries_are_searched_for_on_behalf_of_the_caller() {
    compile("runpath/inner", "found", "int answer(void) { return 42; }", &[]);
    let outer = compile(
        "runpath",
        "outer",
        r#"
        #include <dlfcn.h>
        int load(const char *name) {
            void *handle = dlopen(name, RTLD_NOW);
            int (*answer)(void) = handle ? (int (*)(void))dlsym(handle, "answer") : 0;
            int result = answer ? answer() : -1;
            if (handle) dlclose(handle);
            return result;
        }
        int load_beside(const char *name) {
            void *handle = dlmopen(LM_ID_BASE, name, RTLD_NOW);
            if (handle) dlclose(handle);
            return handle != 0;
        }
        "#,
        &["-D_GNU_SOURCE", "-Wl,-rpath,$ORIGIN/inner"],
    );
    let check = move || {
        let handle = load(&outer).unwrap();
        let open = function::<extern "C" fn(*const libc::c_char) -> c_int>(handle, c"load");
        let open_beside =
            function::<extern "C" fn(*const libc::c_char) -> c_int>(handle, c"load_beside");
        assert_eq!(open(c"found.so".as_ptr()), 42);
        assert_eq!(open(c"$ORIGIN/inner/found.so".as_ptr()), 42);
        assert_eq!(open_beside(c"found.so".as_ptr()), 1);
        assert_eq!(open(c"lost.so".as_ptr()), -1);
        close(handle);
    };
    check();
    patched({
        let check = check.clone();
        move || {
            check();
            spawn(check.clone()).join().unwrap();
            std::thread::spawn(check).join().unwrap();
        }
    });
}

#[test]
fn failures_are_told_to_who_failed() {
    patched(|| {
        let failing = spawn(|| load(Path::new("/nonexistent/a.so")).unwrap_err());
        let other = load(Path::new("/nonexistent/b.so")).unwrap_err();
        assert!(other.contains("b.so"), "{other}");
        let error = failing.join().unwrap();
        assert!(error.contains("a.so"), "{error}");
        // Nothing is held afterwards.
        assert!(greenwood_runtime::may_switch());
    });
}

/// Backtraces, and unwinding itself, walk the list of libraries under a lock.
#[test]
fn a_walk_over_the_libraries_does_not_suspend() {
    unsafe extern "C" fn visit(_: *mut libc::dl_phdr_info, _: usize, data: *mut c_void) -> c_int {
        // SAFETY: a number of the caller's.
        unsafe { *data.cast::<usize>() += 1 };
        c_int::from(greenwood_runtime::may_switch())
    }
    patched(|| {
        let mut count = 0_usize;
        // SAFETY: the callback matches.
        let suspends = unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut count).cast()) };
        assert_eq!(suspends, 0);
        assert!(count > 1);
        assert!(std::panic::catch_unwind(|| std::panic::resume_unwind(Box::new(1))).is_err());
        assert!(greenwood_runtime::may_switch());
    });
}
