//! Joining OS threads.

mod common;

use std::ffi::{c_int, c_void};
use std::io::{self, Read, Write};
use std::ptr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::{Others, patched, until};
use greenwood_runtime::{spawn, timeout};
use libc::{pthread_t, timespec};

unsafe extern "C" {
    fn pthread_timedjoin_np(t: pthread_t, value: *mut *mut c_void, until: *const timespec)
    -> c_int;
    fn pthread_clockjoin_np(
        t: pthread_t,
        value: *mut *mut c_void,
        clock: libc::clockid_t,
        until: *const timespec,
    ) -> c_int;
}

/// A thread that ends when the sender does.
fn waiting() -> (mpsc::Sender<()>, thread::JoinHandle<i32>) {
    let (sender, end) = mpsc::channel();
    let thread = thread::spawn(move || {
        let _ = end.recv();
        5
    });
    (sender, thread)
}

#[test]
fn a_join_lets_others_run() {
    patched(|| {
        let (end, thread) = waiting();
        let others = Others::new();
        let joined = spawn(move || thread.join().unwrap());
        until(|| joined.coroutine().waits_for().is_some());
        others.run_during(|| greenwood_runtime::sleep(Duration::from_millis(2)));
        assert!(!joined.is_finished());
        drop(end);
        assert_eq!(joined.join().unwrap(), 5);
        // A thread that has ended, and one that panics.
        let ended = thread::spawn(|| 6);
        until(|| ended.is_finished());
        assert_eq!(ended.join().unwrap(), 6);
        assert!(thread::spawn(|| std::panic::resume_unwind(Box::new(7))).join().is_err());
    });
}

#[test]
fn a_scope_of_threads() {
    patched(|| {
        let (mut reader, mut writer) = io::pipe().unwrap();
        let mut byte = [0];
        let other = spawn(move || writer.write_all(&[9]).unwrap());
        // The thread can only end if the worker's other coroutine runs during the join.
        thread::scope(|scope| {
            scope.spawn(|| reader.read_exact(&mut byte).unwrap()).join().unwrap();
        });
        other.join().unwrap();
        assert_eq!(byte, [9]);
    });
}

#[test]
fn no_join_is_lost_to_an_interruption() {
    patched(|| {
        let (end, thread) = waiting();
        let joined = spawn(move || {
            let value = thread.join().unwrap();
            // The next wait hears of it.
            thread::sleep(Duration::from_secs(1000));
            value
        });
        until(|| joined.coroutine().waits_for().is_some());
        joined.cancel();
        let others = Others::new();
        others.run_during(|| greenwood_runtime::sleep(Duration::from_millis(2)));
        assert!(!joined.is_finished());
        drop(end);
        assert_eq!(joined.join().unwrap(), 5);

        let (end, thread) = waiting();
        let ender = spawn(move || {
            greenwood_runtime::sleep(Duration::from_millis(5));
            drop(end);
        });
        assert_eq!(timeout(Duration::from_millis(1), || thread.join().unwrap()), Ok(5));
        ender.join().unwrap();
    });
}

/// More joins than the pool for offloaded work has threads, each of a thread that ends by such work.
#[test]
fn joins_leave_the_pool_to_others() {
    patched(|| {
        let (ends, joins): (Vec<_>, Vec<_>) = (0..300)
            .map(|_| {
                let (end, thread) = waiting();
                (end, spawn(move || thread.join().unwrap()))
            })
            .unzip();
        until(|| joins.iter().all(|join| join.coroutine().waits_for().is_some()));
        greenwood_runtime::offload(move || drop(ends));
        assert!(joins.into_iter().all(|join| join.join().unwrap() == 5));
    });
}

fn odd_calls() -> Vec<c_int> {
    extern "C" fn start(_: *mut c_void) -> *mut c_void {
        ptr::without_provenance_mut(77)
    }
    extern "C" fn start_slowly(_: *mut c_void) -> *mut c_void {
        thread::sleep(Duration::from_millis(20));
        ptr::without_provenance_mut(77)
    }
    let new = |start| {
        let mut thread = 0;
        // SAFETY: a function that needs nothing.
        let code =
            unsafe { libc::pthread_create(&mut thread, ptr::null(), start, ptr::null_mut()) };
        assert_eq!(code, 0);
        thread
    };
    let past = timespec { tv_sec: 1, tv_nsec: 0 };
    let far = timespec { tv_sec: i64::from(i32::MAX), tv_nsec: 0 };
    let mut results = Vec::new();
    let mut value = ptr::null_mut();
    // SAFETY: threads that are joined once.
    unsafe {
        results.push(libc::pthread_join(libc::pthread_self(), ptr::null_mut()));
        results.push(libc::pthread_join(new(start), ptr::null_mut()));
        results.push(libc::pthread_join(new(start_slowly), &mut value));
        results.push(value as c_int);
        let slow = new(start_slowly);
        results.push(pthread_timedjoin_np(slow, &mut value, &past));
        results.push(pthread_clockjoin_np(slow, &mut value, libc::CLOCK_MONOTONIC, &past));
        results.push(pthread_clockjoin_np(slow, &mut value, 99, &far));
        results.push(pthread_timedjoin_np(slow, &mut value, &far));
        results.push(pthread_clockjoin_np(
            new(start_slowly),
            &mut value,
            libc::CLOCK_MONOTONIC,
            &far,
        ));
        results.push(pthread_timedjoin_np(new(start_slowly), &mut value, ptr::null()));
    }
    results
}

#[test]
fn odd_arguments_are_answered_as_ever() {
    let expected = odd_calls();
    assert_eq!(expected[..5], [libc::EDEADLK, 0, 0, 77, libc::ETIMEDOUT]);
    assert_eq!(patched(odd_calls), expected);
}
