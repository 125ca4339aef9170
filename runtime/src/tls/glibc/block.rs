//! One thread-local block: built as pthread_create builds one, at the top of a coroutine's stack memory.

use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, Ordering};

use super::Unavailable;
use super::facts::{Facts, header};
use super::register;
use super::threads::ThreadList;
use crate::sys::fork;

/// Thread ids for blocks: above the kernel's largest (2^22), below the bits that futex words reserve.
const FIRST_TID: u32 = 1 << 22;
const TID_COUNT: u32 = (1 << 29) - FIRST_TID;
static NEXT_TID: AtomicU32 = AtomicU32::new(0);

/// What the rseq area says of a thread that the kernel does not know (`RSEQ_CPU_ID_REGISTRATION_FAILED`).
const RSEQ_UNREGISTERED: i32 = -2;

/// A thread-local block. Dropping the value leaves the memory as it is; see [`Block::destroy`].
#[derive(Debug)]
pub(crate) struct Block {
    tp: usize,
    /// The process on whose list of threads it stands, as [`fork::generation`] counts them.
    listed: AtomicU32,
}

/// `LC_GLOBAL_LOCALE`, which the libc crate lacks.
const GLOBAL_LOCALE: libc::locale_t = usize::MAX as libc::locale_t;

/// An entry of the dynamic thread vector.
#[repr(C)]
struct DtvSlot {
    value: *mut c_void,
    to_free: *mut c_void,
}
const DTV_UNALLOCATED: *mut c_void = usize::MAX as *mut c_void;

impl Block {
    /// Builds a block in the `facts.block_size()` bytes below `top`.
    ///
    /// # Safety
    /// Those bytes are writable, zero or those of a destroyed block, and used by nothing else until [`Block::destroy`].
    /// The calling thread is the one on which the block will be run first.
    pub(crate) unsafe fn build(top: usize, facts: &Facts) -> Result<Block, Unavailable> {
        let tp = (top - facts.sizeof_pthread) & !(facts.static_align.max(64) - 1);
        let worker = register::thread_pointer();
        // SAFETY: the memory is ours (caller); the offsets were proven by the self-test, or are being proven by it.
        unsafe {
            std::ptr::write_bytes(tp as *mut u8, 0, facts.sizeof_pthread);
            // A child of fork unlinks the forking thread from the libc's list: let it find one, at least of itself.
            let list = tp + facts.list_offset;
            (list as *mut [usize; 2]).write([list; 2]);
            // Listed before it is filled: a library that is being loaded is initialised by one or the other.
            if let Some(threads) = &facts.threads {
                threads.add(tp);
            }
            if (facts.allocate_tls)(tp as *mut c_void).is_null() {
                if let Some(threads) = &facts.threads {
                    threads.remove(tp);
                }
                return Err(Unavailable("no memory for a thread-local block".into()));
            }
            let word = |offset: usize| (tp + offset) as *mut usize;
            let worker_word = |offset: usize| ((worker + offset) as *const usize).read();
            word(header::TCB).write(tp);
            word(header::SELF).write(tp);
            (word(header::MULTIPLE_THREADS) as *mut u32).write(1);
            word(header::STACK_GUARD).write(worker_word(header::STACK_GUARD));
            word(header::POINTER_GUARD).write(worker_word(header::POINTER_GUARD));
            let tid = FIRST_TID + NEXT_TID.fetch_add(1, Ordering::Relaxed) % TID_COUNT;
            (word(facts.tid_offset) as *mut u32).write(tid);
            // An empty list of robust mutexes is one that points to itself, the word before it too.
            let head = tp + facts.robust_offset;
            word(facts.robust_offset - 8).write(head);
            word(facts.robust_offset).write(head);
            word(facts.robust_offset + 8).write(worker_word(facts.robust_offset + 8));
            if let Some(offset) = facts.rseq_offset {
                let area = tp.wrapping_add_signed(offset);
                ((area + 4) as *mut i32).write(RSEQ_UNREGISTERED);
            }
            register::with_thread_pointer(
                tp,
                facts.fsgsbase(),
                call_plain,
                facts.ctype_init as usize,
            );
        }
        Ok(Block { tp, listed: AtomicU32::new(fork::generation()) })
    }

    /// Puts a block that was built before a fork on the child's list of threads, which began with none.
    ///
    /// # Safety
    /// Nothing runs on the block.
    pub(crate) unsafe fn list_again(&self, facts: &Facts) {
        if let Some(threads) = &facts.threads
            && self.listed.swap(fork::generation(), Ordering::Relaxed) != fork::generation()
        {
            // SAFETY: the child's list does not hold it: glibc made that anew.
            unsafe { threads.add(self.tp) };
        }
    }

    /// How many times modules with thread-locals had been loaded when the block was built.
    pub(super) fn generation(&self) -> usize {
        // SAFETY: as in `free_dynamic`.
        unsafe { (*((self.tp + header::DTV) as *const *const DtvSlot).read()).value as usize }
    }

    /// The address the thread register gets.
    pub(crate) fn tp(&self) -> usize {
        self.tp
    }

    /// The lowest address of the block, where the stack may begin.
    pub(crate) fn bottom(&self, facts: &Facts) -> usize {
        self.tp - facts.below()
    }

    /// Lets the block use the calling worker's malloc cache: all that run on one OS thread share it, which is sound as
    /// malloc never yields, and spares each coroutine a cache of its own.
    ///
    /// # Safety
    /// The block is not running, and from now on runs on the thread only whose own thread pointer is `worker`.
    #[inline]
    pub(crate) unsafe fn adopt(&self, facts: &Facts, worker: usize) {
        for below in &facts.malloc_words {
            // SAFETY: both blocks have the libc's segment at the same place.
            unsafe {
                ((self.tp - below) as *mut usize).write(((worker - below) as *const usize).read())
            };
        }
    }

    /// Makes the block fresh again after a coroutine has ended and its destructors have run.
    ///
    /// # Safety
    /// Nothing runs on the block and nothing refers to its variables any more.
    pub(crate) unsafe fn reset(&self, facts: &Facts) {
        let image = facts.pristine.as_slice();
        let kept = facts.libc_segment;
        // `pristine[i]` belongs at `tp - pristine.len() + i`.
        let kept_from = image.len() - kept.start;
        let kept_to = kept_from + kept.len;
        let base = self.tp - image.len();
        // SAFETY: the block is idle (caller), and spans at least `image.len()` bytes below its thread pointer.
        unsafe {
            std::ptr::copy_nonoverlapping(image.as_ptr(), base as *mut u8, kept_from);
            std::ptr::copy_nonoverlapping(
                image[kept_to..].as_ptr(),
                (base + kept_to) as *mut u8,
                image.len() - kept_to,
            );
            self.free_dynamic(facts);
        }
        if let Some(threads) = &facts.threads
            && threads.static_used() > image.len()
        {
            self.reset_late(facts, threads);
        }
    }

    /// [`Block::reset`] for the static variables of libraries that were loaded after the first block was built. While one is being loaded, either
    /// the image has its variables already or this block gets them next.
    #[cold]
    fn reset_late(&self, facts: &Facts, threads: &ThreadList) {
        let Some(image) = &facts.untouched else { return };
        // SAFETY: only a child of fork finds it unlisted.
        unsafe { image.list_again(facts) };
        threads.locked(|| {
            let (from, to) = (threads.static_used().min(facts.below()), facts.pristine.len());
            // SAFETY: both blocks span `below()` bytes under their thread pointers; nothing runs on this one (caller), and never on the other,
            // which glibc writes to under the same lock.
            unsafe {
                let bytes = from.saturating_sub(to);
                let (image, own) = (image.tp - from, self.tp - from);
                std::ptr::copy_nonoverlapping(image as *const u8, own as *mut u8, bytes);
            }
        });
    }

    /// Frees the variables of modules loaded after start, which glibc allocates one by one.
    ///
    /// # Safety
    /// As for [`Block::reset`].
    unsafe fn free_dynamic(&self, facts: &Facts) {
        // SAFETY: the vector was made by `_dl_allocate_tls`: the slot before it holds its length.
        unsafe {
            let dtv = ((self.tp + header::DTV) as *const *mut DtvSlot).read();
            // Slot 0 holds the generation, which every dlopen of a module with thread-locals raises.
            if (*dtv).value as usize == facts.generation {
                return;
            }
            let count = (*dtv.sub(1)).value as usize;
            for slot in 1..=count {
                let slot = &mut *dtv.add(slot);
                if !slot.to_free.is_null() {
                    libc::free(slot.to_free);
                    slot.value = DTV_UNALLOCATED;
                    slot.to_free = std::ptr::null_mut();
                }
            }
        }
    }

    /// Frees what the block holds outside its own memory.
    ///
    /// # Safety
    /// As for [`Block::reset`]; the block is not used again.
    pub(crate) unsafe fn destroy(self, facts: &Facts) {
        if let Some(threads) = &facts.threads
            && self.listed.load(Ordering::Relaxed) == fork::generation()
        {
            // SAFETY: added in this process.
            unsafe { threads.remove(self.tp) };
        }
        // SAFETY: made by `_dl_allocate_tls` in memory of ours, which the second argument says to leave alone.
        unsafe { (facts.deallocate_tls)(self.tp as *mut c_void, 0) };
    }

    /// Destructors that were registered after [`Block::run_destructors`].
    ///
    /// # Safety
    /// As there.
    pub(crate) unsafe fn run_late_destructors(facts: &Facts) {
        // SAFETY: the caller's promise.
        unsafe { (facts.call_tls_dtors)() };
    }

    /// What a thread does last: destructors of thread-locals, then those of pthread keys, then the thread's locale.
    ///
    /// # Safety
    /// Called on the coroutine that owns the calling block, after everything else.
    pub(crate) unsafe fn run_destructors(facts: &Facts) {
        // SAFETY: the block runs on this very context; both may run user code, which may block as ever.
        unsafe {
            (facts.call_tls_dtors)();
            if facts.keys.run_destructors() {
                // What those registered: left in the libc's list, it would run at the end of the block's next coroutine.
                (facts.call_tls_dtors)();
                facts.keys.forget_values();
            }
            libc::uselocale(GLOBAL_LOCALE);
            *libc::__errno_location() = 0;
        }
    }
}

/// Calls the function at `address`.
unsafe fn call_plain(address: usize) {
    // SAFETY: the callers pass the address of a `void f(void)`.
    unsafe { std::mem::transmute::<usize, unsafe extern "C" fn()>(address)() }
}
