//! getaddrinfo(3).

use std::ptr;

use greenwood_runtime::interpose::Call;
use libc::{addrinfo, c_char, c_int};

use super::share::look_up;
use super::{copy, interrupted, is_literal, pointer};
use crate::glibc::hook::{errno, hooks, set_errno};

hooks! {
    DNS;
    fn getaddrinfo(node: *const c_char, service: *const c_char, hints: *const addrinfo, found: *mut *mut addrinfo) -> c_int => look;
}

/// What a look-up has found, freed if nobody takes it.
struct List(*mut addrinfo);

// SAFETY: a list of its own, which belongs to no thread.
unsafe impl Send for List {}

impl List {
    fn take(mut self) -> *mut addrinfo {
        std::mem::replace(&mut self.0, ptr::null_mut())
    }
}

impl Drop for List {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: getaddrinfo made it, and nobody has had it.
            unsafe { libc::freeaddrinfo(self.0) };
        }
    }
}

unsafe fn look(
    _: &Call,
    node: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    found: *mut *mut addrinfo,
) -> c_int {
    // SAFETY: what the caller promised libc, here and below.
    let (name, port) = unsafe { (copy(node), copy(service)) };
    // SAFETY: as above. Only these four count.
    let hints =
        unsafe { hints.as_ref() }.map(|h| (h.ai_flags, h.ai_family, h.ai_socktype, h.ai_protocol));
    let numeric = hints.is_some_and(|(flags, ..)| flags & libc::AI_NUMERICHOST != 0);
    let asks_nobody = numeric || name.as_ref().is_none_or(|name| is_literal(name));
    let has_port = port.as_ref().is_none_or(|port| port.to_bytes().iter().all(u8::is_ascii_digit));

    let run = move || {
        let hints = hints.map(|(ai_flags, ai_family, ai_socktype, ai_protocol)| addrinfo {
            ai_flags,
            ai_family,
            ai_socktype,
            ai_protocol,
            ai_addrlen: 0,
            ai_addr: ptr::null_mut(),
            ai_canonname: ptr::null_mut(),
            ai_next: ptr::null_mut(),
        });
        let hints = hints.as_ref().map_or(ptr::null(), ptr::from_ref);
        let mut list = ptr::null_mut();
        // SAFETY: strings and hints that are there, or null.
        let code =
            unsafe { getaddrinfo::next(pointer(&name), pointer(&port), hints, &raw mut list) };
        (code, errno(), (code == 0).then(|| List(list)))
    };
    let saved = errno();
    let (code, reason, list) = if asks_nobody && has_port {
        run()
    } else {
        match look_up(run) {
            Ok(answer) => answer,
            Err(interruption) => return interrupted(interruption),
        }
    };
    set_errno(if code == libc::EAI_SYSTEM { reason } else { saved });
    if let Some(list) = list {
        // SAFETY: as above.
        unsafe { *found = list.take() };
    }
    code
}
