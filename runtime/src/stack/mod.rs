//! Stacks: cut from large reservations, guarded, pooled per worker, and trimmed.

mod depot;
pub(crate) mod overflow;
mod pool;

use std::io;
use std::num::NonZeroUsize;

use crate::sys::memory;
use crate::tls::{Block, Facts};

pub(crate) use depot::{trim_idle, warm};
pub(crate) use pool::Pool;

/// Below each stack. C code without stack probes can jump a one-page guard and write into the neighbour.
pub(crate) const GUARD_SIZE: usize = 64 * 1024;

/// Usable bytes of a stack unless asked otherwise. With its guard it fills 512 KiB, so that four share one page of the
/// kernel's page table (a page of table for every 2 MiB of addresses in use).
pub const DEFAULT_STACK_SIZE: usize = 512 * 1024 - GUARD_SIZE;

/// The smallest stack: the coroutine's own thread-locals and a panic's formatting must fit.
pub const MIN_STACK_SIZE: usize = 32 * 1024;

/// The largest stack. More is a mistake, and would exhaust the address space after a few thousand.
pub const MAX_STACK_SIZE: usize = 16 << 30;

/// Stacks begin at different distances below their page, so that the busiest words of page-aligned stacks do not share one
/// set of the cache.
const STAGGER_STEP: usize = 64;
const STAGGER_COUNT: usize = 8;

/// Bytes at the top that stay resident in a pooled stack that is trimmed.
const HIGH_WATER: usize = 32 * 1024;

/// Up to here a thread-local block counts as part of the stack that was asked for.
const USUAL_BLOCK: usize = 8 * 1024;

/// Turns a usable size into the bytes to reserve for it.
pub(crate) fn reservation(usable: usize) -> io::Result<usize> {
    if !(MIN_STACK_SIZE..=MAX_STACK_SIZE).contains(&usable) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("stack size {usable} is outside {MIN_STACK_SIZE}..={MAX_STACK_SIZE} bytes"),
        ));
    }
    // Usual thread-locals are a few KiB, which the usable bytes include. Large ones come on top.
    let block = crate::tls::facts().map_or(0, Facts::block_size);
    let extra = if block > USUAL_BLOCK { block } else { 0 };
    Ok((usable + GUARD_SIZE + extra).next_multiple_of(memory::page_size()))
}

/// One stack with its guard and, in Own mode, the thread-local block at its top.
///
/// Dropping it leaks the memory: a stack goes back by [`Pool::put`], and only when nothing runs or lives on it.
#[derive(Debug)]
pub(crate) struct Stack {
    /// One past the highest byte of the reservation.
    end: NonZeroUsize,
    /// Bytes reserved, guard included.
    reserved: usize,
    /// Where the coroutine's frames begin.
    base: NonZeroUsize,
    pub(crate) block: Option<Block>,
}

impl Stack {
    /// Guards a fresh slot of a slab.
    ///
    /// # Safety
    /// The `reserved` bytes below `end` are a reservation's, zeroed, and nobody else's.
    unsafe fn new(end: usize, reserved: usize) -> io::Result<Stack> {
        // SAFETY: the lowest bytes of our own slot.
        unsafe { memory::guard(end - reserved, GUARD_SIZE) }.map_err(explain_mapping_error)?;
        let base = NonZeroUsize::new(staggered(end, reserved)).expect("a mapping is not at zero");
        // SAFETY: registers an address range with valgrind, where that runs; nothing otherwise.
        std::mem::forget(corosensei::stack::valgrind::ValgrindStackRegistration::new(
            (end - reserved + GUARD_SIZE) as *mut u8,
            reserved - GUARD_SIZE,
        ));
        Ok(Stack { end: NonZeroUsize::new(end).expect("as above"), reserved, base, block: None })
    }

    /// Gives the stack thread-locals of its own, if it has none yet.
    pub(crate) fn build_block(&mut self, facts: &Facts) -> io::Result<()> {
        if self.block.is_none() {
            // SAFETY: the top of the stack's memory is used by nothing, since nothing runs on it.
            let block = unsafe { Block::build(staggered(self.end.get(), self.reserved), facts) }
                .map_err(|e| io::Error::new(io::ErrorKind::OutOfMemory, e.0))?;
            self.base = NonZeroUsize::new(block.bottom(facts) & !15).expect("inside the mapping");
            self.block = Some(block);
        }
        Ok(())
    }

    /// Bytes reserved, guard included.
    pub(crate) fn reserved(&self) -> usize {
        self.reserved
    }

    /// The lowest byte that may be used, just above the guard.
    pub(crate) fn limit(&self) -> usize {
        self.end.get() - self.reserved + GUARD_SIZE
    }

    /// One past the highest byte that frames use.
    pub(crate) fn base(&self) -> usize {
        self.base.get()
    }

    /// Gives back the pages that lie deeper than the high-water mark.
    fn trim(&mut self) {
        let keep = (self.base.get() - HIGH_WATER.min(self.base.get() - self.limit()))
            & !(memory::page_size() - 1);
        let limit = self.limit();
        // SAFETY: our own pages, below everything that a finished coroutine leaves behind.
        unsafe { memory::release(limit, keep.saturating_sub(limit)) };
    }

    /// Gives back all pages, thread-locals included, where nothing of libc's would be lost with them.
    fn release(&mut self, facts: Option<&Facts>) {
        match (facts, self.block.take()) {
            (Some(facts), Some(block)) if facts.block_owns_nothing() => {
                // SAFETY: nothing runs on the stack; the block was reset when its last coroutine ended.
                unsafe { block.destroy(facts) };
                self.base = NonZeroUsize::new(staggered(self.end.get(), self.reserved))
                    .expect("in the mapping");
            }
            (_, None) => {}
            (_, block) => {
                self.block = block;
                return self.trim();
            }
        }
        // SAFETY: nothing on these pages is needed any more.
        unsafe { memory::release(self.limit(), self.end.get() - self.limit()) };
    }
}

fn staggered(end: usize, reserved: usize) -> usize {
    end - (end / reserved) % STAGGER_COUNT * STAGGER_STEP
}

// SAFETY: `base` is 16-byte aligned, `limit` is page-aligned, at least MIN_STACK_SIZE bytes lie between them, and the guard
// below is larger than any frame that is probed.
unsafe impl corosensei::stack::Stack for Stack {
    #[inline]
    fn base(&self) -> NonZeroUsize {
        self.base
    }
    #[inline]
    fn limit(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.end.get() - self.reserved).unwrap_or(self.base)
    }
}

/// Names the setting behind the kernel's bare ENOMEM.
fn explain_mapping_error(e: io::Error) -> io::Error {
    if e.raw_os_error() != Some(libc::ENOMEM) {
        return e;
    }
    let text = if memory::guards_are_lightweight() {
        "no memory for a coroutine's stack: the process has reached a limit on address space or mappings (see `ulimit -v` and \
         the sysctl vm.max_map_count)"
    } else {
        "no mapping left for a coroutine's stack: this kernel has no lightweight guards (Linux 6.13), so every stack takes two \
         mappings; raise the sysctl vm.max_map_count"
    };
    io::Error::new(io::ErrorKind::OutOfMemory, text)
}
