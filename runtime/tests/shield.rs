//! Shields: sections that nothing from around them ends.

mod common;

use std::io;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::{each_mode, until, watchdog};
use greenwood_runtime::park::{self, Reason, Wake};
use greenwood_runtime::readiness::wait_readable;
use greenwood_runtime::{
    CancelToken, Cancelled, Elapsed, offload, shield, sleep, spawn, timeout, yield_now,
};

const SOON: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_secs(3600);

/// On coroutines of both modes, and on an OS thread.
fn everywhere(f: fn()) {
    let _watched = watchdog();
    each_mode(f);
    f();
}

#[test]
fn keeps_time_outs_off() {
    everywhere(|| {
        let through = AtomicBool::new(false);
        let result = timeout(SOON, || {
            let value = shield(|| {
                sleep(SOON * 3);
                let (from, _to) = io::pipe().unwrap();
                let error = wait_readable(from.as_fd(), Some(SOON)).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                assert_eq!(offload(|| 4), 4);
                5
            });
            assert_eq!(value, 5);
            through.store(true, Ordering::Relaxed);
            sleep(SOON);
        });
        assert_eq!(result, Err(Elapsed));
        assert!(through.load(Ordering::Relaxed));
    });
}

#[test]
fn keeps_tokens_off() {
    everywhere(|| {
        let token = CancelToken::new();
        let through = AtomicBool::new(false);
        let result = token.run(|| {
            shield(|| {
                token.cancel();
                sleep(SOON);
            });
            through.store(true, Ordering::Relaxed);
            sleep(SOON);
        });
        assert_eq!(result, Err(Cancelled));
        assert!(through.load(Ordering::Relaxed));
    });
}

#[test]
fn keeps_a_cancellation_off() {
    each_mode(|| {
        let steps = Arc::new(AtomicUsize::new(0));
        let count = steps.clone();
        let handle = spawn(move || {
            shield(|| {
                count.fetch_add(1, Ordering::Relaxed);
                // Woken by the cancellation, and not told.
                while park::park(&Reason("a test"), None) != Wake::Unparked {}
                sleep(SOON);
                count.fetch_add(1, Ordering::Relaxed);
            });
            yield_now();
            count.fetch_add(1, Ordering::Relaxed);
            sleep(LONG);
        });
        until(|| handle.coroutine().waits_for() == Some("a test"));
        handle.cancel();
        assert!(handle.join().unwrap_err().is::<Cancelled>());
        assert_eq!(steps.load(Ordering::Relaxed), 3);
    });
}

#[test]
fn what_is_inside_works_as_ever() {
    everywhere(|| {
        let (outer, inner) = (CancelToken::new(), CancelToken::new());
        outer.cancel();
        inner.cancel();
        let result = outer.run(|| {
            shield(|| {
                assert_eq!(timeout(SOON, || sleep(LONG)), Err(Elapsed));
                assert_eq!(inner.run(|| sleep(LONG)), Err(Cancelled));
                // The one that is cancelled around it as well.
                assert_eq!(outer.run(|| sleep(LONG)), Err(Cancelled));
            });
            6
        });
        assert_eq!(result, Ok(6));
    });
}

#[test]
fn in_a_time_out_in_a_shield() {
    everywhere(|| {
        let outer = timeout(SOON, || {
            shield(|| {
                let inner = timeout(SOON * 2, || {
                    shield(|| sleep(SOON * 4));
                    // Of the two that are over, only the one inside the outer shield counts here.
                    sleep(LONG);
                });
                assert_eq!(inner, Err(Elapsed));
                sleep(SOON);
            });
            8
        });
        assert_eq!(outer, Ok(8));
    });
}

#[test]
fn unwinding_passes_it() {
    everywhere(|| {
        let payload = catch_unwind(|| shield(|| std::panic::resume_unwind(Box::new(5))));
        assert_eq!(*payload.unwrap_err().downcast::<i32>().unwrap(), 5);
        // It has gone with that.
        assert_eq!(timeout(SOON, || sleep(LONG)), Err(Elapsed));
    });
}

/// A destructor that must finish what it does can say so.
#[test]
fn in_a_destructor() {
    struct Finishes<'a>(&'a AtomicBool);
    impl Drop for Finishes<'_> {
        fn drop(&mut self) {
            shield(|| sleep(SOON));
            self.0.store(true, Ordering::Relaxed);
        }
    }
    everywhere(|| {
        let token = CancelToken::new();
        token.cancel();
        for unwinds in [false, true] {
            let finished = AtomicBool::new(false);
            let result = token.run(|| {
                let _finishes = Finishes(&finished);
                if unwinds {
                    sleep(LONG);
                }
            });
            assert_eq!(result.is_err(), unwinds);
            assert!(finished.load(Ordering::Relaxed));
        }
        let finished = AtomicBool::new(false);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _finishes = Finishes(&finished);
            std::panic::resume_unwind(Box::new(()));
        }));
        assert!(panicked.is_err() && finished.load(Ordering::Relaxed));
    });
}
