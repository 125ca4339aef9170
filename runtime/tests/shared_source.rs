//! Several coroutines that wait on one descriptor and direction.

use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::Duration;

use greenwood_runtime::readiness::{Interest, Source};
use greenwood_runtime::{JoinHandle, Runtime, spawn, yield_now};

fn until_waiting<T>(handle: &JoinHandle<T>) {
    while handle.coroutine().waits_for() != Some("read") {
        yield_now();
    }
}

/// An event wakes both. The first takes what came, and finds nothing more before the second has its turn: that one
/// must be woken by later events all the same.
#[test]
fn a_waiter_that_comes_too_late_waits_on() {
    Runtime::builder().workers(1).build().unwrap().run(|| {
        let (sender, receiver) = UnixDatagram::pair().unwrap();
        receiver.set_nonblocking(true).unwrap();
        let shared = Arc::new((Source::new(), receiver));
        let receive = |count: usize| {
            let shared = shared.clone();
            move || {
                let (source, receiver) = &*shared;
                for _ in 0..count {
                    let op = || receiver.recv(&mut [0; 4]);
                    let timeout = Some(Duration::from_secs(20));
                    let received =
                        source.perform(receiver.as_fd(), Interest::Read, timeout, op, |_| false);
                    received.expect("a wake-up was lost");
                }
            }
        };
        let first = spawn(receive(2));
        until_waiting(&first);
        let second = spawn(receive(1));
        until_waiting(&second);
        for _ in 0..3 {
            sender.send(b"x").unwrap();
            // Woken, and back where they wait.
            greenwood_runtime::sleep(Duration::from_millis(5));
        }
        first.join().unwrap();
        second.join().unwrap();
    });
}
