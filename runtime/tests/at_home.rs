//! The worker's loop leaves the thread register at a coroutine's block between switches; it must not call the allocator from there.
#![cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::arch::asm;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use greenwood_runtime::readiness::{AsSource, Source, spawn_when_readable};
use greenwood_runtime::{Builder, Placement, Runtime, now, sleep, spawn, yield_now};

struct Watching;

static AWAY: AtomicUsize = AtomicUsize::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);

/// A thread's header and a coroutine's both lie at the top of the stack in use; only the main thread's does not.
fn look() {
    let (header, stack): (usize, usize);
    // SAFETY: reads two registers.
    unsafe {
        asm!("mov {}, fs:0", "mov {}, rsp", out(reg) header, out(reg) stack, options(nostack, readonly))
    };
    // SAFETY: asks for two numbers.
    if unsafe { libc::gettid() == libc::getpid() } {
        return;
    }
    CALLS.fetch_add(1, Ordering::Relaxed);
    if !(stack..stack + (4 << 20)).contains(&header) {
        AWAY.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        look();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        look();
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        look();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

fn load() {
    let together: Vec<_> = (0..700).map(|_| spawn(|| (0..3).for_each(|_| yield_now()))).collect();
    together.into_iter().for_each(|h| h.join().unwrap());
    let sizes: Vec<_> = (1..9)
        .map(|i| {
            Builder::new().stack_size(i << 17).placement(Placement::Here).spawn(yield_now).unwrap()
        })
        .collect();
    sizes.into_iter().for_each(|h| h.join().unwrap());
    let sleepers: Vec<_> =
        (0..500).map(|i| spawn(move || sleep(Duration::from_micros(i * 10)))).collect();
    sleepers.into_iter().for_each(|h| h.join().unwrap());
}

struct Socket(UnixStream, Source);

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsSource for Socket {
    fn as_source(&self) -> &Source {
        &self.1
    }
}

/// Dormant ones take their timers out of the room that was made for those who sleep in the same turn.
fn rest_and_sleep(resting: usize) {
    let (_near, far) = UnixStream::pair().unwrap();
    for _ in 0..resting {
        let socket = Socket(far.try_clone().unwrap(), Source::new());
        let deadline = Some(now() + Duration::from_secs(600));
        drop(spawn_when_readable(socket, deadline, |_, _| {}).unwrap());
    }
    sleep(Duration::from_micros(1));
}

#[test]
fn the_allocator_is_called_at_home_only() {
    for workers in [1, 2] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        for _ in 0..5 {
            runtime.run(load);
        }
    }
    // Among these is a number that leaves no room at all.
    for resting in 100..300 {
        let runtime = Runtime::builder().workers(1).build().unwrap();
        runtime.run(|| rest_and_sleep(resting));
    }
    assert!(CALLS.load(Ordering::Relaxed) > 10_000, "the allocator was not watched");
    assert_eq!(AWAY.load(Ordering::Relaxed), 0);
}
