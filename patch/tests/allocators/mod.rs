//! What every allocator is put through: many coroutines on two workers, with everything patched.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use greenwood_patch::{Patches, install};
use greenwood_runtime::{Runtime, spawn, yield_now};

use crate::common::watchdog;

/// Memory of all sizes, written to.
fn memory(seed: usize) -> Vec<Vec<u8>> {
    (0..20).map(|i| vec![(seed + i) as u8; 1 << (i % 13)]).collect()
}

fn check(memory: &[Vec<u8>], seed: usize) {
    for (i, block) in memory.iter().enumerate() {
        assert!(block.len() == 1 << (i % 13) && block.iter().all(|&b| b == (seed + i) as u8));
    }
}

fn on_two_workers(f: impl FnOnce() + Send) {
    let _watchdog = watchdog();
    install(Patches::all()).unwrap();
    Runtime::builder().workers(2).build().unwrap().run(f);
}

/// Memory is kept over waits, grown, given to others, and freed there: on the other worker too, and after its owner has ended.
#[test]
fn memory_goes_round() {
    on_two_workers(|| {
        let (send, receive) = mpsc::channel::<(usize, Vec<Vec<u8>>)>();
        let kept = Arc::new(Mutex::new(Vec::new()));
        let handles: Vec<_> = (0..200)
            .map(|n| {
                let (send, kept) = (send.clone(), kept.clone());
                spawn(move || {
                    let (mut a, mut b) = UnixStream::pair().unwrap();
                    for round in 0..5 {
                        let mut mine = memory(n + round);
                        let writer = spawn(move || {
                            let own = memory(n);
                            yield_now();
                            b.write_all(&[n as u8; 100]).unwrap();
                            check(&own, n);
                            b
                        });
                        let mut bytes = [0; 100];
                        a.read_exact(&mut bytes).unwrap();
                        b = writer.join().unwrap();
                        check(&mine, n + round);
                        mine[3].extend_from_slice(&[0; 3000]);
                        mine[3].truncate(8);
                        mine[3].shrink_to_fit();
                        check(&mine, n + round);
                        match round % 3 {
                            0 => send.send((n + round, mine)).unwrap(),
                            1 => kept.lock().unwrap().push((n + round, mine)),
                            _ => drop(mine),
                        }
                    }
                })
            })
            .collect();
        drop(send);
        handles.into_iter().for_each(|h| h.join().unwrap());
        // Everything has been sent: this does not wait.
        for (seed, memory) in receive.try_iter().chain(kept.lock().unwrap().drain(..)) {
            check(&memory, seed);
        }
    });
}

/// Coroutines, threads and workers allocate at the same time, the runtime's tables grow, and panics unwind.
#[test]
fn everybody_allocates_at_once() {
    static SUM: AtomicUsize = AtomicUsize::new(0);
    on_two_workers(|| {
        let threads: Vec<_> = (0..2)
            .map(|n| {
                std::thread::spawn(move || {
                    for round in 0..200 {
                        check(&memory(n + round), n + round);
                    }
                })
            })
            .collect();
        for round in 0..5 {
            let handles: Vec<_> = (0..1000)
                .map(|n| {
                    spawn(move || {
                        let block = vec![n as u8; 500];
                        yield_now();
                        SUM.fetch_add(usize::from(block[499] == n as u8), Ordering::Relaxed);
                        if n % 100 == 0 {
                            std::panic::resume_unwind(Box::new(format!("{n}")));
                        }
                    })
                })
                .collect();
            let failed = handles.into_iter().filter_map(|h| h.join().err()).count();
            assert_eq!((failed, SUM.load(Ordering::Relaxed)), (10, 1000 * (round + 1)));
        }
        while !threads.iter().all(|t| t.is_finished()) {
            yield_now();
        }
    });
}
