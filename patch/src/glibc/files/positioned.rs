//! pread(2), pwrite(2) and their kin, and copy_file_range(2).

use greenwood_runtime::interpose::Call;
use libc::{c_int, c_uint, c_void, iovec, off64_t, size_t, ssize_t};

use super::transfer::{WORTH_A_THREAD, transfer_of_file};
use crate::glibc::hook::hooks;
use crate::glibc::vectors;

// On the machines this is for, the functions of either kind of offset are the same.
hooks! {
    FILES;
    fn pread(fd: c_int, buf: *mut c_void, len: size_t, offset: off64_t) -> ssize_t => read_at;
    fn pread64(fd: c_int, buf: *mut c_void, len: size_t, offset: off64_t) -> ssize_t => read_at;
    fn __pread_chk(fd: c_int, buf: *mut c_void, len: size_t, offset: off64_t, room: size_t) -> ssize_t => read_at_checked;
    fn __pread64_chk(fd: c_int, buf: *mut c_void, len: size_t, offset: off64_t, room: size_t) -> ssize_t => read_at_checked;
    fn pwrite(fd: c_int, buf: *const c_void, len: size_t, offset: off64_t) -> ssize_t => write_at;
    fn pwrite64(fd: c_int, buf: *const c_void, len: size_t, offset: off64_t) -> ssize_t => write_at;
    fn preadv(fd: c_int, iov: *const iovec, count: c_int, offset: off64_t) -> ssize_t => read_vectored_at;
    fn preadv64(fd: c_int, iov: *const iovec, count: c_int, offset: off64_t) -> ssize_t => read_vectored_at;
    fn pwritev(fd: c_int, iov: *const iovec, count: c_int, offset: off64_t) -> ssize_t => write_vectored_at;
    fn pwritev64(fd: c_int, iov: *const iovec, count: c_int, offset: off64_t) -> ssize_t => write_vectored_at;
    fn preadv2(fd: c_int, iov: *const iovec, count: c_int, offset: off64_t, flags: c_int) -> ssize_t => read_vectored_as;
    fn preadv64v2(fd: c_int, iov: *const iovec, count: c_int, offset: off64_t, flags: c_int) -> ssize_t => read_vectored_as;
    fn pwritev2(fd: c_int, iov: *const iovec, count: c_int, offset: off64_t, flags: c_int) -> ssize_t => write_vectored_as;
    fn pwritev64v2(fd: c_int, iov: *const iovec, count: c_int, offset: off64_t, flags: c_int) -> ssize_t => write_vectored_as;
    fn copy_file_range(from: c_int, from_offset: *mut off64_t, to: c_int, to_offset: *mut off64_t, len: size_t, flags: c_uint) -> ssize_t => copy;
}

unsafe fn read_at(
    call: &Call,
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    offset: off64_t,
) -> ssize_t {
    // SAFETY: what the caller promised libc, in all of these.
    transfer_of_file(call, fd, len, || unsafe { pread64::next(fd, buf, len, offset) })
}

/// What glibc's headers make of `pread` where they know the buffer's size.
unsafe fn read_at_checked(
    call: &Call,
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    offset: off64_t,
    room: size_t,
) -> ssize_t {
    if len > room {
        // SAFETY: the caller's arguments; this ends the process.
        return unsafe { __pread64_chk::next(fd, buf, len, offset, room) };
    }
    // SAFETY: the caller's promise.
    unsafe { read_at(call, fd, buf, len, offset) }
}

unsafe fn write_at(
    call: &Call,
    fd: c_int,
    buf: *const c_void,
    len: size_t,
    offset: off64_t,
) -> ssize_t {
    // SAFETY: the caller's promise.
    transfer_of_file(call, fd, len, || unsafe { pwrite64::next(fd, buf, len, offset) })
}

unsafe fn read_vectored_at(
    call: &Call,
    fd: c_int,
    iov: *const iovec,
    count: c_int,
    offset: off64_t,
) -> ssize_t {
    // SAFETY: the caller's promise.
    let len = unsafe { vectors::total(iov, count) }.unwrap_or(0);
    // SAFETY: as above.
    transfer_of_file(call, fd, len, || unsafe { preadv64::next(fd, iov, count, offset) })
}

unsafe fn write_vectored_at(
    call: &Call,
    fd: c_int,
    iov: *const iovec,
    count: c_int,
    offset: off64_t,
) -> ssize_t {
    // SAFETY: the caller's promise.
    let len = unsafe { vectors::total(iov, count) }.unwrap_or(0);
    // SAFETY: as above.
    transfer_of_file(call, fd, len, || unsafe { pwritev64::next(fd, iov, count, offset) })
}

unsafe fn read_vectored_as(
    call: &Call,
    fd: c_int,
    iov: *const iovec,
    count: c_int,
    offset: off64_t,
    flags: c_int,
) -> ssize_t {
    // SAFETY: what the caller promised libc, here and below.
    let plain = || unsafe { preadv64v2::next(fd, iov, count, offset, flags) };
    if flags & libc::RWF_NOWAIT != 0 {
        return plain();
    }
    // SAFETY: as above.
    let len = unsafe { vectors::total(iov, count) }.unwrap_or(0);
    transfer_of_file(call, fd, len, plain)
}

unsafe fn write_vectored_as(
    call: &Call,
    fd: c_int,
    iov: *const iovec,
    count: c_int,
    offset: off64_t,
    flags: c_int,
) -> ssize_t {
    // SAFETY: what the caller promised libc, here and below.
    let plain = || unsafe { pwritev64v2::next(fd, iov, count, offset, flags) };
    if flags & libc::RWF_NOWAIT != 0 {
        return plain();
    }
    let len = if flags & (libc::RWF_DSYNC | libc::RWF_SYNC) != 0 {
        // However little it is, it waits for the disk.
        WORTH_A_THREAD
    } else {
        // SAFETY: as above.
        unsafe { vectors::total(iov, count) }.unwrap_or(0)
    };
    transfer_of_file(call, fd, len, plain)
}

unsafe fn copy(
    call: &Call,
    from: c_int,
    from_offset: *mut off64_t,
    to: c_int,
    to_offset: *mut off64_t,
    len: size_t,
    flags: c_uint,
) -> ssize_t {
    // SAFETY: the caller's promise.
    transfer_of_file(call, to, len, || unsafe {
        copy_file_range::next(from, from_offset, to, to_offset, len, flags)
    })
}
