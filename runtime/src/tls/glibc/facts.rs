//! What must be known of the running glibc, each looked up or found by experiment, and then proven.

use std::ffi::{CStr, c_int, c_void};
use std::mem::transmute;

use crate::sys::fork;

use super::{Unavailable, block::Block, keys::KeyTable, register, self_test, threads::ThreadList};

type AllocateTls = unsafe extern "C" fn(*mut c_void) -> *mut c_void;
type DeallocateTls = unsafe extern "C" fn(*mut c_void, c_int);
type TlsStaticInfo = unsafe extern "C" fn(*mut usize, *mut usize);
type Plain = unsafe extern "C" fn();

/// Offsets in glibc's thread header that no symbol tells: they are the x86_64 ABI's (`tcbhead_t`), the same since 2.4.
pub(super) mod header {
    pub(in crate::tls) const TCB: usize = 0x0;
    pub(in crate::tls) const DTV: usize = 0x8;
    pub(in crate::tls) const SELF: usize = 0x10;
    pub(in crate::tls) const MULTIPLE_THREADS: usize = 0x18;
    pub(in crate::tls) const STACK_GUARD: usize = 0x28;
    pub(in crate::tls) const POINTER_GUARD: usize = 0x30;
}

/// A range of offsets below the thread pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Below {
    /// Distance of the range's first byte below the thread pointer.
    pub(super) start: usize,
    pub(super) len: usize,
}

/// The running libc, as far as building a thread-local block needs it.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(super) allocate_tls: AllocateTls,
    pub(super) deallocate_tls: DeallocateTls,
    pub(super) ctype_init: Plain,
    pub(super) call_tls_dtors: Plain,
    /// Bytes and alignment of static thread-local storage, thread header included.
    pub(super) static_size: usize,
    pub(super) static_align: usize,
    pub(super) sizeof_pthread: usize,
    pub(super) tid_offset: usize,
    pub(super) list_offset: usize,
    /// The head of the list of robust mutexes, as the kernel knows it (`struct robust_list_head`).
    pub(super) robust_offset: usize,
    pub(super) rseq_offset: Option<isize>,
    /// Where the libc's own variables lie. They are kept when a block is reused, see README.
    pub(super) libc_segment: Below,
    /// Thread-local memory of all modules loaded at start: the part of a block that reuse restores.
    pub(super) pristine: Vec<u8>,
    /// Distances below the thread pointer of the words by which malloc finds its per-thread cache and arena.
    pub(super) malloc_words: Vec<usize>,
    /// The count of loaded modules with thread-locals, as the dynamic linker keeps it, when `pristine` was taken.
    pub(super) generation: usize,
    pub(super) keys: KeyTable,
    /// Where glibc finds threads to initialise. None, and blocks stand on no list, where it was not found.
    pub(super) threads: Option<ThreadList>,
    /// A block that nothing ever runs on: thread-local memory of all modules, those loaded late included.
    pub(super) untouched: Option<Block>,
    pub(super) fsgsbase: bool,
}

impl Facts {
    /// Looks everything up, then proves it on a block of its own in a thread of its own.
    pub(in crate::tls) fn discover() -> Result<Facts, Unavailable> {
        fork::watch();
        // On its own thread: experiments with malloc's cache and with keys must find nothing there beforehand.
        std::thread::Builder::new()
            .name("greenwood-selftest".into())
            .spawn(|| {
                let mut facts = Facts::look_up()?;
                self_test::prove(&mut facts)?;
                facts.untouched = Some(self_test::build_untouched(&facts)?);
                Ok(facts)
            })
            .map_err(|e| Unavailable(format!("no thread for the self-test: {e}")))?
            .join()
            .unwrap_or_else(|_| Err(Unavailable("the self-test panicked".into())))
    }

    fn look_up() -> Result<Facts, Unavailable> {
        let mut static_size = 0;
        let mut static_align = 0;
        // SAFETY: the types are those of glibc's own declarations (elf/dl-tls.c, ctype/ctype-info.c, stdlib/cxa_thread_atexit_impl.c).
        let (allocate_tls, deallocate_tls, ctype_init, call_tls_dtors) = unsafe {
            let info: TlsStaticInfo = transmute(symbol(c"_dl_get_tls_static_info")?);
            info(&mut static_size, &mut static_align);
            (
                transmute::<*mut c_void, AllocateTls>(symbol(c"_dl_allocate_tls")?),
                transmute::<*mut c_void, DeallocateTls>(symbol(c"_dl_deallocate_tls")?),
                transmute::<*mut c_void, Plain>(symbol(c"__ctype_init")?),
                transmute::<*mut c_void, Plain>(symbol(c"__call_tls_dtors")?),
            )
        };
        // SAFETY: `_thread_db_sizeof_pthread` is one u32; `__rseq_offset` one ptrdiff_t.
        let (sizeof_pthread, rseq_offset) = unsafe {
            let size = symbol(c"_thread_db_sizeof_pthread")?.cast::<u32>().read() as usize;
            (size, symbol(c"__rseq_offset").ok().map(|p| p.cast::<isize>().read()))
        };
        let tid_offset = thread_db_offset(c"_thread_db_pthread_tid")?;
        let list_offset = thread_db_offset(c"_thread_db_pthread_list")?;
        let specific_offset = thread_db_offset(c"_thread_db_pthread_specific")?;
        let sane = sizeof_pthread >= 512
            && sizeof_pthread < static_size
            && static_size <= 64 * 1024
            && static_align.is_power_of_two()
            && static_align <= 4096
            && [tid_offset, list_offset, specific_offset].iter().all(|&o| o + 16 <= sizeof_pthread);
        if !sane {
            return Err(Unavailable(format!(
                "unexpected thread layout: {static_size} B of thread-locals, header of {sizeof_pthread} B"
            )));
        }
        let segments = tls_segments();
        let libc_segment = libc_segment(&segments)
            .ok_or_else(|| Unavailable("the libc's thread-local segment was not found".into()))?;
        let used = segments.iter().map(|s| s.start).max().unwrap_or(0);
        if used > static_size - sizeof_pthread {
            return Err(Unavailable("thread-local segments lie outside the static block".into()));
        }
        Ok(Facts {
            allocate_tls,
            deallocate_tls,
            ctype_init,
            call_tls_dtors,
            static_size,
            static_align,
            sizeof_pthread,
            tid_offset,
            list_offset,
            robust_offset: robust_offset(sizeof_pthread)?,
            rseq_offset,
            libc_segment,
            pristine: vec![0; used],
            malloc_words: Vec::new(),
            generation: 0,
            keys: KeyTable::find(specific_offset)?,
            threads: ThreadList::find(list_offset, used).ok(),
            untouched: None,
            fsgsbase: register::has_fsgsbase(),
        })
    }

    /// Whether a reset block can be destroyed without losing memory of the libc: not when it has a malloc cache.
    pub(crate) fn block_owns_nothing(&self) -> bool {
        !self.malloc_words.is_empty()
    }

    /// Whether the thread register may be written without a system call.
    pub(crate) fn fsgsbase(&self) -> bool {
        self.fsgsbase
    }

    /// Bytes below the thread pointer that a block takes.
    pub(super) fn below(&self) -> usize {
        (self.static_size - self.sizeof_pthread).next_multiple_of(self.static_align)
    }

    /// How many bytes [`Block::build`] takes from the top of a stack.
    pub(crate) fn block_size(&self) -> usize {
        self.below() + self.sizeof_pthread.next_multiple_of(self.static_align.max(64))
    }

    /// Remembers what the thread-locals look like in a block that nothing has run on yet.
    pub(super) fn remember_pristine(&mut self, block: &Block) {
        let len = self.pristine.len();
        // SAFETY: the block has `below() >= len` readable bytes under its thread pointer.
        let image = unsafe { std::slice::from_raw_parts((block.tp() - len) as *const u8, len) };
        self.pristine.copy_from_slice(image);
        self.generation = block.generation();
    }
}

/// Finds a symbol of the loaded libc or dynamic linker, private ones included.
pub(super) fn symbol(name: &CStr) -> Result<*mut c_void, Unavailable> {
    // SAFETY: a look-up by name has no preconditions.
    let p = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    if p.is_null() {
        return Err(Unavailable(format!("this libc has no {}", name.to_string_lossy())));
    }
    Ok(p)
}

/// The offset in the thread header that a libthread_db descriptor (size, count, offset) gives.
pub(super) fn thread_db_offset(name: &CStr) -> Result<usize, Unavailable> {
    // SAFETY: such descriptors are three u32 (nptl_db/db_info.c, DESC).
    Ok(unsafe { symbol(name)?.cast::<[u32; 3]>().read()[2] as usize })
}

/// Where in its header a thread told the kernel that its robust mutexes are listed.
fn robust_offset(sizeof_pthread: usize) -> Result<usize, Unavailable> {
    let (mut head, mut len) = (0usize, 0usize);
    // SAFETY: writes the calling thread's two values.
    let r = unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &raw mut head, &raw mut len) };
    let offset = head.wrapping_sub(register::thread_pointer());
    // The list is empty here: it points to itself, and so does glibc's word before it.
    // SAFETY: read only if it lies within the calling thread's header.
    let proven = r == 0
        && (8..sizeof_pthread - 24).contains(&offset)
        && unsafe { *(head as *const usize) == head && *((head - 8) as *const usize) == head };
    if proven {
        Ok(offset)
    } else {
        Err(Unavailable("the list of robust mutexes was not found".into()))
    }
}

/// The thread-local segments of the loaded modules that lie in this thread's static block.
fn tls_segments() -> Vec<Segment> {
    unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, out: *mut c_void) -> c_int {
        // SAFETY: dl_iterate_phdr passes a valid record and our own pointer.
        let (info, out) = unsafe { (&*info, &mut *out.cast::<Vec<Segment>>()) };
        if info.dlpi_tls_data.is_null() {
            return 0;
        }
        // SAFETY: the program headers of a loaded module stay mapped while it is loaded.
        let headers =
            unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
        let tls = headers.iter().find(|h| h.p_type == libc::PT_TLS);
        let code = headers.iter().filter(|h| h.p_type == libc::PT_LOAD);
        if let Some(tls) = tls {
            let start = register::thread_pointer().wrapping_sub(info.dlpi_tls_data as usize);
            let base = info.dlpi_addr as usize;
            out.push(Segment {
                start,
                len: tls.p_memsz as usize,
                loaded: code
                    .map(|h| (base + h.p_vaddr as usize, h.p_memsz as usize))
                    .fold((usize::MAX, 0), |(lo, hi), (at, len)| (lo.min(at), hi.max(at + len))),
            });
        }
        0
    }
    let mut out: Vec<Segment> = Vec::new();
    // SAFETY: the callback matches, and `out` lives over the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut out).cast()) };
    // Modules with dynamic storage (loaded late) have a heap block, far from the thread pointer.
    out.retain(|s| s.start <= 64 * 1024);
    out
}

struct Segment {
    start: usize,
    len: usize,
    loaded: (usize, usize),
}

/// The segment of the module that holds libc's own code.
fn libc_segment(segments: &[Segment]) -> Option<Below> {
    let inside = symbol(c"__ctype_init").ok()? as usize;
    segments
        .iter()
        .find(|s| (s.loaded.0..s.loaded.1).contains(&inside))
        .map(|s| Below { start: s.start, len: s.len })
}
