//! Waiting for child processes, on an OS thread and on a coroutine.

mod common;

use common::*;
use greenwood_net::process;
use greenwood_runtime::{JoinHandle, Runtime, spawn, yield_now};
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const WATCHDOG: Duration = Duration::from_secs(30);

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn sleeper() -> Child {
    Command::new("sleep").arg("1000").spawn().unwrap()
}

fn on_one_worker(scenario: impl FnOnce() + Send) {
    let runtime = Runtime::builder().workers(1).build().unwrap();
    watched("the only worker", || runtime.run(scenario));
}

fn until_waiting<T>(handle: &JoinHandle<T>, reason: &str) {
    while handle.coroutine().waits_for() != Some(reason) {
        yield_now();
    }
}

/// Whether the process is gone for good: a child that ended and was waited for, by whomever.
fn is_reaped(id: u32) -> bool {
    // SAFETY: asks whether the number exists; sends nothing.
    unsafe { libc::kill(id as libc::pid_t, 0) != 0 }
}

#[test]
fn wait_returns_the_status_again_and_again() {
    both(|| {
        let mut child = sh("read line; exit 3").stdin(Stdio::piped()).spawn().unwrap();
        // Closes the pipe that the child reads from.
        assert_eq!(process::wait(&mut child).unwrap().code(), Some(3));
        assert_eq!(process::wait(&mut child).unwrap().code(), Some(3));
        assert_eq!(process::wait_timeout(&mut child, WATCHDOG).unwrap().unwrap().code(), Some(3));
        assert_eq!(process::status(&mut sh("exit 4")).unwrap().code(), Some(4));
    });
}

#[test]
fn a_child_that_ended_before_is_found() {
    both(|| {
        let mut child = sh("exit 5").stdout(Stdio::piped()).spawn().unwrap();
        // Its end of the pipe closes as it ends; its status is then a matter of moments.
        read_all(child.stdout.take().unwrap());
        assert_eq!(process::wait(&mut child).unwrap().code(), Some(5));
    });
}

#[test]
fn a_timeout_leaves_the_child_alone() {
    both(|| {
        let mut child = sleeper();
        for timeout in [Duration::ZERO, Duration::from_millis(5)] {
            assert!(process::wait_timeout(&mut child, timeout).unwrap().is_none());
        }
        child.kill().unwrap();
        let status = process::wait_timeout(&mut child, Duration::MAX).unwrap().unwrap();
        assert_eq!(status.signal(), Some(libc::SIGKILL));
    });
}

/// Each child ends only when the next coroutine has run: waits that block their worker would never end.
#[test]
fn children_are_waited_for_at_once_on_one_worker() {
    on_one_worker(|| {
        let mut inputs = Vec::new();
        let mut waiting = Vec::new();
        for code in 0..20 {
            let mut child = sh("read line; exit $line").stdin(Stdio::piped()).spawn().unwrap();
            inputs.push((child.stdin.take().unwrap(), code));
            waiting.push(spawn(move || process::wait(&mut child).unwrap().code()));
        }
        waiting.iter().for_each(|handle| until_waiting(handle, "child process"));
        for (input, code) in inputs.iter_mut().rev() {
            writeln!(input, "{code}").unwrap();
        }
        for (handle, code) in waiting.into_iter().zip(0..) {
            assert_eq!(handle.join().unwrap(), Some(code));
        }
    });
}

#[test]
fn cancelling_returns_ecanceled_and_keeps_the_status() {
    on_one_worker(|| {
        for timeout in [None, Some(WATCHDOG)] {
            let mut child = sleeper();
            let waiting = spawn(move || {
                let result = match timeout {
                    None => process::wait(&mut child).map(Some),
                    Some(timeout) => process::wait_timeout(&mut child, timeout),
                };
                (child, result)
            });
            until_waiting(&waiting, "child process");
            waiting.cancel();
            let (mut child, result) = waiting.join().expect("no unwinding");
            assert_eq!(errno(&result.unwrap_err()), Some(libc::ECANCELED));
            assert!(process::wait_timeout(&mut child, Duration::ZERO).unwrap().is_none());
            child.kill().unwrap();
            assert_eq!(process::wait(&mut child).unwrap().signal(), Some(libc::SIGKILL));
        }
    });
}

#[test]
fn output_is_what_std_collects() {
    both(|| {
        let mut command = sh("echo out; echo err >&2; exit 6");
        let (ours, theirs) = (process::output(&mut command).unwrap(), command.output().unwrap());
        assert_eq!(ours, theirs);
        let mut command = sh("echo out; echo lost >&2");
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let output = process::wait_with_output(child).unwrap();
        assert_eq!((&*output.stdout, &*output.stderr), (&b"out\n"[..], &b""[..]));
        let none = process::wait_with_output(sh("exit 7").spawn().unwrap()).unwrap();
        assert_eq!((none.status.code(), none.stdout.len()), (Some(7), 0));
    });
}

/// More than a pipe holds, first to one and then to the other, in turns.
#[test]
fn both_pipes_are_read_at_the_same_time() {
    both(|| {
        let script =
            "for i in 1 2 3; do head -c 200000 /dev/zero >&2; head -c 100000 /dev/zero; done";
        let output = process::output(&mut sh(script)).unwrap();
        assert!(output.status.success());
        assert_eq!((output.stdout.len(), output.stderr.len()), (300_000, 600_000));
    });
}

#[test]
fn collecting_lets_others_run() {
    on_one_worker(|| {
        let (mut reader, writer) = io::pipe().unwrap();
        let collecting = spawn(move || {
            // The child ends when this coroutine's `stdin` has, which the other one closes.
            let mut command = sh("cat; echo end");
            command.stdin(reader.try_clone().unwrap()).stdout(Stdio::piped());
            let output = process::wait_with_output(command.spawn().unwrap()).unwrap();
            assert_eq!(reader.read(&mut [0]).unwrap(), 0);
            output.stdout
        });
        until_waiting(&collecting, "readiness");
        (&writer).write_all(b"begin ").unwrap();
        drop(writer);
        assert_eq!(collecting.join().unwrap(), b"begin end\n");
    });
}

/// Nobody could wait for the child after `output` or `status`: it is killed, and its status taken.
#[test]
fn a_child_whose_caller_was_cancelled_is_killed_and_reaped() {
    on_one_worker(|| {
        let (sender, ids) = std::sync::mpsc::channel();
        let collecting = spawn(move || {
            let child = Command::new("sleep").arg("1000").stdout(Stdio::piped()).spawn().unwrap();
            sender.send(child.id()).unwrap();
            process::wait_with_output(child).map(drop)
        });
        until_waiting(&collecting, "readiness");
        collecting.cancel();
        let error = collecting.join().expect("no unwinding").unwrap_err();
        assert_eq!(errno(&error), Some(libc::ECANCELED));
        let id = ids.recv().unwrap();
        while !is_reaped(id) {
            yield_now();
        }
        let running = spawn(|| process::status(Command::new("sleep").arg("1000")));
        until_waiting(&running, "child process");
        running.cancel();
        let error = running.join().expect("no unwinding").unwrap_err();
        assert_eq!(errno(&error), Some(libc::ECANCELED));
    });
}

#[test]
fn what_cannot_be_started_is_stds_error() {
    both(|| {
        let mut command = Command::new("/nonexistent/program");
        let kind = command.output().unwrap_err().kind();
        assert_eq!(process::output(&mut command).unwrap_err().kind(), kind);
        assert_eq!(process::status(&mut command).unwrap_err().kind(), kind);
    });
}

/// Every wait gives its descriptor back, on whichever worker it ran.
#[test]
fn waits_leak_no_descriptors() {
    both(|| {
        let count = || std::fs::read_dir("/proc/self/fd").map(Iterator::count);
        if count().is_err() {
            return; // Only Linux shows them.
        }
        let mut child = sleeper();
        // Other tests of this program open and close descriptors; a leak of this many shows all the same.
        let before = count().unwrap();
        for _ in 0..2000 {
            assert!(process::wait_timeout(&mut child, Duration::from_nanos(1)).unwrap().is_none());
        }
        assert!(count().unwrap() < before + 1000);
        child.kill().unwrap();
        process::wait(&mut child).unwrap();
    });
}
