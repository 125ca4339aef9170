//! gethostbyname(3) and its kin, whose answer is valid until the next: here each coroutine has its own, which goes with it.

use std::cell::RefCell;
use std::ffi::CStr;
use std::ptr;
use std::slice;

use greenwood_runtime::interpose::Call;
use libc::{c_char, c_int, c_void, hostent, socklen_t};

use super::query::{Host, Memory, NETDB_INTERNAL, Query};
use crate::glibc::hook::{answer, errno, hooks, set_errno};

hooks! {
    DNS;
    fn gethostbyname(name: *const c_char) -> *mut hostent => by_name;
    fn gethostbyname2(name: *const c_char, family: c_int) -> *mut hostent => by_name_of;
    fn gethostbyaddr(address: *const c_void, size: socklen_t, family: c_int) -> *mut hostent => by_address;
}

greenwood_runtime::coroutine_local! {
    static LATEST: RefCell<Option<Box<Host>>> = RefCell::new(None);
}

unsafe extern "C" {
    fn __h_errno_location() -> *mut c_int;
}

unsafe fn by_name(_: &Call, name: *const c_char) -> *mut hostent {
    // SAFETY: what the caller promised libc.
    look(Query::Name(unsafe { CStr::from_ptr(name) }.to_owned()))
}

unsafe fn by_name_of(_: &Call, name: *const c_char, family: c_int) -> *mut hostent {
    // SAFETY: what the caller promised libc.
    look(Query::NameOf(unsafe { CStr::from_ptr(name) }.to_owned(), family))
}

unsafe fn by_address(
    _: &Call,
    address: *const c_void,
    size: socklen_t,
    family: c_int,
) -> *mut hostent {
    // SAFETY: what the caller promised libc.
    let address = unsafe { slice::from_raw_parts(address.cast(), size as usize) }.to_vec();
    look(Query::Address(address, family))
}

fn look(query: Query) -> *mut hostent {
    let saved = errno();
    let mut len = 1024;
    loop {
        let found = match query.clone().ask(Memory::new(len, 0)) {
            Err(interruption) => {
                answer(Err(interruption.into()));
                set_h_errno(NETDB_INTERNAL);
                return ptr::null_mut();
            }
            Ok(found) => found,
        };
        if found.code == libc::ERANGE && found.h_errno == NETDB_INTERNAL && len < 1 << 20 {
            len *= 2;
            continue;
        }
        let Some(host) = found.host else {
            set_errno(found.errno);
            set_h_errno(found.h_errno);
            return ptr::null_mut();
        };
        set_errno(saved);
        let mut host = Box::new(host);
        let entry = &raw mut host.entry;
        LATEST.with(|latest| *latest.borrow_mut() = Some(host));
        return entry;
    }
}

fn set_h_errno(code: c_int) {
    // SAFETY: the calling thread's (coroutine's) own.
    unsafe { *__h_errno_location() = code };
}
