//! `pthread_key_create`'s values: finding the process's table of destructors, and running them for a coroutine.

use std::ffi::c_void;

use super::{Unavailable, facts, register};
use crate::interpose;

const KEYS_MAX: usize = 1024;
const SECOND_LEVEL: usize = 32;
/// `PTHREAD_DESTRUCTOR_ITERATIONS`.
const ROUNDS: usize = 4;

/// One entry of glibc's process-wide table (`struct pthread_key_struct`).
#[repr(C)]
struct Key {
    sequence: usize,
    destructor: Option<unsafe extern "C" fn(*mut c_void)>,
}

/// One value in a thread header (`struct pthread_key_data`).
#[repr(C)]
struct Value {
    sequence: usize,
    data: *mut c_void,
}

/// Where glibc keeps keys and, in each thread header, their values.
#[derive(Debug)]
pub(super) struct KeyTable {
    keys: *const Key,
    /// Offset of the 32 pointers to second-level blocks. The first block (in the header) ends there; the flag
    /// `specific_used` follows them. The self-test proves both.
    specific: usize,
}

// SAFETY: `keys` points at a static table of the libc, which is only read, as glibc itself does without a lock.
unsafe impl Send for KeyTable {}
// SAFETY: as above.
unsafe impl Sync for KeyTable {}

unsafe extern "C" fn marker_a(_: *mut c_void) {
    std::hint::black_box(1);
}
unsafe extern "C" fn marker_b(_: *mut c_void) {
    std::hint::black_box(2);
}

impl KeyTable {
    /// The table has no dynamic symbol, so: create two keys with destructors of ours and find both in libc's data.
    pub(super) fn find(specific: usize) -> Result<KeyTable, Unavailable> {
        let missing = || Unavailable("the table of pthread keys was not found".to_owned());
        let (mut a, mut b) = (0, 0);
        // Taken once: the compiler may keep several copies of a small function, each with its own address.
        let marks: [unsafe extern "C" fn(*mut c_void); 2] =
            std::hint::black_box([marker_a, marker_b]);
        // SAFETY: creates two keys; both are deleted below, and no value is ever set.
        unsafe {
            if libc::pthread_key_create(&mut a, Some(marks[0])) != 0 {
                return Err(missing());
            }
            if libc::pthread_key_create(&mut b, Some(marks[1])) != 0 {
                libc::pthread_key_delete(a);
                return Err(missing());
            }
        }
        let found = libc_data().into_iter().find_map(|(at, len)| {
            // Volatile, as other threads may write here meanwhile; only a full match counts.
            // SAFETY: every offset below `len` lies in libc's writable data.
            let word = |offset: usize| unsafe { ((at + offset) as *const usize).read_volatile() };
            let destructor = |key: u32| key as usize * size_of::<Key>() + size_of::<usize>();
            let last = len.saturating_sub(KEYS_MAX * size_of::<Key>());
            (0..=last)
                .step_by(align_of::<Key>())
                .find(|base| {
                    word(base + destructor(a)) == marks[0] as usize
                        && word(base + destructor(b)) == marks[1] as usize
                })
                .map(|base| at + base)
        });
        // SAFETY: our own keys.
        unsafe {
            libc::pthread_key_delete(a);
            libc::pthread_key_delete(b);
        }
        found.map(|at| KeyTable { keys: at as *const Key, specific }).ok_or_else(missing)
    }

    fn used_flag(&self, tp: usize) -> *mut bool {
        (tp + self.specific + SECOND_LEVEL * size_of::<usize>()) as *mut bool
    }

    /// Where a thread header keeps the value of `key`, for the self-test.
    pub(super) fn first_block_value(&self, tp: usize, key: u32) -> usize {
        let first = tp + self.specific - SECOND_LEVEL * size_of::<Value>();
        // SAFETY: inside the header at `tp`; only called with key < 32.
        unsafe { (*((first + key as usize * size_of::<Value>()) as *const Value)).data as usize }
    }

    /// Whether any key was ever set on the header at `tp`.
    pub(super) fn any_set(&self, tp: usize) -> bool {
        // SAFETY: inside the header at `tp`.
        unsafe { self.used_flag(tp).read() }
    }

    /// All places for values in the header at `tp` that exist, with their keys' numbers.
    fn values(&self, tp: usize) -> impl Iterator<Item = (usize, &'static mut Value)> {
        let specific = self.specific;
        (0..KEYS_MAX).filter_map(move |index| {
            let (block, slot) = (index / SECOND_LEVEL, index % SECOND_LEVEL);
            // SAFETY: the header holds 32 pointers, null or to 32 values each; the first block has no pointer here.
            let values = unsafe {
                match block {
                    0 => (tp + specific - SECOND_LEVEL * size_of::<Value>()) as *mut Value,
                    n => ((tp + specific) as *const *mut Value).add(n).read(),
                }
            };
            // SAFETY: within the block of 32; each is handed out once.
            (!values.is_null()).then(|| (index, unsafe { &mut *values.add(slot) }))
        })
    }

    /// Drops what is left after the last round, so that the block's next coroutine finds no values.
    ///
    /// # Safety
    /// As for [`KeyTable::run_destructors`].
    pub(super) unsafe fn forget_values(&self) {
        let tp = register::thread_pointer();
        if self.any_set(tp) {
            self.values(tp).for_each(|(_, value)| value.data = std::ptr::null_mut());
            // SAFETY: in our own header.
            unsafe { self.used_flag(tp).write(false) };
        }
    }

    /// Runs the destructors of the calling context's values as a dying thread does, and leaves no value behind. Says
    /// whether there were any.
    ///
    /// # Safety
    /// The thread register points at a block built by this module.
    pub(super) unsafe fn run_destructors(&self) -> bool {
        let tp = register::thread_pointer();
        if !self.any_set(tp) {
            return false;
        }
        for _ in 0..ROUNDS {
            // SAFETY: the flag is in our own header; it is raised again by pthread_setspecific.
            unsafe { self.used_flag(tp).write(false) };
            for (index, value) in self.values(tp) {
                let data = std::mem::replace(&mut value.data, std::ptr::null_mut());
                if data.is_null() {
                    continue;
                }
                // SAFETY: the table has KEYS_MAX entries.
                let key = unsafe { &*self.keys.add(index) };
                // A value whose key was deleted (and perhaps made anew) since has no destructor.
                if let (Some(destructor), true) = (key.destructor, key.sequence == value.sequence) {
                    // SAFETY: what a thread's exit would call, with the value that was set.
                    let destroy = || unsafe { destructor(data) };
                    // The first to have its number, and one that was there when the allocator was ready.
                    let is_allocators =
                        key.sequence == 1 && interpose::is_older_than_allocator(index);
                    if is_allocators { crate::no_yield(destroy) } else { destroy() }
                }
            }
            if !self.any_set(tp) {
                break;
            }
        }
        true
    }
}

/// The writable data of the module that holds libc's code.
fn libc_data() -> Vec<(usize, usize)> {
    unsafe extern "C" fn visit(
        info: *mut libc::dl_phdr_info,
        _: usize,
        out: *mut c_void,
    ) -> libc::c_int {
        // SAFETY: dl_iterate_phdr passes a valid record, its headers, and our own pointer.
        let (base, headers, out) = unsafe {
            let info = &*info;
            (
                info.dlpi_addr as usize,
                std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)),
                &mut *out.cast::<Vec<(usize, usize)>>(),
            )
        };
        // Through the dynamic linker: the address in our own code may be that of a jump into it.
        let Ok(inside) = facts::symbol(c"pthread_key_create") else { return 0 };
        let inside = inside as usize;
        let loads = || headers.iter().filter(|h| h.p_type == libc::PT_LOAD);
        let holds = |h: &libc::Elf64_Phdr| {
            (base + h.p_vaddr as usize..base + (h.p_vaddr + h.p_memsz) as usize).contains(&inside)
        };
        if loads().any(holds) {
            let writable = loads().filter(|h| h.p_flags & libc::PF_W != 0);
            out.extend(writable.map(|h| (base + h.p_vaddr as usize, h.p_memsz as usize)));
        }
        0
    }
    let mut out = Vec::new();
    // SAFETY: the callback matches, and `out` lives over the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut out).cast()) };
    out
}
