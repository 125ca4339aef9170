//! fsync(2) and its kin: always on another thread, for they wait for the disk whenever there is something to do.

use greenwood_runtime::interpose::Call;
use libc::{c_int, c_uint, c_void, off64_t, size_t};

use super::elsewhere::elsewhere;
use crate::glibc::hook::hooks;

hooks! {
    FILES;
    fn fsync(fd: c_int) -> c_int => sync_file;
    fn fdatasync(fd: c_int) -> c_int => sync_data;
    fn syncfs(fd: c_int) -> c_int => sync_system;
    fn sync() -> () => sync_all;
    fn sync_file_range(fd: c_int, offset: off64_t, len: off64_t, flags: c_uint) -> c_int => sync_range;
    fn msync(address: *mut c_void, len: size_t, flags: c_int) -> c_int => sync_memory;
}

unsafe fn sync_file(call: &Call, fd: c_int) -> c_int {
    // SAFETY: takes a number.
    elsewhere(call, || unsafe { fsync::next(fd) } as isize) as c_int
}

unsafe fn sync_data(call: &Call, fd: c_int) -> c_int {
    // SAFETY: takes a number.
    elsewhere(call, || unsafe { fdatasync::next(fd) } as isize) as c_int
}

unsafe fn sync_system(call: &Call, fd: c_int) -> c_int {
    // SAFETY: takes a number.
    elsewhere(call, || unsafe { syncfs::next(fd) } as isize) as c_int
}

unsafe fn sync_all(call: &Call) {
    elsewhere(call, || {
        // SAFETY: takes nothing.
        unsafe { sync::next() };
        0
    });
}

unsafe fn sync_range(
    call: &Call,
    fd: c_int,
    offset: off64_t,
    len: off64_t,
    flags: c_uint,
) -> c_int {
    // SAFETY: takes numbers.
    elsewhere(call, || unsafe { sync_file_range::next(fd, offset, len, flags) } as isize) as c_int
}

unsafe fn sync_memory(call: &Call, address: *mut c_void, len: size_t, flags: c_int) -> c_int {
    // SAFETY: what the caller promised libc.
    let plain = || unsafe { msync::next(address, len, flags) };
    if flags & libc::MS_SYNC == 0 {
        return plain();
    }
    elsewhere(call, || plain() as isize) as c_int
}
