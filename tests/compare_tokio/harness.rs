//! Runs a scenario everywhere, and compares.

use std::fmt::Debug;
use std::future::Future;
use std::io::{self, Write};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use greenwood::Runtime;

/// `greenwood` runs as a coroutine in each kind of runtime, `tokio` as a task; all must return `expected`.
pub fn compare<T, F>(
    expected: T,
    greenwood: impl Fn() -> T + Send + Sync,
    tokio: impl Fn() -> F + Send + Sync,
) where
    T: Debug + PartialEq + Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    compare_runtimes(
        expected,
        |runtime| runtime.run(&greenwood),
        |runtime| runtime.block_on(runtime.spawn(tokio())).expect("the scenario does not panic"),
    );
}

/// As [`compare`], for scenarios that begin outside of the runtimes.
pub fn compare_runtimes<T: Debug + PartialEq>(
    expected: T,
    greenwood: impl Fn(&Runtime) -> T,
    tokio: impl Fn(&tokio::runtime::Runtime) -> T,
) {
    use tokio::runtime::Builder;
    let tokios = [
        ("tokio, current_thread", Builder::new_current_thread()),
        ("tokio, multi_thread", Builder::new_multi_thread()),
    ];
    for (place, mut builder) in tokios {
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        let result = watched(place.into(), || tokio(&runtime));
        assert_eq!(result, expected, "on {place}");
    }
    for workers in [1, 2] {
        for own in [true, false] {
            let place = format!("Greenwood, {workers} worker(s), own thread-locals: {own}");
            let runtime = runtime(workers, own);
            let result = watched(place.clone(), || greenwood(&runtime));
            assert_eq!(result, expected, "on {place}");
        }
    }
}

fn runtime(workers: usize, own: bool) -> Runtime {
    let builder = Runtime::builder().workers(workers);
    if own {
        return builder.build().unwrap();
    }
    // SAFETY: the scenarios keep nothing in thread-locals over a wait.
    unsafe { builder.shared_thread_locals() }.build().unwrap()
}

/// Turns a hang into a failure of the whole test program.
fn watched<T>(place: String, run: impl FnOnce() -> T) -> T {
    let test = thread::current().name().unwrap_or("a test").to_string();
    let (done, waiting) = channel::<()>();
    thread::spawn(move || {
        if let Err(RecvTimeoutError::Timeout) = waiting.recv_timeout(Duration::from_secs(120)) {
            // Unlike `eprintln!`, not captured with the output of a test that will never end.
            let _ = writeln!(io::stderr(), "{test} hangs on {place}");
            std::process::abort();
        }
    });
    let value = run();
    drop(done);
    value
}
