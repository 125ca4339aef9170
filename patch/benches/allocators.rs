//! What an allocator's per-thread caches cost a coroutine, which has thread-locals of its own. `cargo bench -p greenwood-patch --bench allocators`.
//!
//! Each allocator is measured in a process of its own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::time::Instant;

use greenwood_patch::{NoYield, Patches, install};
use greenwood_runtime::{Runtime, spawn, yield_now};

const PARKED: usize = 10_000;
const SPAWNED: usize = 200_000;

const NAMES: [&str; 3] = ["glibc", "jemalloc", "mimalloc"];

#[global_allocator]
static ALLOCATOR: NoYield<Chosen> = NoYield(Chosen);

/// The allocator that the environment names.
struct Chosen;

static CHOICE: AtomicU8 = AtomicU8::new(u8::MAX);

#[cold]
fn choose() -> u8 {
    // SAFETY: reads the environment before anything could change it: at the first allocation.
    let first = unsafe {
        let value = libc::getenv(c"GREENWOOD_ALLOCATOR".as_ptr());
        if value.is_null() { 0 } else { *value.cast::<u8>() }
    };
    let choice = NAMES.iter().position(|n| n.as_bytes()[0] == first).unwrap_or(0) as u8;
    CHOICE.store(choice, Ordering::Relaxed);
    choice
}

macro_rules! chosen {
    ($allocator:ident => $call:expr) => {
        match CHOICE.load(Ordering::Relaxed) {
            u8::MAX if choose() == 1 => {
                let $allocator = tikv_jemallocator::Jemalloc;
                $call
            }
            1 => {
                let $allocator = tikv_jemallocator::Jemalloc;
                $call
            }
            _ if CHOICE.load(Ordering::Relaxed) == 2 => {
                let $allocator = mimalloc::MiMalloc;
                $call
            }
            _ => {
                let $allocator = System;
                $call
            }
        }
    };
}

// SAFETY: all calls go to one and the same allocator.
unsafe impl GlobalAlloc for Chosen {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise, here and below.
        chosen!(a => unsafe { a.alloc(layout) })
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        chosen!(a => unsafe { a.dealloc(memory, layout) })
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        chosen!(a => unsafe { a.realloc(memory, layout, size) })
    }
}

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// What a request does: a few blocks of common sizes, all but one given back.
fn allocate() -> Vec<u8> {
    for size in [24, 100, 500, 2000] {
        drop(black_box(vec![1_u8; size]));
    }
    black_box(vec![1_u8; 64])
}

/// Resident bytes of a parked coroutine that has called `f`.
fn parked<T: 'static>(f: fn() -> T) -> f64 {
    let over = Arc::new(AtomicBool::new(false));
    let ready = Arc::new(AtomicUsize::new(0));
    let before = resident();
    let handles: Vec<_> = (0..PARKED)
        .map(|_| {
            let (over, ready) = (over.clone(), ready.clone());
            spawn(move || {
                let kept = f();
                ready.fetch_add(1, Ordering::Relaxed);
                while !over.load(Ordering::Relaxed) {
                    yield_now();
                }
                drop(kept);
            })
        })
        .collect();
    while ready.load(Ordering::Relaxed) < PARKED {
        yield_now();
    }
    let bytes = resident() - before;
    over.store(true, Ordering::Relaxed);
    handles.into_iter().for_each(|h| h.join().unwrap());
    bytes as f64 / PARKED as f64
}

/// Nanoseconds to spawn and join one that calls `f`.
fn spawned<T: 'static>(f: fn() -> T) -> f64 {
    let round = || {
        let start = Instant::now();
        for _ in 0..SPAWNED {
            spawn(move || drop(f())).join().unwrap();
        }
        start.elapsed().as_nanos() as f64 / SPAWNED as f64
    };
    (0..5).map(|_| round()).fold(f64::MAX, f64::min)
}

fn main() {
    let Ok(measured) = std::env::var("GREENWOOD_ALLOCATOR") else {
        println!(
            "{:<10} {:>14} {:>14} {:>14} {:>14}",
            "", "parked, B", "+ caches, B", "spawn, ns", "+ caches, ns"
        );
        for name in NAMES {
            let me = std::env::current_exe().unwrap();
            assert!(Command::new(me).env("GREENWOOD_ALLOCATOR", name).status().unwrap().success());
        }
        return;
    };
    install(Patches::all()).unwrap();
    let runtime = Runtime::builder().workers(1).build().unwrap();
    // What a coroutine costs that allocates nothing itself comes first: afterwards its stacks would be warm.
    let mut figures = [0.0; 4];
    runtime.run(|| {
        figures[0] = parked(|| ());
        figures[2] = spawned(|| ());
        figures[3] = spawned(allocate);
    });
    drop(runtime);
    // Stacks of another size, which have no block yet.
    let runtime = Runtime::builder().workers(1).stack_size(256 * 1024).build().unwrap();
    runtime.run(|| figures[1] = parked(allocate));
    let [parked, parked_caches, spawn, spawn_caches] = figures;
    println!(
        "{measured:<10} {parked:>14.0} {:>14.0} {spawn:>14.0} {:>14.0}",
        parked_caches - parked,
        spawn_caches - spawn,
    );
}
