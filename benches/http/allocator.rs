//! Counts this process's heap allocations, once that is asked for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Off in all other measurements: a shared counter would cost those most that allocate most.
static COUNTS: AtomicBool = AtomicBool::new(false);
static SO_FAR: AtomicU64 = AtomicU64::new(0);

/// Counts from here on.
pub fn count() {
    COUNTS.store(true, Ordering::Relaxed);
}

/// How many there were, growing ones included.
pub fn so_far() -> u64 {
    SO_FAR.load(Ordering::Relaxed)
}

fn one_more() {
    if COUNTS.load(Ordering::Relaxed) {
        SO_FAR.fetch_add(1, Ordering::Relaxed);
    }
}

struct Counting;

// SAFETY: every call goes on to the system's allocator unchanged, and counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        one_more();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        one_more();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        one_more();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;
