//! Allocators that call functions which the patch may suspend.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicBool, Ordering};

use greenwood_runtime::{interpose, no_yield};

/// A global allocator in which nothing suspends.
///
/// Needed for an allocator that waits by functions of libc which the patch replaces: one that takes a `pthread_mutex_t` (jemalloc does) or a lock of std's
/// while [`Patches::LOCKS`](crate::Patches::LOCKS) is installed, or one that reads and writes descriptors. A coroutine that was suspended in there would keep
/// its locks; the worker, which allocates too, would wait for them for ever. Within `NoYield` such calls block the OS thread, as they always did, and so they do
/// where a coroutine's end gives its cache back. It costs a few nanoseconds a call. glibc's own malloc does not need it: its locks are not libc's public ones.
///
/// An allocator that replaces C's `malloc` as well cannot be wrapped for C code: build it so that it spins, or leave `LOCKS` out.
///
/// An allocator with caches per thread keeps them per coroutine, where coroutines have thread-locals of their own; glibc's are the worker's. How much that
/// is tells this crate's benchmark `allocators`.
///
/// ```
/// use greenwood_patch::NoYield;
/// use std::alloc::System;
///
/// #[global_allocator]
/// static ALLOCATOR: NoYield<System> = NoYield(System);
///
/// fn main() {
///     assert_eq!(greenwood_runtime::run(|| vec![1, 2, 3].len()), 3);
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct NoYield<A>(pub A);

static READY: AtomicBool = AtomicBool::new(false);

/// After the program's first allocation, which std makes before `main`.
#[cold]
fn be_ready() {
    if !READY.swap(true, Ordering::Relaxed) {
        interpose::allocator_is_ready();
    }
}

// SAFETY: everything is the allocator's own work; what is around it allocates nothing and does not unwind.
unsafe impl<A: GlobalAlloc> GlobalAlloc for NoYield<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise, here and below.
        let memory = no_yield(|| unsafe { self.0.alloc(layout) });
        if !READY.load(Ordering::Relaxed) {
            be_ready();
        }
        memory
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        no_yield(|| unsafe { self.0.dealloc(memory, layout) })
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        no_yield(|| unsafe { self.0.alloc_zeroed(layout) })
    }

    #[inline]
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        no_yield(|| unsafe { self.0.realloc(memory, layout, size) })
    }
}
