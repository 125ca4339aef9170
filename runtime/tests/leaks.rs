//! Nothing grows: waves are repeated until memory, descriptors, mappings and threads stay as they are.

mod common;

use common::{in_child, own, shared, text};
use greenwood_runtime::{Runtime, offload, sleep, spawn, yield_now};
use std::io::Write;
use std::os::fd::AsFd;
use std::time::Duration;

/// What the process has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Usage {
    descriptors: usize,
    threads: usize,
    mappings: usize,
    resident_mib: usize,
}

fn usage() -> Usage {
    let count = |path| std::fs::read_dir(path).unwrap().count();
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = status.split(' ').nth(1).unwrap().parse().unwrap();
    Usage {
        descriptors: count("/proc/self/fd"),
        threads: count("/proc/self/task"),
        mappings: std::fs::read_to_string("/proc/self/maps").unwrap().lines().count(),
        resident_mib: pages * 4 / 1024,
    }
}

/// Repeats `wave` until five in a row did not raise the highest usage so far. What leaks raises it for ever.
fn stable(mut wave: impl FnMut()) {
    let mut highest = usage();
    let (mut calm, mut history) = (0, Vec::new());
    for _ in 0..60 {
        wave();
        let now = usage();
        history.push(now);
        let grown = now.descriptors > highest.descriptors
            || now.threads > highest.threads
            || now.mappings > highest.mappings + 2
            || now.resident_mib > highest.resident_mib + 1;
        calm = if grown { 0 } else { calm + 1 };
        highest = Usage {
            descriptors: highest.descriptors.max(now.descriptors),
            threads: highest.threads.max(now.threads),
            mappings: if grown { now.mappings } else { highest.mappings },
            resident_mib: if grown { now.resident_mib } else { highest.resident_mib },
        };
        if calm == 5 {
            return;
        }
    }
    panic!("still growing: {history:#?}");
}

fn everything() {
    let handles: Vec<_> = (0..500)
        .map(|n| {
            spawn(move || {
                thread_local! { static HELD: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) }; }
                HELD.with_borrow_mut(|h| h.resize(1_000, 1));
                match n % 5 {
                    0 => sleep(Duration::from_micros(100)),
                    1 => yield_now(),
                    2 if n < 100 => offload(|| ()),
                    3 if n < 50 => {
                        let (from, mut to) = std::io::pipe().unwrap();
                        // The reader may be gone by then.
                        spawn(move || to.write_all(b"x").is_ok());
                        greenwood_runtime::readiness::wait_readable(from.as_fd(), None).unwrap();
                    }
                    _ => sleep(Duration::MAX),
                }
            })
        })
        .collect();
    sleep(Duration::from_millis(1));
    handles.iter().for_each(|h| h.cancel());
    for handle in handles {
        let _ = handle.join();
    }
}

#[test]
fn waves_of_coroutines() {
    let name = "waves_of_coroutines";
    let scenario = || {
        for runtime in [own(1), own(2), shared().build().unwrap()] {
            stable(|| runtime.run(everything));
        }
    };
    let Some(out) = in_child(name, scenario) else { return };
    assert!(out.status.success(), "{}", text(&out));
}

#[test]
fn runtimes_one_after_the_other() {
    let name = "runtimes_one_after_the_other";
    let scenario = || {
        stable(|| {
            for _ in 0..10 {
                Runtime::builder()
                    .workers(2)
                    .build()
                    .unwrap()
                    .run(|| spawn(yield_now).join().unwrap());
            }
        });
    };
    let Some(out) = in_child(name, scenario) else { return };
    assert!(out.status.success(), "{}", text(&out));
}
