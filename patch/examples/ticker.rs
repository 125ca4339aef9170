//! What a ticker notices of large writes and contended locks on its worker, with and without the files group.
//!
//! `cargo run --release -p greenwood-patch --example ticker` prints the longest time for which a coroutine that sleeps a millisecond at a time
//! did not run, and what a transfer costs here and on another thread.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use greenwood_patch::{Patches, install};
use greenwood_runtime::{Runtime, offload, sleep, spawn};

const LEN: usize = 300 << 20;

fn main() {
    let path = std::env::temp_dir().join(format!("greenwood-files-{}", std::process::id()));
    let runtime = Runtime::builder().workers(1).build().unwrap();
    for (name, patches) in [("without", Patches::all()), ("with", Patches::all() | Patches::FILES)]
    {
        install(patches).unwrap();
        let path = path.clone();
        runtime.run(move || {
            let bytes = vec![7; LEN];
            let written = held_up(|| {
                let mut file = File::create(&path).unwrap();
                file.write_all(&bytes).unwrap();
                file.sync_all().unwrap();
            });
            let holder = File::open(&path).unwrap();
            lock(&holder);
            let ends = std::thread::spawn(move || {
                std::thread::park_timeout(Duration::from_millis(300));
                drop(holder);
            });
            let locked = held_up(|| lock(&File::open(&path).unwrap()));
            offload(move || ends.join().unwrap());
            std::fs::remove_file(&path).unwrap();
            println!("{name} the group, a 1 ms ticker is held up by:");
            println!("  a write of 300 MB and fsync   {written:>10.1?}");
            println!("  a flock contended for 300 ms  {locked:>10.1?}");
        });
    }
    let there_and_back = runtime.run(|| average(|| offload(|| ())));
    println!(
        "a thread's help, there and back: {there_and_back:.1?}; on an OS thread, from the page cache,"
    );
    std::fs::write(&path, vec![7; 1 << 20]).unwrap();
    let mut file = File::open(&path).unwrap();
    for size in [16 << 10, 64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20] {
        let mut buf = vec![0; size];
        let mut read = || {
            file.rewind().unwrap();
            file.read_exact(&mut buf).unwrap();
        };
        println!("  a read of {:>5} KB takes {:>10.1?}", size >> 10, average(&mut read));
    }
    std::fs::remove_file(&path).unwrap();
}

fn lock(file: &File) {
    // SAFETY: takes numbers.
    assert_eq!(unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) }, 0);
}

fn average(mut f: impl FnMut()) -> Duration {
    const TIMES: u32 = 200;
    let before = Instant::now();
    (0..TIMES).for_each(|_| f());
    before.elapsed() / TIMES
}

/// The longest time for which a ticker did not run during `f`.
fn held_up(f: impl FnOnce()) -> Duration {
    let longest = Arc::new(AtomicU64::new(0));
    let seen = longest.clone();
    let ticker = spawn(move || {
        let mut last = Instant::now();
        loop {
            sleep(Duration::from_millis(1));
            seen.fetch_max(last.elapsed().as_micros() as u64, Ordering::Relaxed);
            last = Instant::now();
        }
    });
    sleep(Duration::from_millis(10));
    f();
    sleep(Duration::from_millis(5));
    ticker.cancel();
    Duration::from_micros(longest.load(Ordering::Relaxed))
}
