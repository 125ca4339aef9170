//! Debuggers and checkers that look at a program with coroutines: gdb, valgrind, core dumps.

mod common;

use std::process::Command;

use common::{child, in_child_with, is_child, own, text};
use greenwood_runtime::{sleep, spawn, yield_now};

/// False, with the reason printed, where a tool is missing; that is a failure in CI.
fn have(tool: &str) -> bool {
    let there = Command::new(tool).arg("--version").output().is_ok_and(|o| o.status.success());
    if !there {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{tool} is missing");
        eprintln!("skipped: no {tool}");
    }
    there
}

/// `tool` run on the child for `name`.
fn under(tool: &str, arguments: &[&str], name: &str) -> Command {
    let inner = child(name);
    let mut command = Command::new(tool);
    command.args(arguments).arg(inner.get_program()).args(inner.get_args());
    for (key, value) in inner.get_envs() {
        command.env(key, value.unwrap_or_default());
    }
    command
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn a_function_on_a_coroutine() {
    // SAFETY: raises a signal that the debugger stops at.
    unsafe { libc::raise(libc::SIGTRAP) };
    std::hint::black_box(());
}

#[test]
fn gdb_shows_the_coroutines_frames() {
    let name = "gdb_shows_the_coroutines_frames";
    if is_child(name) {
        own(1).run(|| {
            spawn(|| a_function_on_a_coroutine()).join().unwrap();
        });
        return;
    }
    if !have("gdb") {
        return;
    }
    let arguments = ["-batch", "-nx", "-ex", "run", "-ex", "bt", "-ex", "kill", "--args"];
    let out = under("gdb", &arguments, name).output().unwrap();
    let trace = String::from_utf8_lossy(&out.stdout);
    assert!(trace.contains("a_function_on_a_coroutine"), "{}", text(&out));
}

#[test]
fn valgrind_finds_no_invalid_access() {
    let name = "valgrind_finds_no_invalid_access";
    if is_child(name) {
        let runtime = own(2);
        runtime.run(|| {
            let handles: Vec<_> = (0..20)
                .map(|n| {
                    spawn(move || {
                        let held = vec![n; 100];
                        yield_now();
                        sleep(std::time::Duration::from_micros(10));
                        held.iter().sum::<usize>()
                    })
                })
                .collect();
            let sum: usize = handles.into_iter().map(|h| h.join().unwrap()).sum();
            assert_eq!(sum, 19_000);
        });
        return;
    }
    if !have("valgrind") {
        return;
    }
    let out = under("valgrind", &["--error-exitcode=0", "-q"], name).output().unwrap();
    assert!(out.status.success(), "{}", text(&out));
    let report = String::from_utf8_lossy(&out.stderr);
    assert!(!report.contains("Invalid "), "{}", text(&out));
}

#[test]
fn an_abort_leaves_a_core() {
    let name = "an_abort_leaves_a_core";
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    if !is_child(name) && (pattern.starts_with('|') || pattern.contains('/')) {
        eprintln!("skipped: cores go to {pattern}");
        return;
    }
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("cores");
    let prepare = |c: &mut Command| {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        c.current_dir(&folder);
    };
    let scenario = || {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: reads and raises this child's own limit.
        unsafe {
            libc::getrlimit(libc::RLIMIT_CORE, &mut limit);
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_CORE, &limit);
        }
        if limit.rlim_max < 64 << 20 {
            println!("no cores allowed");
            return;
        }
        own(1).run(|| std::process::abort());
    };
    let Some(out) = in_child_with(name, prepare, scenario) else { return };
    if String::from_utf8_lossy(&out.stdout).contains("no cores allowed") {
        eprintln!("skipped: RLIMIT_CORE forbids them");
        return;
    }
    let cores = std::fs::read_dir(&folder).unwrap().count();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(cores, 1, "{}", text(&out));
}
