//! `no_yield`: nothing suspends in it, however it ends.

mod common;

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, own, watchdog};
use greenwood_runtime::readiness::wait_readable;
use greenwood_runtime::{
    Builder, Placement, may_switch, no_yield, offload, sleep, spawn, yield_now,
};

#[test]
fn nobody_else_runs_meanwhile() {
    each_mode(|| {
        let turns = Arc::new(AtomicUsize::new(0));
        let count = turns.clone();
        let body = move || count.fetch_add(1, Ordering::Relaxed);
        let other = Builder::new().placement(Placement::Here).spawn(body).unwrap();
        no_yield(|| {
            yield_now();
            sleep(Duration::from_millis(1));
            assert_eq!(offload(|| 4), 4);
            let (from, mut to) = io::pipe().unwrap();
            to.write_all(b"x").unwrap();
            wait_readable(from.as_fd(), None).unwrap();
            no_yield(|| sleep(Duration::from_micros(1)));
            assert!(!may_switch());
            assert_eq!(turns.load(Ordering::Relaxed), 0);
        });
        assert!(may_switch());
        other.join().unwrap();
        assert_eq!(turns.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_panic_ends_it() {
    each_mode(|| {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            no_yield(|| std::panic::resume_unwind(Box::new(1)));
        }));
        assert!(caught.is_err() && may_switch());
    });
}

/// A wait in it blocks the worker; what it waits for comes from the other one.
#[test]
fn waits_in_it_are_woken_from_elsewhere() {
    let _watched = watchdog();
    own(2).run(|| {
        for _ in 0..100 {
            let handle = spawn(|| 5);
            assert_eq!(no_yield(|| handle.join().unwrap()), 5);
        }
    });
}

#[test]
fn on_a_thread_it_just_runs() {
    assert_eq!(no_yield(|| 3), 3);
}
