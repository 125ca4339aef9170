//! Looking at the caller's memory before it is used, where the kernel would say `EFAULT`.

use libc::c_long;

use crate::glibc::hook::{errno, set_errno};

/// As many bytes as a signal set of the kernel's has.
const WORD: usize = 8;

/// Whether `len` bytes from `start` on, at least 8, can be read.
pub(crate) fn is_readable(start: *const libc::c_void, len: usize) -> bool {
    debug_assert!(len >= WORD);
    let saved = errno();
    let start = start as usize;
    let Some(last) = start.checked_add(len - WORD) else { return false };
    // One in each page that it may be in.
    let readable = (start..last).step_by(4096).chain([last]).all(is_word_readable);
    set_errno(saved);
    readable
}

fn is_word_readable(address: usize) -> bool {
    const NO_SUCH_WAY: c_long = -1;
    // The kernel reads the set before it looks at what is to be done with it, which is nothing.
    // SAFETY: changes nothing; an address that is not there is answered by EFAULT.
    unsafe {
        libc::syscall(libc::SYS_rt_sigprocmask, NO_SUCH_WAY, address, 0usize, WORD);
    }
    errno() != libc::EFAULT
}
