//! Taking and freeing a file's room, and reading ahead: few calls, each of which may take long (to free 300 MB takes some 100 ms).

use greenwood_runtime::interpose::Call;
use libc::{c_char, c_int, off64_t, size_t, ssize_t};

use super::elsewhere::elsewhere;
use crate::glibc::hook::hooks;

hooks! {
    FILES;
    fn fallocate(fd: c_int, mode: c_int, offset: off64_t, len: off64_t) -> c_int => allocate;
    fn fallocate64(fd: c_int, mode: c_int, offset: off64_t, len: off64_t) -> c_int => allocate;
    fn posix_fallocate(fd: c_int, offset: off64_t, len: off64_t) -> c_int => allocate_always;
    fn posix_fallocate64(fd: c_int, offset: off64_t, len: off64_t) -> c_int => allocate_always;
    fn ftruncate(fd: c_int, len: off64_t) -> c_int => cut;
    fn ftruncate64(fd: c_int, len: off64_t) -> c_int => cut;
    fn truncate(path: *const c_char, len: off64_t) -> c_int => cut_named;
    fn truncate64(path: *const c_char, len: off64_t) -> c_int => cut_named;
    fn unlink(path: *const c_char) -> c_int => remove;
    fn unlinkat(dir: c_int, path: *const c_char, flags: c_int) -> c_int => remove_in;
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

unsafe fn cut(call: &Call, fd: c_int, len: off64_t) -> c_int {
    // SAFETY: takes numbers.
    elsewhere(call, || unsafe { ftruncate64::next(fd, len) } as isize) as c_int
}

unsafe fn cut_named(call: &Call, path: *const c_char, len: off64_t) -> c_int {
    // SAFETY: what the caller promised libc.
    elsewhere(call, || unsafe { truncate64::next(path, len) } as isize) as c_int
}

unsafe fn remove(call: &Call, path: *const c_char) -> c_int {
    // SAFETY: what the caller promised libc.
    elsewhere(call, || unsafe { unlink::next(path) } as isize) as c_int
}

unsafe fn remove_in(call: &Call, dir: c_int, path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: what the caller promised libc.
    elsewhere(call, || unsafe { unlinkat::next(dir, path, flags) } as isize) as c_int
}

unsafe fn read_ahead(call: &Call, fd: c_int, offset: off64_t, len: size_t) -> ssize_t {
    // SAFETY: takes numbers.
    elsewhere(call, || unsafe { readahead::next(fd, offset, len) })
}
