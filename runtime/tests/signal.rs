//! Receiving signals. They belong to the whole process, so each test has numbers of its own.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use greenwood_runtime::signal::*;
use greenwood_runtime::{JoinHandle, Runtime, may_switch, spawn, yield_now};

const WATCHDOG: Duration = Duration::from_secs(60);

/// Turns a hang into a failure of the whole test program.
fn watched<T>(run: impl FnOnce() -> T) -> T {
    let (done, waiting) = mpsc::channel::<()>();
    let name = thread::current().name().map(String::from);
    thread::spawn(move || {
        if waiting.recv_timeout(WATCHDOG) == Err(RecvTimeoutError::Timeout) {
            eprintln!("{name:?} hangs");
            std::process::abort();
        }
    });
    let value = run();
    drop(done);
    value
}

/// On an OS thread, then on the one worker of a runtime: a call that blocked it would let nobody else run.
fn both(scenario: impl Fn() + Send + Sync) {
    watched(|| {
        scenario();
        Runtime::builder().workers(1).build().unwrap().run(&scenario);
    });
}

fn on_one_worker(scenario: impl FnOnce() + Send) {
    watched(|| Runtime::builder().workers(1).build().unwrap().run(scenario));
}

/// Sends to the process, not to the calling thread.
fn kill(signal: Signal) {
    // SAFETY: takes numbers.
    assert_eq!(unsafe { libc::kill(std::process::id() as libc::pid_t, signal.as_raw()) }, 0);
}

fn real_time(n: i32) -> Signal {
    Signal::from_raw(libc::SIGRTMIN() + n)
}

/// Returns once the coroutine waits for a signal, as reports name it.
fn until_waiting<T>(handle: &JoinHandle<T>) {
    while handle.coroutine().waits_for() != Some("signal") {
        yield_now();
    }
}

#[test]
fn what_cannot_be_received_is_named() {
    let refused = [
        (SIGKILL, "SIGKILL"),
        (SIGSTOP, "SIGSTOP"),
        (SIGSEGV, "SIGSEGV"),
        (SIGBUS, "SIGBUS"),
        (SIGFPE, "SIGFPE"),
        (SIGILL, "SIGILL"),
        (Signal::from_raw(0), "signal 0"),
        (Signal::from_raw(-1), "signal -1"),
        (Signal::from_raw(65), "signal 65"),
        (Signal::from_raw(i32::MAX), "signal 2147483647"),
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        (Signal::from_raw(32), "signal 32"),
    ];
    for (signal, name) in refused {
        let error = Signals::new([real_time(0), signal]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), format!("cannot receive {name}"));
    }
    assert_eq!(
        Signal::from_raw(65).raise().unwrap_err().raw_os_error(),
        Some(libc::EINVAL),
        "raise checks the number"
    );
}

/// Signals that come before anybody waits are kept: each kind once, in the order of arrival.
#[test]
fn early_signals_are_kept_and_coalesced() {
    both(|| {
        let signals = Signals::new([real_time(1), SIGUSR1, SIGUSR1]).unwrap();
        for signal in [SIGUSR1, real_time(1), SIGUSR1, SIGUSR1] {
            signal.raise().unwrap();
        }
        assert_eq!(signals.recv().unwrap(), SIGUSR1);
        SIGUSR1.raise().unwrap();
        let rest: Vec<_> = signals.iter().take(2).collect::<io::Result<_>>().unwrap();
        assert_eq!(rest, [real_time(1), SIGUSR1]);
        assert_eq!(signals.try_recv().unwrap(), None);
        assert_eq!(signals.recv_timeout(Duration::ZERO).unwrap(), None);
    });
}

#[test]
fn waiting_yields_and_is_labelled() {
    on_one_worker(|| {
        let signals = Signals::new([real_time(2)]).unwrap();
        let waiting = spawn(move || signals.recv());
        until_waiting(&waiting);
        real_time(2).raise().unwrap();
        assert_eq!(waiting.join().unwrap().unwrap(), real_time(2));
    });
}

#[test]
fn a_signal_sent_to_the_process_wakes_a_thread() {
    watched(|| {
        let signals = Signals::new([SIGUSR2]).unwrap();
        let (started, start) = mpsc::channel();
        let waiting = thread::spawn(move || {
            started.send(()).unwrap();
            signals.recv_timeout(WATCHDOG)
        });
        start.recv().unwrap();
        kill(SIGUSR2);
        assert_eq!(waiting.join().unwrap().unwrap(), Some(SIGUSR2));
    });
}

#[test]
fn a_timeout_passes_and_loses_nothing() {
    both(|| {
        let signals = Signals::new([real_time(3)]).unwrap();
        assert_eq!(signals.recv_timeout(Duration::from_millis(5)).unwrap(), None);
        real_time(3).raise().unwrap();
        // The longest time-out is no deadline.
        assert_eq!(signals.recv_timeout(Duration::MAX).unwrap(), Some(real_time(3)));
    });
}

#[test]
fn cancelling_returns_ecanceled_and_loses_nothing() {
    on_one_worker(|| {
        let signals = std::sync::Arc::new(Signals::new([real_time(4)]).unwrap());
        let cancelled = spawn({
            let signals = signals.clone();
            move || signals.recv()
        });
        until_waiting(&cancelled);
        cancelled.cancel();
        // Before the cancelled coroutine runs again.
        real_time(4).raise().unwrap();
        assert!(may_switch());
        match cancelled.join().expect("no unwinding") {
            Err(e) => {
                assert_eq!(e.raw_os_error(), Some(libc::ECANCELED));
                assert_eq!(signals.recv().unwrap(), real_time(4));
            }
            Ok(signal) => assert_eq!(signal, real_time(4)),
        }
        let timed = spawn(move || signals.recv_timeout(WATCHDOG));
        until_waiting(&timed);
        timed.cancel();
        let error = timed.join().expect("no unwinding").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECANCELED));
    });
}

#[test]
fn each_receiver_gets_the_signal() {
    on_one_worker(|| {
        let waiting: Vec<_> = (0..3)
            .map(|_| Signals::new([real_time(5)]).unwrap())
            .map(|signals| spawn(move || signals.recv()))
            .collect();
        waiting.iter().for_each(until_waiting);
        let early = Signals::new([real_time(5)]).unwrap();
        real_time(5).raise().unwrap();
        for waiting in waiting {
            assert_eq!(waiting.join().unwrap().unwrap(), real_time(5));
        }
        assert_eq!(early.recv().unwrap(), real_time(5));
    });
}

/// Several coroutines and a thread share one queue. Two signals come at once: whoever takes the first must not keep the others
/// from the second.
#[test]
fn waiters_of_one_queue_share_its_signals() {
    watched(|| {
        let runtime = Runtime::builder().workers(2).build().unwrap();
        let wanted = [real_time(6), real_time(7), real_time(8), real_time(9)];
        let signals = std::sync::Arc::new(Signals::new(wanted).unwrap());
        for _ in 0..200 {
            let receive = |signals: &std::sync::Arc<Signals>| {
                let signals = signals.clone();
                move || signals.recv().unwrap()
            };
            let coroutines: Vec<_> = (0..3).map(|_| runtime.spawn(receive(&signals))).collect();
            let thread = thread::spawn(receive(&signals));
            coroutines.iter().for_each(until_waiting);
            wanted.iter().for_each(|signal| signal.raise().unwrap());
            let mut received: Vec<_> = coroutines.into_iter().map(|c| c.join().unwrap()).collect();
            received.push(thread.join().unwrap());
            received.sort();
            assert_eq!(received, wanted);
        }
    });
}

/// Each signal is answered before the next one, which arrives while the receiver is anywhere between two waits.
#[test]
fn no_wake_up_is_lost() {
    watched(|| {
        let runtime = Runtime::builder().workers(2).build().unwrap();
        let signals = Signals::new([real_time(10)]).unwrap();
        let (answer, answers) = mpsc::channel();
        let receiver = runtime.spawn(move || {
            for _ in 0..5000 {
                assert_eq!(signals.recv().unwrap(), real_time(10));
                answer.send(()).unwrap();
            }
        });
        for _ in 0..5000 {
            kill(real_time(10));
            answers.recv().unwrap();
        }
        receiver.join().unwrap();
    });
}

#[test]
fn the_former_handler_is_called() {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    extern "C" fn former(_: libc::c_int) {
        CALLS.fetch_add(1, Ordering::Relaxed);
    }
    let handler = former as extern "C" fn(libc::c_int);
    // SAFETY: the handler has the type that `signal` asks for, and touches an atomic only.
    unsafe { libc::signal(real_time(11).as_raw(), handler as libc::sighandler_t) };
    let signals = Signals::new([real_time(11)]).unwrap();
    real_time(11).raise().unwrap();
    assert_eq!(signals.try_recv().unwrap(), Some(real_time(11)));
    drop(signals);
    real_time(11).raise().unwrap();
    assert_eq!(CALLS.load(Ordering::Relaxed), 2);
}

/// SIGTERM would end the test program. And each queue gives its descriptors back.
#[test]
fn dropped_receivers_leave_no_default_action_and_no_descriptor() {
    both(|| {
        let signals = Signals::new([SIGTERM]).unwrap();
        assert_eq!(signals.recv_timeout(Duration::from_micros(1)).unwrap(), None);
        drop(signals);
        SIGTERM.raise().unwrap();
        let again = Signals::new([SIGTERM]).unwrap();
        assert_eq!(again.try_recv().unwrap(), None, "sent before");
        // More than descriptors may be open.
        for _ in 0..20_000 {
            let signals = Signals::new([SIGTERM]).unwrap();
            drop(signals);
        }
        SIGTERM.raise().unwrap();
        assert_eq!(again.recv().unwrap(), SIGTERM);
    });
}

/// Between fork and exec the child has the parent's handlers and pipes.
#[test]
fn a_forked_childs_signals_stay_with_it() {
    both(|| {
        let signals = Signals::new([real_time(12)]).unwrap();
        // Registered with the worker's reactor, if there is one.
        assert_eq!(signals.recv_timeout(Duration::from_micros(1)).unwrap(), None);
        // SAFETY: the child uses this library only, and ends by `_exit`.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let silent = real_time(12).raise().is_ok()
                && signals.recv().is_err()
                && signals.try_recv().is_err();
            drop(signals);
            // SAFETY: ends the process without its exit handlers.
            unsafe { libc::_exit(if silent { 7 } else { 1 }) };
        }
        let mut status = 0;
        // SAFETY: `status` lives over the call.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 7, "{status:#x}");
        assert_eq!(signals.try_recv().unwrap(), None);
        // The child has left the reactor's registration alone.
        let sender = thread::spawn(|| kill(real_time(12)));
        assert_eq!(signals.recv_timeout(WATCHDOG).unwrap(), Some(real_time(12)));
        sender.join().unwrap();
    });
}

#[test]
fn ctrl_c_returns_to_every_caller() {
    on_one_worker(|| {
        let waiting = [spawn(ctrl_c), spawn(ctrl_c)];
        waiting.iter().for_each(until_waiting);
        SIGINT.raise().unwrap();
        waiting.into_iter().for_each(|ctrl_c| ctrl_c.join().unwrap().unwrap());
    });
}

/// Not a test by itself: what the next one runs in a process of its own.
#[test]
fn default_action_in_a_child() {
    let Ok(number) = std::env::var("GREENWOOD_TEST_DEFAULT_ACTION") else { return };
    let signal = Signal::from_raw(number.parse().unwrap());
    if let Ok(signals) = Signals::new([signal]) {
        signal.raise().unwrap();
        assert_eq!(signals.recv().unwrap(), signal);
    }
    signal.default_action().unwrap();
}

#[test]
fn default_actions_are_the_systems() {
    let ended_by = |signal: Signal| {
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "default_action_in_a_child"])
            .env("GREENWOOD_TEST_DEFAULT_ACTION", signal.as_raw().to_string())
            .output();
        status.unwrap().status
    };
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGKILL, real_time(0)] {
        assert_eq!(ended_by(signal).signal(), Some(signal.as_raw()), "{signal}");
    }
    for signal in [SIGCHLD, SIGCONT, SIGURG, SIGWINCH] {
        assert!(ended_by(signal).success(), "{signal}");
    }
    let none = Signal::from_raw(65).default_action().unwrap_err();
    assert_eq!(none.kind(), io::ErrorKind::InvalidInput);
}
