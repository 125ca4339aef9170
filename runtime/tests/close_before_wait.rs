//! A source that was closed before anybody had to wait on it.

mod common;

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use common::{own, watchdog};
use greenwood_runtime::readiness::{Interest, Source};
use greenwood_runtime::{Builder, Placement};

/// Two workers find out at the same moment, one of which has just registered it: neither may stay behind.
#[test]
fn nobody_waits_with_who_finds_it_closed() {
    const ROUNDS: u32 = 20_000;

    let _watched = watchdog();
    let (_near, far) = UnixStream::pair().unwrap();
    let sources: Arc<[Source]> = (0..ROUNDS).map(|_| Source::new()).collect();
    sources.iter().for_each(|source| source.close(far.as_fd()));
    let far = Arc::new(far);
    let met = Arc::new(AtomicU32::new(0));
    let runtime = own(2);
    let waiters = [0, 1].map(|worker| {
        let (sources, far, met) = (sources.clone(), far.clone(), met.clone());
        let wait = move || {
            for (round, source) in (1..).zip(&*sources) {
                met.fetch_add(1, Ordering::SeqCst);
                while met.load(Ordering::SeqCst) < 2 * round {
                    std::thread::yield_now();
                }
                // Perhaps without an error, for a caller that then looks again.
                let _ = source.wait(far.as_fd(), Interest::Read, None);
            }
        };
        let there = Builder::new().placement(Placement::Worker(worker));
        runtime.spawn_with(there, wait).unwrap()
    });
    waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
}
