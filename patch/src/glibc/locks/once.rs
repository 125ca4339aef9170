//! pthread_once(3), for OS threads as well: who comes second must not find the first in libc's hands, where there is nothing to try.

use std::ffi::c_void;
use std::mem;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};

use greenwood_runtime::interpose;
use greenwood_runtime::park::Reason;
use libc::c_int;

use super::layout;
use super::queue::{self, Waiter};
use crate::Patches;
use crate::glibc::hook::{Answer, Hook, Next, is_active};

/// By which exceptions may pass, as C++ promises for `call_once`.
type Init = extern "C-unwind" fn();

static NEXT: Next = Next::new(c"pthread_once");

/// C11's, which glibc makes of the former.
static NEXT_OF_C11: Next = Next::new(c"call_once");

pub(super) static HOOKS: &[Hook] = &[
    Hook { next: &NEXT, ours: pthread_once as *const () },
    Hook { next: &NEXT_OF_C11, ours: call_once as *const () },
];

const WAITING: u32 = 1;
/// It runs the initialiser.
const RUNNING: u32 = 2;

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn pthread_once(once: *mut c_int, init: Init) -> c_int {
    // SAFETY: as the caller promised libc.
    match is_active(Patches::LOCKS) {
        // SAFETY: as the caller promised libc.
        true => unsafe { run(once, init) },
        // SAFETY: as the caller promised libc.
        false => unsafe { next(once, init) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn call_once(once: *mut c_int, init: Init) {
    // SAFETY: as the caller promised libc.
    unsafe { pthread_once(once, init) };
}

unsafe fn next(once: *mut c_int, init: Init) -> c_int {
    let Some(next) = NEXT.get() else { return c_int::missing() };
    // SAFETY: the dynamic linker found it under the name of a function with this signature.
    let next = unsafe {
        mem::transmute::<*mut c_void, unsafe extern "C-unwind" fn(*mut c_int, Init) -> c_int>(
            next.as_ptr(),
        )
    };
    // SAFETY: the caller's arguments are passed on as they are.
    unsafe { next(once, init) }
}

unsafe fn run(once: *mut c_int, init: Init) -> c_int {
    // SAFETY: as the caller promised libc, here and below.
    let word = unsafe { AtomicU32::from_ptr(once.cast()) };
    let is_done = || word.load(Ordering::Acquire) == layout::ONCE_DONE;
    // An address of its own: what wakes others without cause must not take the initialiser's from the queue.
    let address = once as usize | 2;
    loop {
        if is_done() {
            return 0;
        }
        // SAFETY: dropped at the end of this function.
        let call = unsafe { interpose::enter() };
        if call.as_ref().is_some_and(|c| !c.has_own_thread_locals()) {
            drop(call);
            // SAFETY: as above.
            return unsafe { next(once, init) };
        }
        let mut runs = false;
        let waiter = pin!(Waiter::new(call.as_ref(), address, WAITING));
        let enlisted = waiter.enlist(|others| {
            runs = others.count(RUNNING) == 0;
            if runs {
                others.join_with(RUNNING);
            }
            !is_done()
        });
        let Some(enlisted) = enlisted else { return 0 };
        if !runs {
            enlisted.wait(&Reason("pthread_once"), None);
            continue;
        }
        // The initialiser is not part of this call.
        drop(call);
        let _leaves = OnDrop(|| {
            enlisted.leave();
            queue::wake(address, WAITING, usize::MAX);
        });
        // SAFETY: as above.
        return unsafe { next(once, init) };
    }
}

/// Also when an exception passes.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
