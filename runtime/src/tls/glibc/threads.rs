//! glibc's list of threads, on which blocks stand like the headers of threads: what glibc does to every thread, it then does to them. So
//! dlopen(3) of a library with static thread-locals initialises them in every block, before the library's first line runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lock_api::RawMutex;

use super::Unavailable;
use super::facts::{symbol, thread_db_offset};
use crate::sys::lock::RawLock;

/// `list_t`.
#[repr(C)]
struct Node {
    next: *mut Node,
    prev: *mut Node,
}

/// The list of threads whose stacks are not glibc's own: a forked child forgets it, where it would reuse the others' stacks.
#[derive(Debug)]
pub(super) struct ThreadList {
    head: *mut Node,
    /// Offset of a header's node.
    node: usize,
    lock: LockWord,
    /// `_dl_tls_static_used`.
    static_used: *const usize,
}

// SAFETY: static data of the dynamic linker's. The list is only touched under its lock.
unsafe impl Send for ThreadList {}
// SAFETY: as above.
unsafe impl Sync for ThreadList {}

impl ThreadList {
    /// `node` is the offset of the node in a header, `used` the bytes that the thread-locals of all loaded modules take.
    pub(super) fn find(node: usize, used: usize) -> Result<ThreadList, Unavailable> {
        let global = symbol(c"_rtld_global")? as usize;
        let head = global + thread_db_offset(c"_thread_db_rtld_global__dl_stack_user")?;
        let slots = global + thread_db_offset(c"_thread_db_rtld_global__dl_tls_dtv_slotinfo_list")?;
        let list = ThreadList {
            head: head as *mut Node,
            node,
            // Behind the list of cached stacks, their size, and the operation in flight (nptl/descr.h's lists, as `struct rtld_global` has them).
            lock: LockWord((head + 48) as *const RawLock),
            // Two words on in the same structure.
            static_used: (slots + 16) as *const usize,
        };
        if list.static_used() != used {
            return Err(Unavailable("the size of static thread-locals was not found".into()));
        }
        list.lock.prove()?;
        if !list.locked(|| list.is_circle()) {
            return Err(Unavailable("the list of threads was not found".into()));
        }
        Ok(list)
    }

    /// Bytes below the thread pointer that the thread-locals of modules take, those included that were loaded late.
    #[inline]
    pub(super) fn static_used(&self) -> usize {
        // SAFETY: a word of the dynamic linker's data, which dlopen(3) writes on any thread.
        unsafe { self.static_used.read_volatile() }
    }

    /// Runs `f` while nobody adds or removes threads, or initialises variables in them.
    pub(super) fn locked<T>(&self, f: impl FnOnce() -> T) -> T {
        let lock = self.lock.get();
        lock.lock();
        let value = f();
        // SAFETY: taken above.
        unsafe { lock.unlock(lock_api::GuardNoSend::new()) };
        value
    }

    /// Adds the header at `tp`.
    ///
    /// # Safety
    /// A header that is on no list, and stays where it is until [`ThreadList::remove`].
    pub(super) unsafe fn add(&self, tp: usize) {
        let node = (tp + self.node) as *mut Node;
        // SAFETY: all nodes are those of live headers, or the head; glibc changes them under the same lock.
        self.locked(|| unsafe {
            let first = (*self.head).next;
            node.write(Node { next: first, prev: self.head });
            (*first).prev = node;
            (*self.head).next = node;
        });
    }

    /// Takes the header at `tp` off the list.
    ///
    /// # Safety
    /// It was added in this very process, not in one that this was forked from.
    pub(super) unsafe fn remove(&self, tp: usize) {
        let node = (tp + self.node) as *mut Node;
        // SAFETY: as above.
        self.locked(|| unsafe {
            let Node { next, prev } = node.read();
            (*next).prev = prev;
            (*prev).next = next;
            node.write(Node { next: node, prev: node });
        });
    }

    /// Whether what should be the list's head is one. To be called under the lock.
    fn is_circle(&self) -> bool {
        // SAFETY: the head lies in the dynamic linker's data; if it is a head, so are its neighbours nodes.
        unsafe {
            let Node { next, prev } = self.head.read();
            let plausible = [next, prev].iter().all(|p| !p.is_null() && p.is_aligned());
            plausible && (*next).prev == self.head && (*prev).next == self.head
        }
    }
}

/// glibc's internal lock has the states and the system calls that ours has: 0 is free, 1 taken, 2 taken and awaited.
#[derive(Debug, Clone, Copy)]
struct LockWord(*const RawLock);

// SAFETY: a lock is made to be shared, and this one is never freed.
unsafe impl Send for LockWord {}

impl LockWord {
    fn get(&self) -> &RawLock {
        // SAFETY: a word of the dynamic linker's data; `RawLock` is one atomic word.
        unsafe { &*self.0 }
    }

    /// Takes it, and sees whether somebody who creates a thread has to wait for it.
    fn prove(self) -> Result<(), Unavailable> {
        let failed = |why: &str| Unavailable(format!("the lock of the list of threads: {why}"));
        let (go, created) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let creator = {
            let (go, created) = (go.clone(), created.clone());
            let create = move || {
                while !go.load(Ordering::Acquire) {
                    std::thread::park();
                }
                let other = std::thread::Builder::new().spawn(|| {});
                created.store(true, Ordering::Release);
                other.map(|other| other.join().is_ok())
            };
            std::thread::Builder::new().spawn(create).map_err(|_| failed("no thread"))?
        };
        // A word that is not free for long is no such lock.
        let taken = (0..1000).any(|_| {
            std::thread::yield_now();
            self.get().try_lock().is_some()
        });
        go.store(true, Ordering::Release);
        creator.thread().unpark();
        let mut awaited = false;
        while taken && !awaited && !created.load(Ordering::Acquire) {
            std::thread::yield_now();
            awaited = self.get().is_awaited();
        }
        if taken {
            // SAFETY: taken above.
            unsafe { self.get().unlock(lock_api::GuardNoSend::new()) };
        }
        let created = matches!(creator.join(), Ok(Ok(true)));
        if awaited && created { Ok(()) } else { Err(failed("it was not found")) }
    }
}
