//! waitpid(2) and its kin. Each asks the kernel by the very call that the program made, with `WNOHANG`, and waits for a change of the children before it asks
//! again. So the status of a child is only ever taken by who gets it.

use std::io;
use std::mem::MaybeUninit;

use greenwood_runtime::interpose::Call;
use libc::{c_int, id_t, idtype_t, pid_t, rusage, siginfo_t};

use super::change::{self, Children};
use crate::glibc::descriptors::is_nonblocking;
use crate::glibc::hook::{answer, errno, hooks, set_errno};

hooks! {
    PROCESSES;
    fn waitpid(pid: pid_t, status: *mut c_int, options: c_int) -> pid_t => by_pid;
    fn wait4(pid: pid_t, status: *mut c_int, options: c_int, usage: *mut rusage) -> pid_t => by_pid_with_usage;
    fn wait3(status: *mut c_int, options: c_int, usage: *mut rusage) -> pid_t => any_with_usage;
    fn wait(status: *mut c_int) -> pid_t => any;
    fn waitid(kind: idtype_t, id: id_t, info: *mut siginfo_t, options: c_int) -> c_int => by_id;
}

unsafe fn by_pid(call: &Call, pid: pid_t, status: *mut c_int, options: c_int) -> pid_t {
    // SAFETY: what the caller promised libc.
    let ask = || unsafe { waitpid::next(pid, status, options | libc::WNOHANG) };
    ask_until(call, Children::of_pid(pid, options), options, ask)
}

unsafe fn by_pid_with_usage(
    call: &Call,
    pid: pid_t,
    status: *mut c_int,
    options: c_int,
    usage: *mut rusage,
) -> pid_t {
    // SAFETY: what the caller promised libc.
    let ask = || unsafe { wait4::next(pid, status, options | libc::WNOHANG, usage) };
    ask_until(call, Children::of_pid(pid, options), options, ask)
}

unsafe fn any_with_usage(
    call: &Call,
    status: *mut c_int,
    options: c_int,
    usage: *mut rusage,
) -> pid_t {
    // SAFETY: what the caller promised libc.
    let ask = || unsafe { wait3::next(status, options | libc::WNOHANG, usage) };
    ask_until(call, Children::of_pid(-1, options), options, ask)
}

unsafe fn any(call: &Call, status: *mut c_int) -> pid_t {
    // SAFETY: what the caller promised libc.
    unsafe { by_pid(call, -1, status, 0) }
}

unsafe fn by_id(
    call: &Call,
    kind: idtype_t,
    id: id_t,
    info: *mut siginfo_t,
    options: c_int,
) -> c_int {
    // Says EAGAIN by itself.
    let never_waits = kind == libc::P_PIDFD && is_nonblocking(id as c_int).unwrap_or(true);
    if options & libc::WNOHANG != 0 || never_waits {
        // SAFETY: what the caller promised libc, here and below.
        return unsafe { waitid::next(kind, id, info, options) };
    }
    // SAFETY: zeros say that there was no child, as the kernel does.
    let mut found = unsafe { MaybeUninit::<siginfo_t>::zeroed().assume_init() };
    let ask = || {
        // SAFETY: a structure of ours.
        match unsafe { waitid::next(kind, id, &raw mut found, options | libc::WNOHANG) } {
            // SAFETY: what the kernel fills in of it.
            0 => unsafe { found.si_pid() },
            error => error,
        }
    };
    let result = ask_until(call, Children::of_id(kind, id, options), options, ask);
    if !info.is_null() {
        // Only the fields that the kernel writes, which it does with an error too.
        for (start, end) in [(0, 12), (16, 28)] {
            let field = (&raw const found).cast::<u8>().wrapping_add(start);
            // SAFETY: as above.
            unsafe { info.cast::<u8>().add(start).copy_from(field, end - start) };
        }
    }
    result.min(0)
}

/// Calls `ask` until it returns something else than 0, which says that no child has changed.
fn ask_until(
    call: &Call,
    children: Children,
    options: c_int,
    mut ask: impl FnMut() -> pid_t,
) -> pid_t {
    let saved = errno();
    let result = call.check().and_then(|()| {
        let mut waits = change::Waits::new(children);
        loop {
            match ask() {
                0 if options & libc::WNOHANG == 0 => waits.wait(call)?,
                -1 => return Err(io::Error::last_os_error()),
                pid => return Ok(pid),
            }
        }
    });
    match result {
        Ok(pid) => {
            set_errno(saved);
            greenwood_runtime::checkpoint();
            pid
        }
        Err(error) => answer(Err(error)) as pid_t,
    }
}
