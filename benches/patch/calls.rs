//! One call after the other on a socket that always has something.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use greenwood::Runtime;
use greenwood::patch::{Patches, install};

use crate::support::children::report;

/// Calls between two looks at the clock; so many bytes lie ready.
const BATCH: usize = 4096;

/// Reports nanoseconds a call, of the best of so many batches: what disturbs a batch only ever makes it slower.
pub fn measure(batches: usize) {
    report("bare", best(batches, bare));
    report("libc", best(batches, through_libc));
    install(Patches::all()).unwrap();
    report("thread", best(batches, through_libc));
    Runtime::builder().workers(1).build().unwrap().run(move || {
        report("coroutine", best(batches, through_libc));
        report("registered", best_of(batches, waited_for(), through_libc));
    });
}

fn best(batches: usize, call: fn(i32, *mut u8) -> isize) -> f64 {
    best_of(batches, UnixStream::pair().unwrap(), call)
}

fn best_of(
    batches: usize,
    (mut from, mut to): (UnixStream, UnixStream),
    call: fn(i32, *mut u8) -> isize,
) -> f64 {
    let fd = from.as_raw_fd();
    let batch = |_| {
        to.write_all(&[1; BATCH]).unwrap();
        let mut byte = 0;
        let start = Instant::now();
        for _ in 0..BATCH {
            assert_eq!(call(fd, &raw mut byte), 1);
        }
        start.elapsed()
    };
    let best = (0..batches).map(batch).min().unwrap_or(Duration::ZERO);
    from.set_nonblocking(true).unwrap();
    assert!(from.read(&mut [0]).is_err(), "everything was read");
    best.as_nanos() as f64 / BATCH as f64
}

/// A pair whose first end a coroutine has had to wait for.
fn waited_for() -> (UnixStream, UnixStream) {
    let (mut from, mut to) = UnixStream::pair().unwrap();
    let late = greenwood::spawn(move || {
        to.write_all(&[1]).unwrap();
        to
    });
    from.read_exact(&mut [0]).unwrap();
    (from, late.join().unwrap())
}

fn through_libc(fd: i32, byte: *mut u8) -> isize {
    // SAFETY: room for one byte.
    unsafe { libc::read(fd, byte.cast(), 1) }
}

#[cfg(target_arch = "x86_64")]
fn bare(fd: i32, byte: *mut u8) -> isize {
    let result;
    // SAFETY: read(2) of one byte into a place for it.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") libc::SYS_read as isize => result,
            in("rdi") fd as isize, in("rsi") byte, in("rdx") 1,
            out("rcx") _, out("r11") _, options(nostack),
        );
    }
    result
}

#[cfg(not(target_arch = "x86_64"))]
fn bare(fd: i32, byte: *mut u8) -> isize {
    through_libc(fd, byte)
}
