//! Joining, from coroutines, other workers and threads.

mod common;

use std::sync::mpsc::channel;
use std::time::Duration;

use common::{each_mode, each_runtime, until};
use greenwood_runtime::{JoinHandle, offload, sleep, spawn, yield_now};

#[test]
fn joining_yields() {
    each_mode(|| {
        let handle = spawn(|| {
            let other = spawn(|| 1);
            until(|| other.is_finished());
            other.join().unwrap() + 1
        });
        assert_eq!(handle.join().unwrap(), 2);
    });
}

#[test]
fn from_a_thread_and_of_what_has_ended() {
    each_runtime(|runtime| {
        let slow = runtime.spawn(|| sleep(Duration::from_millis(2)));
        slow.join().unwrap();
        let fast = runtime.spawn(|| 3);
        while !fast.is_finished() {
            std::thread::yield_now();
        }
        assert_eq!(fast.join().unwrap(), 3);
    });
}

#[test]
fn a_chain_of_joins() {
    each_mode(|| {
        let mut last: JoinHandle<usize> = spawn(|| {
            sleep(Duration::from_millis(1));
            0
        });
        for _ in 0..300 {
            let before = last;
            last = spawn(move || before.join().unwrap() + 1);
        }
        assert_eq!(last.join().unwrap(), 300);
    });
}

#[test]
fn handles_pass_between_runtimes_and_threads() {
    each_runtime(|first| {
        let second = common::own(1);
        let (send, receive) = channel();
        for n in 0..50 {
            let handle = first.spawn(move || {
                yield_now();
                n
            });
            send.send(second.spawn(move || handle.join().unwrap())).unwrap();
        }
        drop(send);
        let sum: usize = receive.iter().map(|h| h.join().unwrap()).sum();
        assert_eq!(sum, 49 * 50 / 2);
    });
}

/// The end of one races with its join, on the same worker, another, and a thread.
#[test]
fn ends_that_race_with_joins() {
    each_runtime(|runtime| {
        for round in 0..300 {
            let handle = runtime.spawn(move || (0..round % 4).for_each(|_| yield_now()));
            if round % 2 == 0 {
                handle.join().unwrap();
            } else {
                runtime.spawn(move || handle.join().unwrap()).join().unwrap();
            }
        }
        runtime.run(|| {
            for _ in 0..100 {
                let handle = spawn(|| 1);
                assert_eq!(offload(move || handle.join().unwrap()), 1);
            }
        });
    });
}
