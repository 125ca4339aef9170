//! Time-outs as C gives them.

use std::time::Duration;

use libc::{timespec, timeval};

use crate::glibc::memory::is_readable;

/// No time, for a question.
pub(super) static NO_TIME: timespec = timespec { tv_sec: 0, tv_nsec: 0 };

/// Milliseconds, of which less than none are no limit.
pub(super) fn millis(timeout: libc::c_int) -> Option<Duration> {
    u64::try_from(timeout).ok().map(Duration::from_millis)
}

/// The time-out at `timeout`, of which null is no limit. An error if the kernel would refuse it.
///
/// # Safety
/// Nobody writes to it meanwhile.
pub(super) unsafe fn spec(timeout: *const timespec) -> Result<Option<Duration>, ()> {
    if timeout.is_null() {
        return Ok(None);
    }
    if !is_readable(timeout.cast(), size_of::<timespec>()) {
        return Err(());
    }
    // SAFETY: as it just turned out.
    let timespec { tv_sec, tv_nsec } = unsafe { *timeout };
    match (u64::try_from(tv_sec), u32::try_from(tv_nsec)) {
        (Ok(seconds), Ok(nanos @ ..1_000_000_000)) => Ok(Some(Duration::new(seconds, nanos))),
        _ => Err(()),
    }
}

/// Like [`spec`], for select(2), which takes more than a million microseconds.
///
/// # Safety
/// As for [`spec`].
pub(super) unsafe fn val(timeout: *const timeval) -> Result<Option<Duration>, ()> {
    if timeout.is_null() {
        return Ok(None);
    }
    // SAFETY: libc's own function reads it too.
    let timeval { tv_sec, tv_usec } = unsafe { *timeout };
    match (u64::try_from(tv_sec), u64::try_from(tv_usec)) {
        (Ok(seconds), Ok(micros)) => {
            Ok(Some(Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros))))
        }
        _ => Err(()),
    }
}
