//! The functions that ours stand in front of.

use std::ffi::{CStr, c_void};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::Hook;

/// The next definition of a function, libc's as a rule.
pub(crate) struct Next {
    name: &'static CStr,
    version: Option<&'static CStr>,
    address: AtomicPtr<c_void>,
}

impl Next {
    pub(crate) const fn new(name: &'static CStr) -> Next {
        Next { name, version: None, address: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The definition of that version, where there is one. Without it, dlsym(3) may choose one that is kept for old programs only.
    pub(crate) const fn of_version(self, version: &'static CStr) -> Next {
        Next { version: Some(version), ..self }
    }

    pub(crate) fn name(&self) -> &'static CStr {
        self.name
    }

    /// None if this libc has no such function.
    #[inline(always)]
    pub(crate) fn get(&self) -> Option<NonNull<c_void>> {
        NonNull::new(self.address.load(Ordering::Relaxed)).or_else(|| self.find())
    }

    /// Where the address is found once [`Next::get`] has returned it.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub(crate) const ADDRESS: usize = std::mem::offset_of!(Next, address);

    /// Only called before this object's constructors have run, and for what there is not: see [`resolve`].
    #[cold]
    fn find(&self) -> Option<NonNull<c_void>> {
        let versioned = self.version.and_then(|version| {
            // SAFETY: names that end in a zero. For a symbol that exists, dlvsym(3) allocates nothing and waits for nobody, nor does dlsym(3).
            NonNull::new(unsafe {
                libc::dlvsym(libc::RTLD_NEXT, self.name.as_ptr(), version.as_ptr())
            })
        });
        // SAFETY: as above.
        let plain = || NonNull::new(unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) });
        let found = versioned.or_else(plain)?;
        self.address.store(found.as_ptr(), Ordering::Relaxed);
        Some(found)
    }
}

/// Whether the program calls our function under its name. It does not where the linker did not export it, or something stands in front.
pub(crate) fn is_ours(hook: &Hook) -> bool {
    // SAFETY: as above.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, hook.next.name().as_ptr()) };
    // In a shared library even our own reference to the function goes to whatever stands in front.
    ptr::eq(found.cast(), hook.ours) && object_of(found) == object_of((&raw const HERE).cast())
}

/// Lies in the object that this code is linked into.
static HERE: u8 = 0;

/// Where the executable or library is loaded that holds an address. Null if none does.
fn object_of(address: *const c_void) -> *mut c_void {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: a look-up by address, whatever that is, into a record of ours, for which zeros do.
    unsafe {
        libc::dladdr(address, info.as_mut_ptr());
        info.assume_init().dli_fbase
    }
}

/// Finds everything at once, so that no call from a signal handler or an allocator has to.
pub(crate) fn resolve(hooks: impl Iterator<Item = &'static Hook>) {
    for hook in hooks {
        let _ = hook.next.get();
    }
}
