//! Lists of buffers, as readv(2) and sendmsg(2) take them.

use std::io;
use std::mem::MaybeUninit;
use std::slice;

use libc::{c_int, iovec, ssize_t};

/// The result of a system call that counts bytes.
#[inline(always)]
pub(crate) fn result(returned: ssize_t) -> io::Result<usize> {
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(returned as usize) }
}

/// The bytes in all. None for a list that the kernel refuses, which is to see it.
///
/// # Safety
/// `iov` points to `count` buffers.
pub(crate) unsafe fn total(iov: *const iovec, count: c_int) -> Option<usize> {
    let count = usize::try_from(count).ok().filter(|&n| n <= libc::UIO_MAXIOV as usize)?;
    if iov.is_null() {
        return (count == 0).then_some(0);
    }
    // SAFETY: the caller's promise.
    let list = unsafe { slice::from_raw_parts(iov, count) };
    list.iter().try_fold(0usize, |sum, one| sum.checked_add(one.iov_len))
}

/// A message of nothing but these bytes.
pub(crate) fn message(iov: *const iovec, count: c_int) -> libc::msghdr {
    // SAFETY: all zeros are a message with nothing in it.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_iov = iov.cast_mut();
    message.msg_iovlen = count as usize;
    message
}

/// Calls `f` with what is left of a list of buffers after its first `done` bytes.
///
/// # Safety
/// `iov` points to `count` buffers.
pub(crate) unsafe fn after<T>(
    iov: *const iovec,
    count: c_int,
    mut done: usize,
    f: impl FnOnce(*const iovec, c_int) -> T,
) -> T {
    if done == 0 {
        return f(iov, count);
    }
    // SAFETY: the caller's promise.
    let list = unsafe { slice::from_raw_parts(iov, count as usize) };
    let mut rest = Vec::with_capacity(list.len());
    for one in list {
        let skipped = done.min(one.iov_len);
        done -= skipped;
        if skipped < one.iov_len {
            let iov_base = one.iov_base.wrapping_byte_add(skipped);
            rest.push(iovec { iov_base, iov_len: one.iov_len - skipped });
        }
    }
    f(rest.as_ptr(), rest.len() as c_int)
}
