//! With an allocator that does what allocators should not, and some do: it waits for locks of pthread's and of std's, and writes and reads under them.

mod allocators;
mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use greenwood_patch::NoYield;

#[global_allocator]
static ALLOCATOR: NoYield<Locked> = NoYield(Locked {
    pthread: Pthread(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER)),
    count: Mutex::new(0),
    pipe: [AtomicI32::new(-1), AtomicI32::new(-1)],
});

struct Pthread(UnsafeCell<libc::pthread_mutex_t>);
// SAFETY: a lock is made to be shared.
unsafe impl Sync for Pthread {}

struct Locked {
    pthread: Pthread,
    count: Mutex<usize>,
    pipe: [AtomicI32; 2],
}

static CALLS: AtomicUsize = AtomicUsize::new(0);

impl Locked {
    /// Runs `f` under both locks, and moves a byte through a pipe there.
    fn locked<T>(&self, f: impl FnOnce() -> T) -> T {
        // SAFETY: a lock that is never moved, locked and unlocked here; descriptors of our own.
        unsafe {
            assert_eq!(libc::pthread_mutex_lock(self.pthread.0.get()), 0);
            let mut count = self.count.lock().unwrap_or_else(|e| e.into_inner());
            *count += 1;
            CALLS.store(*count, Ordering::Relaxed);
            if *count == 1 {
                let mut ends = [0; 2];
                assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
                self.pipe.iter().zip(ends).for_each(|(to, end)| to.store(end, Ordering::Relaxed));
            }
            if count.is_multiple_of(16) {
                let [reader, writer] = [0, 1].map(|i| self.pipe[i].load(Ordering::Relaxed));
                let mut byte = 7_u8;
                assert_eq!(libc::write(writer, (&raw const byte).cast(), 1), 1);
                assert_eq!(libc::read(reader, (&raw mut byte).cast(), 1), 1);
            }
            let result = f();
            drop(count);
            libc::pthread_mutex_unlock(self.pthread.0.get());
            result
        }
    }
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Locked {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise, here and below.
        self.locked(|| unsafe { System.alloc(layout) })
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        self.locked(|| unsafe { System.dealloc(memory, layout) })
    }
}

#[test]
fn it_is_called() {
    let before = CALLS.load(Ordering::Relaxed);
    drop(std::hint::black_box(vec![1; 100]));
    assert!(CALLS.load(Ordering::Relaxed) >= before + 2);
}
