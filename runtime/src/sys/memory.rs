//! Reserving address space, guarding parts of it, and giving pages back.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};

/// Reserves `len` bytes that take memory only where they are touched, in small pages: with huge ones, each stack's
/// first touch would commit 2 MiB.
pub(crate) fn reserve(len: usize) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
    #[cfg(not(target_os = "linux"))]
    let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new anonymous mapping at an address of the kernel's choice touches nothing that exists.
    let p = unsafe { libc::mmap(std::ptr::null_mut(), len, access, flags, -1, 0) };
    if p == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    #[cfg(target_os = "linux")]
    // SAFETY: advice on our own mapping; kernels without huge pages answer EINVAL, which changes nothing.
    unsafe {
        libc::madvise(p, len, libc::MADV_NOHUGEPAGE);
    }
    Ok(p as usize)
}

/// Gives the pages of `len` bytes at `at` back. They read as zero afterwards. Guards in the range stay.
///
/// # Safety
/// The range lies in a mapping of [`reserve`], is page-aligned, and holds nothing that is still needed.
pub(crate) unsafe fn release(at: usize, len: usize) {
    if len > 0 {
        // SAFETY: the caller's promise.
        unsafe { libc::madvise(at as *mut libc::c_void, len, libc::MADV_DONTNEED) };
    }
}

/// How guards are made. Found out with the first.
static GUARD: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const LIGHTWEIGHT: u8 = 1;
const PROTECTED: u8 = 2;

/// `MADV_GUARD_INSTALL`, Linux 6.13+: faults like an unmapped page without a mapping of its own.
#[cfg(target_os = "linux")]
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// Uses `mprotect` for guards from now on, as on kernels without lightweight guards.
pub(crate) fn force_protected_guards() {
    GUARD.store(PROTECTED, Ordering::Relaxed);
}

/// Whether guards cost no mapping. Known once the first guard is in place.
pub(crate) fn guards_are_lightweight() -> bool {
    GUARD.load(Ordering::Relaxed) == LIGHTWEIGHT
}

/// Makes every access to the `len` bytes at `at` fault.
///
/// # Safety
/// As for [`release`].
pub(crate) unsafe fn guard(at: usize, len: usize) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if GUARD.load(Ordering::Relaxed) != PROTECTED {
        // SAFETY: the caller's promise.
        let r = unsafe { libc::madvise(at as *mut libc::c_void, len, MADV_GUARD_INSTALL) };
        if r == 0 {
            GUARD.store(LIGHTWEIGHT, Ordering::Relaxed);
            return Ok(());
        }
        let e = io::Error::last_os_error();
        if e.raw_os_error() != Some(libc::EINVAL) {
            return Err(e);
        }
        // An old kernel, or locked memory (mlockall), where the kernel refuses lightweight guards.
        let _ = GUARD.compare_exchange(UNKNOWN, PROTECTED, Ordering::Relaxed, Ordering::Relaxed);
    }
    // SAFETY: the caller's promise.
    match unsafe { libc::mprotect(at as *mut libc::c_void, len, libc::PROT_NONE) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The size of a page.
pub(crate) fn page_size() -> usize {
    static SIZE: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    // SAFETY: reads a constant of the system.
    *SIZE.get_or_init(|| unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize)
}
