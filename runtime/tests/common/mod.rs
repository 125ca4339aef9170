//! What the tests share: the modes every scenario runs in, a watchdog, and children of this process.
#![allow(dead_code)] // Each test file uses its part.

use std::process::{Command, Output};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use greenwood_runtime::{Runtime, RuntimeBuilder, yield_now};

/// Long enough for the slowest machine: it only turns a hang into a failure.
const HANG: Duration = Duration::from_secs(90);

/// One worker with own thread-locals.
pub fn own(workers: usize) -> Runtime {
    Runtime::builder().workers(workers).build().unwrap()
}

/// Settings of one worker that shares its thread-locals.
pub fn shared() -> RuntimeBuilder {
    // SAFETY: no test here suspends within a thread-local's initialiser or `with`, unless it asks for own thread-locals.
    unsafe { Runtime::builder().workers(1).shared_thread_locals() }
}

/// Runs `f` as a coroutine in every mode: one worker and two with own thread-locals, one that shares them.
#[track_caller]
pub fn each_mode(f: impl Fn() + Sync) {
    each_runtime(|runtime| runtime.run(&f));
}

/// Calls `f` on the calling thread, with a runtime of every mode.
#[track_caller]
pub fn each_runtime(f: impl Fn(&Runtime)) {
    let _watched = watchdog();
    for runtime in [own(1), own(2), shared().build().unwrap()] {
        f(&runtime);
    }
}

/// Runs `f` as a coroutine on one worker with own thread-locals.
#[track_caller]
pub fn on_own<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    let _watched = watchdog();
    let runtime = own(1);
    assert!(runtime.has_own_thread_locals(), "these tests are about own thread-locals");
    runtime.run(f)
}

/// Lets the others run until `condition` holds.
pub fn until(condition: impl Fn() -> bool) {
    while !condition() {
        yield_now();
    }
}

/// Ends the process if it is still there after a generous time.
#[track_caller]
pub fn watchdog() -> Watchdog {
    let (alive, ended) = channel::<()>();
    let place = std::panic::Location::caller();
    std::thread::spawn(move || {
        if ended.recv_timeout(HANG) == Err(RecvTimeoutError::Timeout) {
            eprintln!("{place}: hangs");
            std::process::abort();
        }
    });
    Watchdog { _alive: alive }
}

/// Calls the watchdog off when it goes.
pub struct Watchdog {
    _alive: Sender<()>,
}

/// Set in children, to the case they are to run.
const CASE: &str = "GREENWOOD_TEST_CASE";

/// Runs `body` in a child process, which is the test `name` of this program again, and returns what became of it.
/// `None` in the child itself, where the test is to return.
pub fn in_child(name: &str, body: impl FnOnce()) -> Option<Output> {
    in_child_with(name, |_| {}, body)
}

/// [`in_child`] with `prepare` for the child's surroundings.
pub fn in_child_with(
    name: &str,
    prepare: impl FnOnce(&mut Command),
    body: impl FnOnce(),
) -> Option<Output> {
    if is_child(name) {
        let _watched = watchdog();
        body();
        return None;
    }
    let mut child = child(name);
    prepare(&mut child);
    Some(child.output().unwrap())
}

/// Whether this process was started to run `name`.
pub fn is_child(name: &str) -> bool {
    std::env::var(CASE).is_ok_and(|case| case == name)
}

/// The command that runs the test `name` of this program with its body.
pub fn child(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--include-ignored", "--nocapture", "--test-threads=1"]);
    command.env(CASE, name);
    command
}

/// What a child wrote, for assertions and their messages.
pub fn text(output: &Output) -> String {
    format!(
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
