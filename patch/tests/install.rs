//! Turning the patch on: when, how often, from where, and what of it.
//!
//! Nothing can be turned off, so each test runs in a process of its own.

mod common;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use common::{until, watchdog};
use greenwood_patch::{InstallError, Patches, install};
use greenwood_runtime::{Runtime, spawn};

/// Runs `test` in a process that runs nothing else.
fn alone(name: &str, test: fn()) {
    if std::env::var_os("GREENWOOD_ALONE").is_some() {
        let _watchdog = watchdog();
        return test();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env("GREENWOOD_ALONE", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{errors}");
}

fn run<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    Runtime::builder().workers(1).build().unwrap().run(f)
}

/// Whether others of the worker run during `f`.
fn yields(f: impl FnOnce()) -> bool {
    let turns = Arc::new(AtomicUsize::new(0));
    let count = turns.clone();
    let other = spawn(move || {
        loop {
            count.fetch_add(1, Ordering::Relaxed);
            greenwood_runtime::sleep(Duration::from_micros(50));
        }
    });
    until(|| turns.load(Ordering::Relaxed) > 0);
    let before = turns.load(Ordering::Relaxed);
    f();
    let after = turns.load(Ordering::Relaxed);
    other.cancel();
    after > before
}

fn reading_yields() -> bool {
    let (mut a, mut b) = UnixStream::pair().unwrap();
    std::thread::spawn(move || {
        // SAFETY: a time of ours; not a sleep that anybody has patched, for this is no coroutine.
        unsafe { libc::usleep(5000) };
        b.write_all(&[1]).unwrap();
    });
    yields(|| a.read_exact(&mut [0]).unwrap())
}

fn sleeping_yields() -> bool {
    let time = libc::timespec { tv_sec: 0, tv_nsec: 5_000_000 };
    // SAFETY: a time of ours.
    yields(|| assert_eq!(unsafe { libc::nanosleep(&raw const time, std::ptr::null_mut()) }, 0))
}

#[test]
fn linking_changes_nothing() {
    alone("linking_changes_nothing", || {
        assert!(!run(reading_yields));
        assert!(!run(sleeping_yields));
    });
}

#[test]
fn before_any_runtime() {
    alone("before_any_runtime", || {
        install(Patches::all()).unwrap();
        assert!(run(reading_yields));
    });
}

#[test]
fn while_coroutines_run() {
    alone("while_coroutines_run", || {
        run(|| {
            assert!(!reading_yields());
            install(Patches::all()).unwrap();
            assert!(reading_yields());
            spawn(|| install(Patches::all()).unwrap()).join().unwrap();
            assert!(reading_yields());
        });
    });
}

#[test]
fn by_many_threads_at_once() {
    alone("by_many_threads_at_once", || {
        static CALLS: AtomicU32 = AtomicU32::new(0);
        extern "C" fn counts(_: libc::c_int) {
            CALLS.fetch_add(1, Ordering::SeqCst);
        }
        let handler = counts as *const () as libc::sighandler_t;
        // SAFETY: a handler that only counts.
        assert_eq!(unsafe { libc::signal(libc::SIGUSR1, handler) }, libc::SIG_DFL);
        let all = std::sync::Barrier::new(8);
        std::thread::scope(|s| {
            for i in 0..8 {
                let all = &all;
                s.spawn(move || {
                    all.wait();
                    let patches = if i % 2 == 0 { Patches::all() } else { Patches::IO };
                    assert_eq!(install(patches), Ok(()));
                    // SAFETY: a number.
                    unsafe { libc::raise(libc::SIGUSR1) };
                });
            }
        });
        assert_eq!(CALLS.load(Ordering::SeqCst), 8);
        // SAFETY: as above.
        assert_eq!(unsafe { libc::signal(libc::SIGUSR1, libc::SIG_DFL) }, handler);
        assert!(run(reading_yields));
    });
}

#[test]
fn one_group_without_the_others() {
    alone("one_group_without_the_others", || {
        install(Patches::IO).unwrap();
        assert!(run(reading_yields));
        assert!(!run(sleeping_yields), "not asked for");
    });
}

#[test]
fn other_groups_leave_io_alone() {
    alone("other_groups_leave_io_alone", || {
        install(Patches::PROCESSES | Patches::DNS | Patches::FILES).unwrap();
        assert!(!run(reading_yields));
        install(Patches::IO).unwrap();
        assert!(run(reading_yields), "groups add up");
        assert!(!run(sleeping_yields));
    });
}

#[test]
fn groups_and_errors_tell_of_themselves() {
    let all = Patches::all();
    for group in [Patches::IO, Patches::SLEEP, Patches::DNS, Patches::PROCESSES, Patches::LOCKS] {
        assert!(all.contains(group) && (all | Patches::FILES).contains(group));
        assert!(!Patches::FILES.contains(group));
    }
    assert!(!all.contains(Patches::FILES));
    assert!(all.contains(Patches::IO | Patches::DNS) && !Patches::IO.contains(all));
    for (error, says) in [
        (InstallError::Unsupported, "dynamically linked"),
        (InstallError::NotReached("read"), "`read`"),
        (InstallError::NoOwnThreadLocals("for a reason".into()), "for a reason"),
    ] {
        assert!(error.to_string().contains(says), "{error}");
    }
}
