//! Name look-ups, on other threads: what glibc calls inside (configured sources, `/etc/hosts`, sockets) reaches no patched function.
//!
//! Everything that a look-up needs is copied, so that a caller that is interrupted can leave at once: with an error for the system's reasons
//! (`EAI_SYSTEM`, or `NETDB_INTERNAL` in `h_errno`) and `ECANCELED` or `ETIMEDOUT` in `errno`. The look-up goes on to its end, and what it finds is freed.
//!
//! State that glibc keeps for each thread is that of the other thread: settings made by `res_init` and `uselocale`.

mod addresses;
mod hosts;
// As many as libc's functions have.
#[allow(clippy::too_many_arguments)]
mod hosts_into;
#[allow(clippy::too_many_arguments)]
mod names;
mod query;
mod share;

use std::ffi::CStr;
use std::net::Ipv6Addr;

use greenwood_runtime::Interruption;
use libc::{c_char, c_int};

use crate::glibc::hook::{Hook, answer};

/// All functions of this group.
pub(crate) fn hooks() -> impl Iterator<Item = &'static Hook> {
    [addresses::HOOKS, names::HOOKS, hosts::HOOKS, hosts_into::HOOKS].into_iter().flatten()
}

/// A failure with `errno` for its reason.
fn interrupted(interruption: Interruption) -> c_int {
    answer(Err(interruption.into()));
    libc::EAI_SYSTEM
}

/// Whether glibc takes `name` for an address, and so asks nobody.
fn is_literal(name: &CStr) -> bool {
    let mut address = libc::in_addr { s_addr: 0 };
    // SAFETY: a string and a place for the address.
    if unsafe { inet_aton(name.as_ptr(), &raw mut address) } != 0 {
        return true;
    }
    let Ok(name) = name.to_str() else { return false };
    let without_scope = name.split_once('%').map_or(name, |(address, _)| address);
    without_scope.parse::<Ipv6Addr>().is_ok()
}

unsafe extern "C" {
    fn inet_aton(name: *const c_char, address: *mut libc::in_addr) -> c_int;
}

/// A copy of a string that may be missing.
///
/// # Safety
/// As for [`CStr::from_ptr`], but null.
unsafe fn copy(string: *const c_char) -> Option<std::ffi::CString> {
    // SAFETY: the caller's promise.
    (!string.is_null()).then(|| unsafe { CStr::from_ptr(string) }.to_owned())
}

fn pointer(string: &Option<std::ffi::CString>) -> *const c_char {
    string.as_ref().map_or(std::ptr::null(), |s| s.as_ptr())
}
