//! Making room in files, and reading ahead: few calls, each of which may take long.

use greenwood_runtime::interpose::Call;
use libc::{c_int, off64_t, size_t, ssize_t};

use super::elsewhere::elsewhere;
use crate::hook::hooks;

hooks! {
    FILES;
    fn fallocate(fd: c_int, mode: c_int, offset: off64_t, len: off64_t) -> c_int => allocate;
    fn fallocate64(fd: c_int, mode: c_int, offset: off64_t, len: off64_t) -> c_int => allocate;
    fn posix_fallocate(fd: c_int, offset: off64_t, len: off64_t) -> c_int => allocate_always;
    fn posix_fallocate64(fd: c_int, offset: off64_t, len: off64_t) -> c_int => allocate_always;
    fn readahead(fd: c_int, offset: off64_t, len: size_t) -> ssize_t => read_ahead;
}

unsafe fn allocate(call: &Call, fd: c_int, mode: c_int, offset: off64_t, len: off64_t) -> c_int {
    // SAFETY: takes numbers.
    elsewhere(call, || unsafe { fallocate64::next(fd, mode, offset, len) } as isize) as c_int
}

/// Returns an error's number, and fills the file by writing where the file system knows no other way.
unsafe fn allocate_always(call: &Call, fd: c_int, offset: off64_t, len: off64_t) -> c_int {
    // SAFETY: takes numbers.
    elsewhere(call, || unsafe { posix_fallocate64::next(fd, offset, len) } as isize) as c_int
}

unsafe fn read_ahead(call: &Call, fd: c_int, offset: off64_t, len: size_t) -> ssize_t {
    // SAFETY: takes numbers.
    elsewhere(call, || unsafe { readahead::next(fd, offset, len) })
}
