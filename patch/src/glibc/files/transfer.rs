//! Reading and writing regular files: on another thread where that may take long.

use std::sync::atomic::{AtomicU32, Ordering};

use greenwood_runtime::interpose::Call;
use libc::{c_int, ssize_t};

use super::elsewhere::elsewhere;
use crate::Patches;
use crate::glibc::descriptors::{self, Kind};
use crate::glibc::hook::{answer, is_active};

/// Bytes from which a transfer is made on another thread. There and back takes 5 to 50 µs (`examples/ticker.rs` measures it), and copying this
/// much from or to the page cache 10 to 100. What is smaller is made at once, and holds the others up no longer than that, unless it
/// must wait for the disk.
pub(crate) const WORTH_A_THREAD: usize = 128 << 10;

/// How many transfers are being made elsewhere, by descriptor (several share an entry).
static UNDER_WAY: [AtomicU32; 64] = [const { AtomicU32::new(0) }; 64];

fn under_way(fd: c_int) -> &'static AtomicU32 {
    &UNDER_WAY[fd as usize % UNDER_WAY.len()]
}

/// Makes a call that transfers `len` bytes of the file `fd`.
#[inline]
pub(crate) fn transfer(call: &Call, fd: c_int, len: usize, plain: impl Fn() -> ssize_t) -> ssize_t {
    if let Err(error) = call.check() {
        return answer(Err(error));
    }
    if is_long(fd, len) && is_file(fd) {
        return transfer_elsewhere(call, fd, plain);
    }
    let moved = plain();
    greenwood_runtime::checkpoint();
    moved
}

/// [`transfer`] for calls that nothing but this group is interested in.
#[inline]
pub(super) fn transfer_of_file(
    call: &Call,
    fd: c_int,
    len: usize,
    plain: impl Fn() -> ssize_t,
) -> ssize_t {
    match descriptors::kind(fd) {
        Ok(Kind::File) if is_active(Patches::FILES) => transfer(call, fd, len, plain),
        _ => plain(),
    }
}

#[cold]
fn transfer_elsewhere(call: &Call, fd: c_int, plain: impl Fn() -> ssize_t) -> ssize_t {
    under_way(fd).fetch_add(1, Ordering::Relaxed);
    let moved = elsewhere(call, plain);
    under_way(fd).fetch_sub(1, Ordering::Relaxed);
    moved
}

fn is_long(fd: c_int, len: usize) -> bool {
    len >= WORTH_A_THREAD
        // The kernel would have it wait for the other to end, for the file's offset or contents.
        || under_way(fd).load(Ordering::Relaxed) > 0
        || len > 0 && is_waited_for(fd)
}

/// Whether the kernel waits for the disk on each transfer.
fn is_waited_for(fd: c_int) -> bool {
    // SAFETY: takes numbers, returns one.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    flags != -1 && flags & (libc::O_DIRECT | libc::O_DSYNC) != 0
}

/// Asks again: a thread that waits for what is no file could not be had back.
fn is_file(fd: c_int) -> bool {
    descriptors::forget_kind(fd);
    matches!(descriptors::kind(fd), Ok(Kind::File))
}
