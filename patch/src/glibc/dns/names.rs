//! getnameinfo(3).

use std::slice;

use greenwood_runtime::interpose::Call;
use libc::{c_char, c_int, sockaddr, socklen_t};

use super::interrupted;
use super::share::look_up;
use crate::glibc::hook::{errno, hooks, set_errno};

hooks! {
    DNS;
    fn getnameinfo(address: *const sockaddr, len: socklen_t, host: *mut c_char, host_len: socklen_t, service: *mut c_char, service_len: socklen_t, flags: c_int) -> c_int => look;
}

/// Longer than any name: what does not fit into the caller's buffer does not fit into one of this size either.
const LONGEST: usize = 4096;

unsafe fn look(
    _: &Call,
    address: *const sockaddr,
    len: socklen_t,
    host: *mut c_char,
    host_len: socklen_t,
    service: *mut c_char,
    service_len: socklen_t,
    flags: c_int,
) -> c_int {
    // SAFETY: what the caller promised libc, here and below.
    let plain =
        || unsafe { getnameinfo::next(address, len, host, host_len, service, service_len, flags) };
    let wants_host = !host.is_null() && host_len > 0 && flags & libc::NI_NUMERICHOST == 0;
    let wants_service = !service.is_null() && service_len > 0 && flags & libc::NI_NUMERICSERV == 0;
    let known = !address.is_null() && (len as usize) <= size_of::<libc::sockaddr_storage>();
    if !known || !(wants_host || wants_service) {
        return plain();
    }
    let mut copy = [0u64; size_of::<libc::sockaddr_storage>() / 8];
    // SAFETY: as above; it has room for as much.
    unsafe {
        address.cast::<u8>().copy_to_nonoverlapping(copy.as_mut_ptr().cast(), len as usize);
    }
    let room = |into: *mut c_char, len: socklen_t| {
        (!into.is_null()).then(|| vec![0u8; (len as usize).min(LONGEST)])
    };
    let (mut names, mut services) = (room(host, host_len), room(service, service_len));
    let run = move || {
        let part = |buf: &mut Option<Vec<u8>>| match buf {
            Some(buf) => (buf.as_mut_ptr().cast::<c_char>(), buf.len() as socklen_t),
            None => (std::ptr::null_mut(), 0),
        };
        let ((name, name_len), (port, port_len)) = (part(&mut names), part(&mut services));
        // SAFETY: copies of the caller's arguments.
        let code = unsafe {
            getnameinfo::next(copy.as_ptr().cast(), len, name, name_len, port, port_len, flags)
        };
        (code, errno(), names, services)
    };
    let saved = errno();
    let (code, reason, names, services) = match look_up(run) {
        Ok(answer) => answer,
        Err(interruption) => return interrupted(interruption),
    };
    set_errno(if code == libc::EAI_SYSTEM { reason } else { saved });
    if code == 0 {
        // SAFETY: as above.
        unsafe {
            give(names, host);
            give(services, service);
        }
    }
    code
}

/// # Safety
/// `into` has as much room as `from`.
unsafe fn give(from: Option<Vec<u8>>, into: *mut c_char) {
    let Some(from) = from else { return };
    // With the zero at its end.
    let len = from.iter().position(|&b| b == 0).map_or(0, |end| end + 1);
    // SAFETY: the caller's promise.
    unsafe { slice::from_raw_parts_mut(into.cast(), len) }.copy_from_slice(&from[..len]);
}
