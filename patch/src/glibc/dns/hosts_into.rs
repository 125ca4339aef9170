//! gethostbyname_r(3) and its kin, which write into memory of the caller's.

use std::ffi::CStr;
use std::ptr;
use std::slice;

use greenwood_runtime::interpose::Call;
use libc::{c_char, c_int, c_void, hostent, size_t, socklen_t};

use super::query::{Host, Memory, NETDB_INTERNAL, Query};
use crate::glibc::hook::{answer, errno, hooks, set_errno};

hooks! {
    DNS;
    fn gethostbyname_r(name: *const c_char, entry: *mut hostent, buf: *mut c_char, len: size_t, found: *mut *mut hostent, why: *mut c_int) -> c_int => by_name;
    fn gethostbyname2_r(name: *const c_char, family: c_int, entry: *mut hostent, buf: *mut c_char, len: size_t, found: *mut *mut hostent, why: *mut c_int) -> c_int => by_name_of;
    fn gethostbyaddr_r(address: *const c_void, size: socklen_t, family: c_int, entry: *mut hostent, buf: *mut c_char, len: size_t, found: *mut *mut hostent, why: *mut c_int) -> c_int => by_address;
}

/// No answer is longer.
const LONGEST: usize = 16 << 20;

/// Where the caller wants the answer.
struct Place {
    entry: *mut hostent,
    buf: *mut c_char,
    len: size_t,
    found: *mut *mut hostent,
    why: *mut c_int,
}

unsafe fn by_name(
    _: &Call,
    name: *const c_char,
    entry: *mut hostent,
    buf: *mut c_char,
    len: size_t,
    found: *mut *mut hostent,
    why: *mut c_int,
) -> c_int {
    // SAFETY: what the caller promised libc.
    unsafe {
        let name = CStr::from_ptr(name).to_owned();
        Place { entry, buf, len, found, why }.fill(Query::Name(name))
    }
}

unsafe fn by_name_of(
    _: &Call,
    name: *const c_char,
    family: c_int,
    entry: *mut hostent,
    buf: *mut c_char,
    len: size_t,
    found: *mut *mut hostent,
    why: *mut c_int,
) -> c_int {
    // SAFETY: what the caller promised libc.
    unsafe {
        let name = CStr::from_ptr(name).to_owned();
        Place { entry, buf, len, found, why }.fill(Query::NameOf(name, family))
    }
}

unsafe fn by_address(
    _: &Call,
    address: *const c_void,
    size: socklen_t,
    family: c_int,
    entry: *mut hostent,
    buf: *mut c_char,
    len: size_t,
    found: *mut *mut hostent,
    why: *mut c_int,
) -> c_int {
    // SAFETY: what the caller promised libc.
    unsafe {
        let address = slice::from_raw_parts(address.cast(), size as usize).to_vec();
        Place { entry, buf, len, found, why }.fill(Query::Address(address, family))
    }
}

impl Place {
    /// # Safety
    /// As the caller of gethostbyname_r(3) promised it.
    unsafe fn fill(self, query: Query) -> c_int {
        let saved = errno();
        let memory = Memory::new(self.len.min(LONGEST), self.buf as usize);
        let (code, h_errno, host) = match query.ask(memory) {
            Ok(answer) => {
                set_errno(if answer.host.is_some() { saved } else { answer.errno });
                (answer.code, answer.h_errno, answer.host)
            }
            Err(interruption) => {
                answer(Err(interruption.into()));
                (errno(), NETDB_INTERNAL, None)
            }
        };
        // SAFETY: the caller's promise.
        unsafe {
            *self.found = ptr::null_mut();
            match host {
                Some(host) => {
                    self.copy(host);
                    *self.found = self.entry;
                }
                None => *self.why = h_errno,
            }
        }
        code
    }

    /// # Safety
    /// As for [`Place::fill`].
    unsafe fn copy(&self, mut host: Host) {
        let (start, len) = (host.memory.start(), host.memory.len());
        // What points into the memory that goes is to point to the same place of the caller's. Names of some sources are constants elsewhere.
        let moved = |pointer: *mut c_char| match (pointer as usize).checked_sub(start as usize) {
            Some(offset) if offset < len => self.buf.wrapping_add(offset),
            _ => pointer,
        };
        let entry = &mut host.entry;
        for list in [&mut entry.h_aliases, &mut entry.h_addr_list] {
            let mut place = *list;
            // SAFETY: a list of pointers, null at its end, as glibc made it in the memory: where the caller's is not aligned, it need not be.
            unsafe {
                while !place.is_null() && !place.read_unaligned().is_null() {
                    place.write_unaligned(moved(place.read_unaligned()));
                    place = place.add(1);
                }
            }
            *list = moved(list.cast()).cast();
        }
        entry.h_name = moved(entry.h_name);
        // SAFETY: no more than the caller has room for.
        unsafe {
            self.buf.cast::<u8>().copy_from_nonoverlapping(start, len);
            *self.entry = host.entry;
        }
    }
}
