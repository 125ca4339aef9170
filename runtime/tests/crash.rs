//! Ends that only a child process can show: overflows, faults, aborts, and limits of the kernel.

mod common;

use std::os::unix::process::ExitStatusExt;
use std::process::Output;

use common::{child, in_child, in_child_with, is_child, own, shared, text, watchdog};
use greenwood_runtime::{Builder, Runtime, sleep, spawn, yield_now};

#[track_caller]
fn killed_by(out: &Output, signal: i32) {
    assert_eq!(out.status.signal(), Some(signal), "{}", text(out));
}

#[allow(unconditional_recursion)]
#[inline(never)]
fn recurse(n: u64) -> u64 {
    let frame = std::hint::black_box([n; 64]);
    recurse(n + 1) + frame[n as usize % 64]
}

fn overflow_in(runtime: &Runtime) {
    runtime.run(|| {
        let deep = Builder::new().name("deep one").stack_size(100_000);
        deep.spawn(|| recurse(0)).unwrap().join().unwrap();
    });
}

#[track_caller]
fn is_report(out: &Output) {
    killed_by(out, libc::SIGABRT);
    let stderr = String::from_utf8_lossy(&out.stderr);
    for part in ["coroutine", "'deep one'", "overflow", "bytes", "stack_size"] {
        assert!(stderr.contains(part), "{part:?} is missing: {}", text(out));
    }
}

#[test]
fn an_overflow_is_reported() {
    let name = "an_overflow_is_reported";
    let Some(out) = in_child(name, || overflow_in(&own(2))) else { return };
    is_report(&out);
}

#[test]
fn an_overflow_is_reported_in_shared_mode() {
    let name = "an_overflow_is_reported_in_shared_mode";
    let Some(out) = in_child(name, || overflow_in(&shared().build().unwrap())) else { return };
    is_report(&out);
}

#[test]
fn an_overflow_hits_forced_guards_too() {
    let name = "an_overflow_hits_forced_guards_too";
    let fallback = |c: &mut std::process::Command| {
        c.env("GREENWOOD_FALLBACK", "guards");
    };
    let Some(out) = in_child_with(name, fallback, || overflow_in(&own(1))) else { return };
    is_report(&out);
}

/// Moves the stack pointer by `bytes` at once and writes there, as C code without stack probes does.
#[cfg(target_arch = "x86_64")]
fn jump(bytes: usize) {
    // SAFETY: none that holds: this is the fault to be caught. The stack pointer is put back if the write does not fault.
    unsafe {
        std::arch::asm!(
            "mov {saved}, rsp", "sub rsp, {bytes}", "mov byte ptr [rsp], 1", "mov rsp, {saved}",
            saved = out(reg) _, bytes = in(reg) bytes,
        );
    }
}

/// From just above its stack's end, a frame of 60 KiB without probes still lands in the guard, not in the neighbour.
#[test]
#[cfg(target_arch = "x86_64")]
fn a_frame_that_jumps_a_page_hits_the_guard() {
    let name = "a_frame_that_jumps_a_page_hits_the_guard";
    let scenario = || {
        own(1).run(|| {
            // Neighbours on every side, parked.
            let around: Vec<_> =
                (0..64).map(|_| spawn(|| sleep(std::time::Duration::MAX))).collect();
            yield_now();
            let deep = Builder::new().name("deep one");
            let body = || {
                fn down(left: usize) {
                    let frame = std::hint::black_box([0u8; 512]);
                    let here = &raw const frame as usize;
                    if left > here {
                        jump(60 * 1024)
                    } else {
                        down(left)
                    }
                    std::hint::black_box(frame);
                }
                let marker = std::hint::black_box(0u8);
                let top = &raw const marker as usize;
                // 8 KiB are left of the stack: less than the jump.
                down(top - greenwood_runtime::DEFAULT_STACK_SIZE + 24 * 1024);
            };
            deep.spawn(body).unwrap().join().unwrap();
            drop(around);
        });
    };
    let Some(out) = in_child(name, scenario) else { return };
    is_report(&out);
}

#[test]
fn an_overflow_of_a_plain_thread_is_stds() {
    let name = "an_overflow_of_a_plain_thread_is_stds";
    let scenario = || {
        let _runtime = own(1);
        let thread = std::thread::Builder::new().name("plain".into());
        let _ = thread.spawn(|| recurse(0)).unwrap().join();
    };
    let Some(out) = in_child(name, scenario) else { return };
    killed_by(&out, libc::SIGABRT);
    assert!(String::from_utf8_lossy(&out.stderr).contains("has overflowed its stack"));
    assert!(!String::from_utf8_lossy(&out.stderr).contains("coroutine"), "{}", text(&out));
}

fn bad_access() {
    // SAFETY: none that holds: the fault is the point.
    unsafe {
        std::ptr::with_exposed_provenance_mut::<u8>(std::hint::black_box(8)).write_volatile(1)
    };
}

#[test]
fn other_faults_still_kill() {
    let name = "other_faults_still_kill";
    let Some(out) = in_child(name, || own(1).run(bad_access)) else { return };
    killed_by(&out, libc::SIGSEGV);
    assert!(!String::from_utf8_lossy(&out.stderr).contains("overflow"), "{}", text(&out));
}

#[test]
fn a_fault_of_a_plain_thread_still_kills() {
    let name = "a_fault_of_a_plain_thread_still_kills";
    let scenario = || {
        let _runtime = own(1);
        let _ = std::thread::spawn(bad_access).join();
    };
    let Some(out) = in_child(name, scenario) else { return };
    killed_by(&out, libc::SIGSEGV);
}

#[test]
fn a_handler_from_before_gets_foreign_faults() {
    unsafe extern "C" fn handler(_: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
        // SAFETY: the kernel's record; `_exit` may be called in a handler.
        unsafe { libc::_exit(if (*info).si_addr() as usize == 8 { 33 } else { 34 }) };
    }
    let name = "a_handler_from_before_gets_foreign_faults";
    let scenario = || {
        // SAFETY: installs a handler of the type that SA_SIGINFO asks for.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut());
        }
        own(1).run(bad_access);
    };
    let Some(out) = in_child(name, scenario) else { return };
    assert_eq!(out.status.code(), Some(33), "{}", text(&out));
}

#[test]
fn a_panic_while_panicking_aborts() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("second");
        }
    }
    let name = "a_panic_while_panicking_aborts";
    let scenario = || {
        own(1).run(|| {
            let _bomb = Bomb;
            panic!("first");
        });
    };
    let Some(out) = in_child(name, scenario) else { return };
    killed_by(&out, libc::SIGABRT);
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert!(stderr.contains("first") && stderr.contains("second"), "{}", text(&out));
}

/// With a mapping or two for each guard the kernel's limit comes first; the error says which.
#[test]
fn forced_guards_run_out_of_mappings() {
    let name = "forced_guards_run_out_of_mappings";
    let limit = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
    if limit.trim().parse::<usize>().unwrap() > 70_000 {
        eprintln!("skipped: vm.max_map_count is not the default");
        return;
    }
    let scenario = || {
        let runtime = Runtime::builder().workers(1).stack_size(32 * 1024).build().unwrap();
        runtime.run(|| {
            let sleepers: Vec<_> =
                (0..40_000).map(|_| spawn(|| sleep(std::time::Duration::MAX))).collect();
            let last = sleepers.last().unwrap();
            common::until(|| last.is_finished());
            let (ended, waiting): (Vec<_>, Vec<_>) =
                sleepers.into_iter().partition(|s| s.is_finished());
            assert!(waiting.len() > 20_000);
            for handle in ended {
                let error = handle.join().unwrap_err().downcast::<std::io::Error>().unwrap();
                assert!(error.to_string().contains("vm.max_map_count"), "{error}");
            }
            // Those that wait go on as ever, and make room.
            waiting.iter().for_each(|w| w.cancel());
            waiting.into_iter().for_each(|w| assert!(w.join().is_err()));
            assert_eq!(spawn(|| 5).join().unwrap(), 5);
        });
    };
    let fallback = |c: &mut std::process::Command| {
        c.env("GREENWOOD_FALLBACK", "guards");
    };
    let Some(out) = in_child_with(name, fallback, scenario) else { return };
    assert!(out.status.success(), "{}", text(&out));
}

/// What old kernels do, in a child whose paths are forced.
#[test]
fn fallbacks_carry_the_same_scenarios() {
    let name = "fallbacks_carry_the_same_scenarios";
    if is_child(name) {
        let _watched = watchdog();
        common::each_mode(|| {
            let handles: Vec<_> = (0..500)
                .map(|n| {
                    spawn(move || {
                        sleep(std::time::Duration::from_micros(n % 7 * 300));
                        greenwood_runtime::offload(move || n)
                    })
                })
                .collect();
            let (from, to) = std::io::pipe().unwrap();
            spawn(move || {
                sleep(std::time::Duration::from_millis(1));
                drop(to);
            });
            use std::os::fd::AsFd;
            greenwood_runtime::readiness::wait_readable(from.as_fd(), None).unwrap();
            let sum: u64 = handles.into_iter().map(|h| h.join().unwrap()).sum();
            assert_eq!(sum, 499 * 500 / 2);
        });
        return;
    }
    for fallback in ["guards", "poller", "guards,poller"] {
        let out = child(name).env("GREENWOOD_FALLBACK", fallback).output().unwrap();
        assert!(out.status.success(), "{fallback}: {}", text(&out));
    }
}
