//! Sleeping, as std and C do it.

mod common;

use std::ptr;
use std::thread;
use std::time::{Duration, Instant};

use common::{Others, patched};
use greenwood_runtime::{spawn, timeout};

const MS: Duration = Duration::from_millis(1);

fn spec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: duration.as_secs() as libc::time_t,
        tv_nsec: duration.subsec_nanos().into(),
    }
}

fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap()
}

fn set_errno(code: i32) {
    // SAFETY: the caller's own.
    unsafe { *libc::__errno_location() = code };
}

#[test]
fn sleeps_yield_and_last() {
    patched(|| {
        let others = Others::new();
        let lasts = |duration: Duration, f: &dyn Fn()| {
            let start = Instant::now();
            others.run_during(f);
            assert!(start.elapsed() >= duration);
        };
        lasts(5 * MS, &|| thread::sleep(5 * MS));
        // SAFETY: plain numbers, and structures that are there.
        lasts(5 * MS, &|| assert_eq!(unsafe { libc::usleep(5000) }, 0));
        // SAFETY: as above.
        let nanos = || unsafe { libc::nanosleep(&spec(5 * MS), ptr::null_mut()) };
        lasts(5 * MS, &|| assert_eq!(nanos(), 0));
        // SAFETY: as above.
        lasts(1000 * MS, &|| assert_eq!(unsafe { libc::sleep(1) }, 0));
        for clock in [libc::CLOCK_REALTIME, libc::CLOCK_MONOTONIC, libc::CLOCK_BOOTTIME] {
            lasts(5 * MS, &|| {
                // SAFETY: as above.
                let slept =
                    unsafe { libc::clock_nanosleep(clock, 0, &spec(5 * MS), ptr::null_mut()) };
                assert_eq!(slept, 0);
            });
            lasts(5 * MS, &|| {
                let mut until = spec(Duration::ZERO);
                // SAFETY: as above.
                let slept = unsafe {
                    libc::clock_gettime(clock, &mut until);
                    let then = Duration::new(until.tv_sec as u64, until.tv_nsec as u32) + 5 * MS;
                    let flags = libc::TIMER_ABSTIME;
                    libc::clock_nanosleep(clock, flags, &spec(then), ptr::null_mut())
                };
                assert_eq!(slept, 0);
            });
        }
    });
}

#[test]
fn a_turn_is_given_up() {
    patched(|| {
        let other = spawn(|| ());
        while !other.is_finished() {
            thread::yield_now();
        }
    });
}

/// What calls that sleep not at all, or never end well, return.
fn odd_calls() -> Vec<(i32, i32)> {
    let (negative, large) = (
        libc::timespec { tv_sec: -1, tv_nsec: 0 },
        libc::timespec { tv_sec: 0, tv_nsec: 1_000_000_000 },
    );
    let nothing = spec(Duration::ZERO);
    let wild = 16usize as *const libc::timespec;
    let mut results = Vec::new();
    for request in [&raw const negative, &raw const large, ptr::null(), wild, &raw const nothing] {
        set_errno(77);
        // SAFETY: the kernel looks at the address.
        results.push((unsafe { libc::nanosleep(request, ptr::null_mut()) }, errno()));
        for clock in [libc::CLOCK_REALTIME, libc::CLOCK_MONOTONIC, 99] {
            for flags in [0, libc::TIMER_ABSTIME] {
                set_errno(77);
                // SAFETY: as above.
                let code = unsafe { libc::clock_nanosleep(clock, flags, request, ptr::null_mut()) };
                results.push((code, errno()));
            }
        }
    }
    // In the past.
    set_errno(77);
    let (clock, flags) = (libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME);
    // SAFETY: as above.
    let code = unsafe { libc::clock_nanosleep(clock, flags, &spec(MS), ptr::null_mut()) };
    results.push((code, errno()));
    results
}

#[test]
fn odd_arguments_are_answered_as_ever() {
    let expected = odd_calls();
    assert!(expected.contains(&(libc::EFAULT, 77)) && expected.contains(&(-1, libc::EINVAL)));
    assert_eq!(patched(odd_calls), expected);
}

#[test]
fn a_cancelled_sleep_ends_early_once() {
    patched(|| {
        let sleeper = spawn(|| {
            thread::sleep(Duration::from_secs(1000));
            let start = Instant::now();
            thread::sleep(10 * MS);
            // SAFETY: a number.
            let left = unsafe { libc::sleep(1) };
            (start.elapsed(), left)
        });
        common::until(|| sleeper.coroutine().waits_for() == Some("sleep"));
        sleeper.cancel();
        let others = Others::new();
        let (slept, left) = others.run_during(|| sleeper.join().unwrap());
        assert_eq!(left, 0);
        assert!(slept >= 1010 * MS);
    });
}

#[test]
fn a_timeout_ends_a_sleep_once_and_leaves_those_after_it() {
    patched(|| {
        let inside = timeout(5 * MS, || {
            // SAFETY: a number.
            let left = unsafe { libc::sleep(1000) };
            let second = Instant::now();
            thread::sleep(20 * MS);
            (left, second.elapsed())
        });
        let (left, second) = inside.unwrap();
        assert_eq!(left, 1000);
        assert!(second >= 20 * MS);
        // What waits by the runtime unwinds, as after any report.
        assert!(
            timeout(MS, || {
                thread::sleep(Duration::from_secs(1000));
                greenwood_runtime::sleep(Duration::MAX);
            })
            .is_err()
        );
    });
}

#[test]
fn a_new_interruption_ends_a_sleep_after_a_reported_one() {
    patched(|| {
        let sleeper = spawn(|| {
            timeout(MS, || {
                thread::sleep(Duration::from_secs(1000));
                thread::sleep(Duration::from_secs(1000));
            })
        });
        // In its second sleep for good.
        thread::sleep(20 * MS);
        assert!(!sleeper.is_finished());
        sleeper.cancel();
        assert_eq!(sleeper.join().unwrap(), Ok(()));
    });
}
