//! A question about a host, and its answer, for the functions from before getaddrinfo(3).

use std::ffi::CString;
use std::mem::MaybeUninit;
use std::ptr;

use greenwood_runtime::Interruption;
use libc::{c_char, c_int, hostent, size_t};

use super::hosts_into::{gethostbyaddr_r, gethostbyname_r, gethostbyname2_r};
use super::is_literal;
use super::share::look_up;
use crate::glibc::hook::errno;

/// `h_errno`'s word for "see `errno`".
pub(super) const NETDB_INTERNAL: c_int = -1;

/// What is asked.
#[derive(Clone)]
pub(super) enum Query {
    Name(CString),
    NameOf(CString, c_int),
    Address(Vec<u8>, c_int),
}

/// What came of it.
pub(super) struct Answer {
    /// As the `_r` functions return it.
    pub(super) code: c_int,
    pub(super) errno: c_int,
    pub(super) h_errno: c_int,
    pub(super) host: Option<Host>,
}

/// A host, and the memory that it points into.
pub(super) struct Host {
    pub(super) entry: hostent,
    pub(super) memory: Memory,
}

// SAFETY: its pointers lead into memory of its own, or to what never changes.
unsafe impl Send for Host {}

/// Bytes from a given remainder by [`Memory::ALIGN`] on, so that everything in them stays aligned when they are copied to where they are wanted.
pub(super) struct Memory {
    bytes: Vec<u8>,
    offset: usize,
    len: usize,
}

impl Memory {
    const ALIGN: usize = 16;

    pub(super) fn new(len: usize, like: usize) -> Memory {
        let bytes = vec![0; len + Memory::ALIGN];
        let offset = like.wrapping_sub(bytes.as_ptr() as usize) % Memory::ALIGN;
        Memory { bytes, offset, len }
    }

    pub(super) fn start(&mut self) -> *mut u8 {
        self.bytes[self.offset..].as_mut_ptr()
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }
}

impl Query {
    /// Asks, on another thread where somebody else has to be asked. `ERANGE` if the answer does not fit into `memory`.
    pub(super) fn ask(self, memory: Memory) -> Result<Answer, Interruption> {
        let literal = match &self {
            Query::Name(name) | Query::NameOf(name, _) => is_literal(name),
            Query::Address(..) => false,
        };
        if literal { Ok(self.run(memory)) } else { look_up(move || self.run(memory)) }
    }

    fn run(&self, mut memory: Memory) -> Answer {
        // SAFETY: null pointers and zeros.
        let mut entry = unsafe { MaybeUninit::<hostent>::zeroed().assume_init() };
        let (mut result, mut h_errno) = (ptr::null_mut(), 0);
        let (start, len) = (memory.start().cast::<c_char>(), memory.len() as size_t);
        let (host, found, why) = (&raw mut entry, &raw mut result, &raw mut h_errno);
        // SAFETY: strings, bytes and room that are there.
        let code = unsafe {
            match self {
                Query::Name(name) => {
                    gethostbyname_r::next(name.as_ptr(), host, start, len, found, why)
                }
                Query::NameOf(name, family) => {
                    gethostbyname2_r::next(name.as_ptr(), *family, host, start, len, found, why)
                }
                Query::Address(bytes, family) => gethostbyaddr_r::next(
                    bytes.as_ptr().cast(),
                    bytes.len() as libc::socklen_t,
                    *family,
                    host,
                    start,
                    len,
                    found,
                    why,
                ),
            }
        };
        let host = (code == 0 && !result.is_null()).then_some(Host { entry, memory });
        Answer { code, errno: errno(), h_errno, host }
    }
}
