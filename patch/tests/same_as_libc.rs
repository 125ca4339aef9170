//! A matrix of calls, made before `install`, after it off a coroutine, and on coroutines: results, errors, bytes and flags are the same.
//!
//! One test, as nothing can be taken back that was installed.

#[path = "common/calls.rs"]
mod calls;
mod common;
#[path = "common/objects.rs"]
mod objects;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use calls::{Call, calls};
use greenwood_patch::{Patches, install};
use greenwood_runtime::Runtime;
use objects::{Maker, objects};

/// How many at a time: most of them wait for a moment.
const WIDTH: usize = 24;

/// Named if they hang.
static IN_FLIGHT: Mutex<BTreeSet<Key>> = Mutex::new(BTreeSet::new());

type Key = (&'static str, bool, &'static str);
type Case = (&'static str, Maker, &'static str, Call, bool);
type Outcomes = BTreeMap<Key, String>;

fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for (object, make) in objects() {
        for (name, call) in calls() {
            for nonblocking in [false, true] {
                all.push((object, make, name, call, nonblocking));
            }
        }
    }
    all
}

fn run(&(object, make, name, call, nonblocking): &Case, outcomes: &Mutex<Outcomes>) {
    IN_FLIGHT.lock().unwrap().insert((object, nonblocking, name));
    let mut made = make();
    made.set_mode(nonblocking);
    let flags = made.flags();
    let helper = made.start_helper(nonblocking);
    let mut outcome = call(made.fd);
    outcome += &format!(" | flags kept: {}", made.flags() == flags);
    drop(made);
    while helper.as_ref().is_some_and(|h| !h.is_finished()) {
        pause();
    }
    IN_FLIGHT.lock().unwrap().remove(&(object, nonblocking, name));
    outcomes.lock().unwrap().insert((object, nonblocking, name), outcome);
}

fn pause() {
    if greenwood_runtime::may_switch() {
        greenwood_runtime::sleep(std::time::Duration::from_micros(200));
    } else {
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
}

fn on_threads(cases: Vec<Case>) -> Outcomes {
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::default());
    std::thread::scope(|s| {
        for _ in 0..WIDTH {
            s.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    run(case, &outcomes);
                }
            });
        }
    });
    outcomes.into_inner().unwrap()
}

fn on_coroutines(workers: usize, cases: Vec<Case>) -> Outcomes {
    let shared = Arc::new((cases, AtomicUsize::new(0), Mutex::<Outcomes>::default()));
    let all = shared.clone();
    Runtime::builder().workers(workers).build().unwrap().run(move || {
        let runners: Vec<_> = (0..WIDTH)
            .map(|_| {
                let all = all.clone();
                greenwood_runtime::spawn(move || {
                    let (cases, next, outcomes) = &*all;
                    while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                        run(case, outcomes);
                    }
                })
            })
            .collect();
        runners.into_iter().for_each(|r| r.join().unwrap());
    });
    std::mem::take(&mut *shared.2.lock().unwrap())
}

/// The number of cases that differ, each time that they are tried: a helper that comes late makes a difference, too, but not for ever.
fn differences(what: &str, libc: &[Outcomes], run: impl Fn(Vec<Case>) -> Outcomes) -> usize {
    let mut left = cases();
    for attempt in 0.. {
        let found = run(left.clone());
        left.retain(|case| libc.iter().all(|l| l.get(&key(case)) != found.get(&key(case))));
        if left.is_empty() {
            break;
        }
        if attempt == 4 {
            for key in left.iter().map(key) {
                eprintln!("{what}: {key:?}\n  libc  {}\n  here  {}", libc[0][&key], found[&key]);
            }
            break;
        }
    }
    left.len()
}

fn key(&(object, _, name, _, nonblocking): &Case) -> Key {
    (object, nonblocking, name)
}

#[test]
fn all_calls_on_all_descriptors() {
    let _watchdog = common::watchdog();
    std::thread::spawn(|| {
        // Before the watchdog ends it.
        std::thread::sleep(std::time::Duration::from_secs(55));
        eprintln!("under way: {:?}", IN_FLIGHT.lock().unwrap());
    });
    objects::raise_limit();
    let libc = [on_threads(cases()), on_threads(cases())];
    assert!(libc[0].len() > 1000);
    install(Patches::all()).unwrap();
    let off = differences("off a coroutine", &libc, on_threads);
    let on = differences("on a coroutine", &libc, |cases| on_coroutines(1, cases));
    let more = differences("on two workers", &libc, |cases| on_coroutines(2, cases));
    assert_eq!((off, on, more), (0, 0, 0), "differences");
}
