//! Loading and unloading libraries. Their constructors and destructors run under the dynamic linker's lock, and so must not suspend: the next
//! coroutine of the worker to load a library, or to unwind, would wait for that lock, and with it the one that has it.

#[cfg(target_arch = "x86_64")]
mod open;

use std::ffi::c_void;

use greenwood_runtime::interpose::{self, Call};
use libc::{c_int, size_t};

use crate::glibc::hook::{Hook, hooks};

type Visit = unsafe extern "C" fn(*mut libc::dl_phdr_info, size_t, *mut c_void) -> c_int;

hooks! { ANY;
    fn dlclose(library: *mut c_void) -> c_int => closing;
    fn dl_iterate_phdr(visit: Option<Visit>, data: *mut c_void) -> c_int => iterating;
}

/// All functions that hold the dynamic linker's lock while they run code of others.
pub(crate) fn hooks() -> impl Iterator<Item = &'static Hook> {
    #[cfg(target_arch = "x86_64")]
    let more = open::HOOKS;
    #[cfg(not(target_arch = "x86_64"))]
    let more: &[Hook] = &[];
    [HOOKS, more].into_iter().flatten()
}

unsafe fn closing(_: &Call, library: *mut c_void) -> c_int {
    // SAFETY: dropped at the end of this function.
    let _hold = unsafe { interpose::hold() };
    // SAFETY: the caller's promise.
    unsafe { dlclose::next(library) }
}

unsafe fn iterating(_: &Call, visit: Option<Visit>, data: *mut c_void) -> c_int {
    // SAFETY: dropped at the end of this function.
    let _hold = unsafe { interpose::hold() };
    // SAFETY: as above.
    unsafe { dl_iterate_phdr::next(visit, data) }
}
