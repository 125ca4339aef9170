//! Memory faults: a handler before the process's own, and the stack it runs on.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::sync::{Once, OnceLock};

use super::memory;

/// The handler's stack. It formats one line without allocating, and may have to call the previous handler.
const ALTERNATE_STACK_SIZE: usize = 64 * 1024;

/// What is asked first when an address faults. Must be async-signal-safe; returns if the fault is none of its business.
pub(crate) type Inspect = fn(address: usize);

static INSPECT: OnceLock<Inspect> = OnceLock::new();
static PREVIOUS: OnceLock<[libc::sigaction; 2]> = OnceLock::new();
const SIGNALS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// Has `inspect` look at every memory fault of the process before the handlers installed so far.
pub(crate) fn install(inspect: Inspect) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = INSPECT.set(inspect);
        // SAFETY: reads, then replaces, the dispositions; `on_fault` has the type that SA_SIGINFO asks for.
        unsafe {
            let mut previous = [MaybeUninit::<libc::sigaction>::zeroed().assume_init(); 2];
            for (signal, slot) in SIGNALS.iter().zip(&mut previous) {
                libc::sigaction(*signal, std::ptr::null(), slot);
            }
            let _ = PREVIOUS.set(previous);
            let mut ours = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            ours.sa_sigaction = on_fault as *const () as usize;
            ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
            for signal in SIGNALS {
                libc::sigaction(signal, &ours, std::ptr::null_mut());
            }
        }
    });
}

unsafe extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes a valid record.
    let address = unsafe { (*info).si_addr() } as usize;
    if let Some(inspect) = INSPECT.get() {
        inspect(address);
    }
    let index = SIGNALS.iter().position(|&s| s == signal).unwrap_or(0);
    let previous = PREVIOUS.get().map(|p| &p[index]);
    match previous {
        Some(p) if p.sa_sigaction != libc::SIG_DFL && p.sa_sigaction != libc::SIG_IGN => {
            // SAFETY: a handler that the process had installed, called as the kernel would call it.
            unsafe {
                if p.sa_flags & libc::SA_SIGINFO != 0 {
                    let f: unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
                        std::mem::transmute(p.sa_sigaction);
                    f(signal, info, context);
                } else {
                    let f: unsafe extern "C" fn(c_int) = std::mem::transmute(p.sa_sigaction);
                    f(signal);
                }
            }
        }
        // SAFETY: the default action; returning repeats the faulting instruction, which now ends the process.
        _ => unsafe {
            libc::signal(signal, libc::SIG_DFL);
            // One that was sent, by kill(2) and the like, would not come again.
            if (*info).si_code <= 0 {
                libc::raise(signal);
            }
        },
    }
}

/// The calling thread's alternate signal stack. Dropped by the same thread, it puts the former one back.
#[derive(Debug)]
pub(crate) struct AlternateStack {
    previous: libc::stack_t,
    at: usize,
}

impl AlternateStack {
    /// Gives the calling thread one, unless it has one that is large enough.
    pub(crate) fn ensure() -> Option<AlternateStack> {
        // SAFETY: queries, and perhaps sets, the calling thread's alternate stack, which is not in use here.
        unsafe {
            let mut previous = MaybeUninit::<libc::stack_t>::zeroed().assume_init();
            libc::sigaltstack(std::ptr::null(), &mut previous);
            if previous.ss_flags & libc::SS_DISABLE == 0 && previous.ss_size >= ALTERNATE_STACK_SIZE
            {
                return None;
            }
            let at = memory::reserve(ALTERNATE_STACK_SIZE).ok()?;
            let ours = libc::stack_t {
                ss_sp: at as *mut c_void,
                ss_flags: 0,
                ss_size: ALTERNATE_STACK_SIZE,
            };
            libc::sigaltstack(&ours, std::ptr::null_mut());
            Some(AlternateStack { previous, at })
        }
    }
}

impl Drop for AlternateStack {
    fn drop(&mut self) {
        // SAFETY: the thread's former stack is valid still; ours, made by `ensure`, is in use by no handler any more.
        unsafe {
            libc::sigaltstack(&self.previous, std::ptr::null_mut());
            libc::munmap(self.at as *mut c_void, ALTERNATE_STACK_SIZE);
        }
    }
}
