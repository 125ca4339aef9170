//! Time-outs around code: which call ends, how, and up to where.

mod common;

use std::io;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{each_mode, on_own, until, watchdog};
use greenwood_runtime::channel::bounded;
use greenwood_runtime::park::{self, Reason, Wake};
use greenwood_runtime::readiness::{Interest, Source, wait_readable};
use greenwood_runtime::sync::Mutex;
use greenwood_runtime::{
    Builder, Cancelled, Elapsed, Placement, deadline, is_interruption, no_yield, now, scope, sleep,
    spawn, timeout, yield_now,
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
fn a_value_is_returned_however_late() {
    everywhere(|| {
        assert_eq!(timeout(LONG, || 5), Ok(5));
        assert_eq!(timeout(Duration::MAX, || 5), Ok(5));
        assert_eq!(timeout(Duration::ZERO, || 5), Ok(5));
        let past = Instant::now() - SOON;
        assert_eq!(deadline(past, || 5), Ok(5));
    });
}

#[test]
fn every_wait_without_an_error_unwinds() {
    everywhere(|| {
        struct Counts<'a>(&'a AtomicUsize);
        impl Drop for Counts<'_> {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let dropped = AtomicUsize::new(0);
        let (_s, r) = bounded::<()>(0);
        let mutex = Mutex::new(());
        let guard = mutex.lock();
        let never = spawn(|| sleep(Duration::MAX));
        let waits: [&dyn Fn(); 4] = [
            &|| sleep(Duration::MAX),
            &|| assert!(r.recv().is_err()),
            &|| drop(mutex.lock()),
            &|| {
                loop {
                    park::park(&Reason("a test"), None);
                }
            },
        ];
        for wait in waits {
            let result = timeout(SOON, || {
                let _counts = Counts(&dropped);
                wait();
            });
            assert_eq!(result, Err(Elapsed));
        }
        assert_eq!(dropped.load(Ordering::Relaxed), 4);
        never.cancel();
        assert_eq!(timeout(SOON, || never.join().unwrap_err().is::<Cancelled>()), Ok(true));
        drop(guard);
        assert!(mutex.try_lock().is_ok());
    });
}

#[test]
fn io_fails_once_and_then_unwinds() {
    everywhere(|| {
        let (from, _to) = io::pipe().unwrap();
        let steps = AtomicUsize::new(0);
        let result = timeout(SOON, || {
            let error = wait_readable(from.as_fd(), None).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ETIMEDOUT));
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            steps.fetch_add(1, Ordering::Relaxed);
            yield_now();
            let _ = wait_readable(from.as_fd(), None);
            steps.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(result, Err(Elapsed));
        assert_eq!(steps.load(Ordering::Relaxed), 1);
        // A descriptor's own time-out is another matter.
        let own = timeout(LONG, || wait_readable(from.as_fd(), Some(SOON)).unwrap_err().kind());
        assert_eq!(own, Ok(io::ErrorKind::WouldBlock));
        // A driver that gives up after the error returns what it has.
        let kind = timeout(SOON, || wait_readable(from.as_fd(), None).unwrap_err().kind());
        assert_eq!(kind, Ok(io::ErrorKind::TimedOut));
    });
}

#[test]
fn nested_ones_end_their_own_code_only() {
    everywhere(|| {
        // The inner one first.
        let outer = timeout(LONG, || {
            assert_eq!(timeout(SOON, || sleep(Duration::MAX)), Err(Elapsed));
            7
        });
        assert_eq!(outer, Ok(7));
        // The outer one first: the inner frame is passed, whatever its own time is.
        for inner in [LONG, Duration::MAX] {
            let reached = AtomicBool::new(false);
            let outer = timeout(SOON, || {
                let _ = timeout(inner, || sleep(Duration::MAX));
                reached.store(true, Ordering::Relaxed);
            });
            assert_eq!(outer, Err(Elapsed));
            assert!(!reached.load(Ordering::Relaxed));
        }
        // Both at once: none is eaten.
        let at = now() + SOON;
        let outer = deadline(at, || {
            let _ = deadline(at, || sleep(Duration::MAX));
            sleep(Duration::MAX);
        });
        assert_eq!(outer, Err(Elapsed));
        // The inner one expires, the code between goes on until the outer one does.
        let inner_expired = AtomicBool::new(false);
        let outer = timeout(SOON * 4, || {
            let inner = timeout(SOON, || sleep(Duration::MAX));
            inner_expired.store(inner.is_err(), Ordering::Relaxed);
            sleep(Duration::MAX);
        });
        assert_eq!(outer, Err(Elapsed));
        assert!(inner_expired.load(Ordering::Relaxed));
    });
}

#[test]
fn a_waits_own_deadline_comes_first() {
    everywhere(|| {
        let at = now() + SOON;
        let wake = deadline(at, || park::park(&Reason("a test"), Some(at)));
        assert_eq!(wake, Ok(Wake::TimedOut));
        let wake = deadline(at + LONG, || park::park(&Reason("a test"), Some(now() + SOON)));
        assert_eq!(wake, Ok(Wake::TimedOut));
    });
}

#[test]
fn who_swallows_it_meets_it_again() {
    everywhere(|| {
        let caught = AtomicUsize::new(0);
        let result = timeout(SOON, || {
            for _ in 0..3 {
                let payload = catch_unwind(|| sleep(Duration::MAX)).unwrap_err();
                assert!(is_interruption(&*payload));
                caught.fetch_add(1, Ordering::Relaxed);
            }
            sleep(Duration::ZERO);
            sleep(Duration::from_nanos(1));
        });
        assert_eq!(result, Err(Elapsed));
        assert_eq!(caught.load(Ordering::Relaxed), 3);
        sleep(SOON);
    });
}

/// Its payload, kept and thrown in another scope, is nobody's: a panic like any other.
#[test]
fn a_payload_from_elsewhere_is_passed_on() {
    everywhere(|| {
        let mut payload = None;
        let _ = timeout(SOON, || {
            payload = catch_unwind(|| sleep(Duration::MAX)).err();
        });
        let payload = payload.unwrap();
        let passed =
            catch_unwind(AssertUnwindSafe(|| timeout(LONG, || std::panic::resume_unwind(payload))));
        assert!(is_interruption(&*passed.unwrap_err()));
    });
}

#[test]
fn panics_pass() {
    everywhere(|| {
        let payload = catch_unwind(|| timeout(LONG, || std::panic::resume_unwind(Box::new(5))));
        assert_eq!(*payload.unwrap_err().downcast::<i32>().unwrap(), 5);
        sleep(SOON);
    });
}

#[test]
fn destructors_wait_as_ever_while_it_unwinds() {
    struct Waits<'a>(&'a AtomicBool);
    impl Drop for Waits<'_> {
        fn drop(&mut self) {
            sleep(SOON);
            self.0.store(true, Ordering::Relaxed);
        }
    }
    everywhere(|| {
        let waited = AtomicBool::new(false);
        let result = timeout(SOON, || {
            let _waits = Waits(&waited);
            sleep(Duration::MAX);
        });
        assert_eq!(result, Err(Elapsed));
        assert!(waited.load(Ordering::Relaxed));
    });
}

/// A destructor that runs while unwinding can limit its own waits.
#[test]
fn in_a_destructor_while_unwinding() {
    struct Flushes<'a>(&'a AtomicUsize);
    impl Drop for Flushes<'_> {
        fn drop(&mut self) {
            let (from, _to) = io::pipe().unwrap();
            assert_eq!(timeout(SOON, || sleep(Duration::MAX)), Err(Elapsed));
            self.0.fetch_add(1, Ordering::Relaxed);
            let kind = timeout(SOON, || wait_readable(from.as_fd(), None).unwrap_err().kind());
            assert_eq!(kind, Ok(io::ErrorKind::TimedOut));
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    everywhere(|| {
        let flushed = AtomicUsize::new(0);
        let result = timeout(SOON, || {
            let _flushes = Flushes(&flushed);
            sleep(Duration::MAX);
        });
        assert_eq!(result, Err(Elapsed));
        assert_eq!(flushed.load(Ordering::Relaxed), 2);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _flushes = Flushes(&flushed);
            std::panic::resume_unwind(Box::new(()));
        }));
        assert!(panicked.is_err());
        assert_eq!(flushed.load(Ordering::Relaxed), 4);
    });
}

/// Two that always wake each other before their timers are looked at.
#[test]
fn a_busy_coroutine_is_ended_too() {
    let _watched = watchdog();
    on_own(|| {
        let (s1, r1) = bounded::<()>(0);
        let (s2, r2) = bounded::<()>(0);
        let echo = spawn(move || {
            while r1.recv().is_ok() {
                if s2.send(()).is_err() {
                    return;
                }
            }
        });
        let rounds = AtomicUsize::new(0);
        let result = timeout(SOON, || {
            loop {
                s1.send(()).unwrap();
                r2.recv().unwrap();
                rounds.fetch_add(1, Ordering::Relaxed);
            }
        });
        assert_eq!(result, Err::<(), _>(Elapsed));
        assert!(rounds.load(Ordering::Relaxed) > 0);
        drop((s1, r2));
        echo.join().unwrap();
    });
}

#[test]
fn what_it_spawns_is_not_its_own() {
    each_mode(|| {
        let (s, r) = bounded(1);
        let child = timeout(SOON, || {
            spawn(move || {
                sleep(SOON * 3);
                s.send(9).unwrap();
            })
        });
        assert_eq!(r.recv(), Ok(9));
        child.unwrap().join().unwrap();
    });
}

#[test]
fn a_scope_inside_waits_for_its_children() {
    everywhere(|| {
        let done = AtomicBool::new(false);
        let result = timeout(SOON, || {
            scope(|s| {
                s.spawn(|| {
                    sleep(SOON * 3);
                    done.store(true, Ordering::Relaxed);
                });
                sleep(Duration::MAX);
            });
        });
        assert_eq!(result, Err(Elapsed));
        assert!(done.load(Ordering::Relaxed));
    });
}

#[test]
fn where_nothing_may_suspend() {
    everywhere(|| {
        no_yield(|| assert_eq!(timeout(SOON, || sleep(Duration::MAX)), Err(Elapsed)));
    });
}

/// Cancelled and out of time at once: the cancellation goes further.
#[test]
fn a_cancellation_passes_it() {
    each_mode(|| {
        let inside = Arc::new(AtomicBool::new(false));
        let flag = inside.clone();
        // Where no other worker takes it before it is cancelled.
        let here = Builder::new().placement(Placement::Here);
        let handle = here.spawn(move || {
            let _ = timeout(SOON, || {
                flag.store(true, Ordering::Relaxed);
                no_yield(|| std::thread::sleep(SOON * 2));
                sleep(Duration::MAX);
            });
            unreachable!("the coroutine has been cancelled");
        });
        let handle = handle.unwrap();
        handle.cancel();
        let result: std::thread::Result<()> = handle.join();
        assert!(result.unwrap_err().is::<Cancelled>());
        assert!(!inside.load(Ordering::Relaxed), "not even started");

        let (s, r) = bounded(0);
        let handle = spawn(move || {
            let _ = timeout(SOON, || {
                s.send(()).unwrap();
                no_yield(|| std::thread::sleep(SOON * 2));
                sleep(Duration::MAX);
            });
            unreachable!("the coroutine has been cancelled");
        });
        r.recv().unwrap();
        handle.cancel();
        let result: std::thread::Result<()> = handle.join();
        assert!(result.unwrap_err().is::<Cancelled>());
    });
}

/// Its own time-outs, one in the other, with a destructor inside that waits beyond both: that one must not unwind.
#[test]
fn nested_in_a_destructor_while_unwinding() {
    struct Waits<'a>(&'a AtomicUsize);
    impl Drop for Waits<'_> {
        fn drop(&mut self) {
            sleep(SOON * 4);
            // What it enters itself still counts.
            assert_eq!(timeout(SOON, || sleep(Duration::MAX)), Err(Elapsed));
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    struct Nests<'a>(&'a AtomicUsize, Duration, Duration);
    impl Drop for Nests<'_> {
        fn drop(&mut self) {
            let ended = timeout(self.1, || {
                let _between = Waits(self.0);
                let inner = timeout(self.2, || {
                    let _inside = Waits(self.0);
                    sleep(Duration::MAX);
                });
                assert_eq!(inner, Err(Elapsed));
                // The outer one is over as well by now, and is heeded again.
                sleep(Duration::MAX);
            });
            assert_eq!(ended, Err(Elapsed));
        }
    }
    everywhere(|| {
        let waited = AtomicUsize::new(0);
        for (outer, inner) in [(SOON * 2, SOON), (SOON, SOON * 2), (SOON, LONG)] {
            let result = timeout(SOON, || {
                let _nests = Nests(&waited, outer, inner);
                sleep(Duration::MAX);
            });
            assert_eq!(result, Err(Elapsed));
        }
        assert_eq!(waited.load(Ordering::Relaxed), 6);
    });
}

/// Another library's coroutine on the same thread is left in the middle of a time-out, which ends when all around it have.
#[test]
fn on_stacks_that_are_left_in_between() {
    use corosensei::stack::{Stack, StackPointer};
    use corosensei::{Coroutine, CoroutineResult};

    /// No guard page: what runs on it needs a few kilobytes.
    struct Memory(Vec<u128>);
    // SAFETY: memory that nobody else uses, aligned to 16 bytes.
    unsafe impl Stack for Memory {
        fn base(&self) -> StackPointer {
            StackPointer::new(self.0.as_ptr_range().end as usize).unwrap()
        }
        fn limit(&self) -> StackPointer {
            StackPointer::new(self.0.as_ptr() as usize).unwrap()
        }
    }

    everywhere(|| {
        let start = || {
            let stack = Memory(vec![0; 16 << 10]);
            Coroutine::<(), (), (), Memory>::with_stack(stack, |yielder, ()| {
                timeout(LONG, || yielder.suspend(())).unwrap();
                sleep(SOON);
            })
        };
        let mut inside = start();
        let mut around = start();
        assert!(matches!(around.resume(()), CoroutineResult::Yield(())));
        let result = timeout(LONG, || {
            assert!(matches!(inside.resume(()), CoroutineResult::Yield(())));
            assert!(matches!(around.resume(()), CoroutineResult::Return(())));
            7
        });
        assert_eq!(result, Ok(7));
        sleep(SOON);
        assert_eq!(timeout(SOON, || sleep(Duration::MAX)), Err(Elapsed));
        assert!(matches!(inside.resume(()), CoroutineResult::Return(())));
        assert_eq!(timeout(SOON, || sleep(Duration::MAX)), Err(Elapsed));
    });
}

/// A thread that blocks does not wait for the paused clock of its runtime.
#[test]
fn where_nothing_may_suspend_and_time_stands_still() {
    let _watched = watchdog();
    let runtime = greenwood_runtime::Runtime::builder().workers(1).paused_clock().build();
    runtime.unwrap().run(|| {
        sleep(LONG);
        assert_eq!(timeout(LONG, || sleep(LONG * 2)), Err(Elapsed));
        let start = now();
        no_yield(|| {
            sleep(SOON);
            assert_eq!(park::park(&Reason("a test"), Some(now() + SOON)), Wake::TimedOut);
            assert_eq!(timeout(SOON, || sleep(Duration::MAX)), Err(Elapsed));
            let (from, _to) = io::pipe().unwrap();
            let own = wait_readable(from.as_fd(), Some(SOON)).unwrap_err();
            assert_eq!(own.kind(), io::ErrorKind::WouldBlock);
            let kind = timeout(SOON, || wait_readable(from.as_fd(), None).unwrap_err().kind());
            assert_eq!(kind, Ok(io::ErrorKind::TimedOut));
        });
        assert_eq!(now(), start);
    });
}

/// The wait's own deadline, too: here each wake-up finds nothing.
#[test]
fn a_deadline_passes_however_often_it_is_woken() {
    let _watched = watchdog();
    on_own(|| {
        let at = now() + SOON;
        let (me, end) = (park::unparker(), Arc::new(AtomicBool::new(false)));
        let ended = end.clone();
        let waker = spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                me.unpark();
                yield_now();
            }
        });
        yield_now();
        while park::park(&Reason("a test"), Some(at)) == Wake::Unparked {}
        end.store(true, Ordering::Relaxed);
        waker.join().unwrap();
    });
}

/// Whoever catches it without end ends nobody else's turns.
#[test]
fn who_swallows_it_for_ever_lets_the_others_run() {
    each_mode(|| {
        let swallowed = Arc::new(AtomicUsize::new(0));
        let end = Arc::new(AtomicBool::new(false));
        let (count, ended) = (swallowed.clone(), end.clone());
        let swallows = spawn(move || {
            timeout(Duration::ZERO, || {
                while !ended.load(Ordering::Relaxed) {
                    let _ = catch_unwind(|| sleep(Duration::MAX));
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        until(|| swallowed.load(Ordering::Relaxed) > 2);
        end.store(true, Ordering::Relaxed);
        assert_eq!(swallows.join().unwrap(), Ok(()));
    });
}

/// A peer that is always faster must not keep a coroutine from being ended.
#[test]
fn io_that_never_has_to_wait_fails_too() {
    each_mode(|| {
        let endless = || {
            let (from, _to) = io::pipe().unwrap();
            let source = Source::new();
            loop {
                let read = source.perform(from.as_fd(), Interest::Read, None, || Ok(()), |_| false);
                if let Err(error) = read {
                    return error.raw_os_error();
                }
            }
        };
        assert_eq!(timeout(SOON, endless), Ok(Some(libc::ETIMEDOUT)));
        let (started, has_started) = bounded(1);
        let reader = spawn(move || {
            started.send(()).unwrap();
            endless()
        });
        has_started.recv().unwrap();
        reader.cancel();
        assert_eq!(reader.join().unwrap(), Some(libc::ECANCELED));
    });
}
